"""The table of applied declarations: every one is kept, the newest is in force."""

from typing import Any

from sqlalchemy import Column, Integer, Row, String, Table, func, insert, select

from bucle.base.codec import convert, to_builtins
from bucle.control.reconcile.records import AppliedSpec
from bucle.control.spec.records import ProjectSpec
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata

applied_specs = Table(
    "applied_specs",
    metadata,
    Column("project", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("commit", String, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
    Column("applied_by", String, nullable=False),
    Column("spec", Json, nullable=False),
)


def find_applied(tx: Tx, project: str, number: int | None = None) -> AppliedSpec | None:
    """Return the declarations in force, or those of a number; None where there are none."""
    query = select(applied_specs).where(applied_specs.c.project == project)
    if number is not None:
        query = query.where(applied_specs.c.number == number)
    row = tx.execute(query.order_by(applied_specs.c.number.desc()).limit(1)).one_or_none()
    return _applied(row) if row else None


def next_number(tx: Tx, project: str) -> int:
    """Return the number of the declarations to come."""
    query = select(func.max(applied_specs.c.number)).where(applied_specs.c.project == project)
    return (tx.execute(query).scalar() or 0) + 1


def add_applied(tx: Tx, project: str, applied: AppliedSpec) -> None:
    """Insert declarations."""
    tx.execute(
        insert(applied_specs).values(
            project=project,
            number=applied.number,
            digest=applied.digest,
            folder=applied.folder,
            commit=applied.commit,
            applied_at=applied.applied_at,
            applied_by=applied.applied_by,
            spec=to_builtins(applied.spec),
        )
    )


def _applied(row: Row[Any]) -> AppliedSpec:
    return AppliedSpec(
        number=row.number,
        digest=row.digest,
        folder=row.folder,
        commit=row.commit,
        applied_at=row.applied_at,
        applied_by=row.applied_by,
        spec=convert(row.spec, ProjectSpec),
    )
