"""The table of usages."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    String,
    Table,
    func,
    insert,
    select,
)

from bucle.base.ids import new_id
from bucle.base.usage import Usage
from bucle.drivers.db import UtcDateTime, metadata
from bucle.governance.cost.records import Spending

usages = Table(
    "usages",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("ref", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("cpu_s", Float, nullable=False),
    Column("wall_s", Float, nullable=False),
    Column("peak_memory_bytes", BigInteger, nullable=False),
    Column("gpu_s", Float),
    Column("cost", Float, nullable=False),
    Index("ix_usages_project_ref", "project", "ref"),
)


def add_spendings(tx: Connection, project: str, new: Sequence[Spending], now: datetime) -> None:
    """Insert what was spent."""
    rows = [
        {
            "project": project,
            "id": new_id(now),
            "ref": spending.ref,
            "at": now,
            "cpu_s": spending.usage.cpu_s,
            "wall_s": spending.usage.wall_s,
            "peak_memory_bytes": spending.usage.peak_memory_bytes,
            "gpu_s": spending.usage.gpu_s,
            "cost": spending.cost,
        }
        for spending in new
    ]
    tx.execute(insert(usages), rows)


def list_spendings(tx: Connection, project: str, kind: str | None) -> tuple[Spending, ...]:
    """Return totals by ref, the dearest first; of one kind of thing where it is given."""
    query = (
        select(
            usages.c.ref,
            func.sum(usages.c.cpu_s).label("cpu_s"),
            func.sum(usages.c.wall_s).label("wall_s"),
            func.max(usages.c.peak_memory_bytes).label("peak_memory_bytes"),
            func.sum(usages.c.gpu_s).label("gpu_s"),
            func.sum(usages.c.cost).label("cost"),
        )
        .where(usages.c.project == project)
        .group_by(usages.c.ref)
        .order_by(func.sum(usages.c.cost).desc(), usages.c.ref)
    )
    if kind:
        query = query.where(usages.c.ref.startswith(f"{kind}:", autoescape=True))
    return tuple(
        Spending(
            ref=row.ref,
            cost=row.cost,
            usage=Usage(
                cpu_s=row.cpu_s,
                wall_s=row.wall_s,
                peak_memory_bytes=row.peak_memory_bytes,
                gpu_s=row.gpu_s,
            ),
        )
        for row in tx.execute(query)
    )


def total_since(tx: Connection, project: str, since: datetime) -> float:
    """Return the cost of everything in a project from a moment on."""
    query = select(func.sum(usages.c.cost)).where(usages.c.project == project, usages.c.at >= since)
    return tx.execute(query).scalar() or 0.0
