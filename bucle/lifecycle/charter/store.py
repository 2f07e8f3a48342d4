"""The table of charters: one row per version, the newest in force."""

from sqlalchemy import Column, Connection, Integer, String, Table, func, insert, select

from bucle.base.codec import convert, to_builtins
from bucle.drivers.db import Json, UtcDateTime, metadata
from bucle.lifecycle.charter.records import Charter

charters = Table(
    "charters",
    metadata,
    Column("project", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("set_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)


def find_charter(tx: Connection, project: str, version: int | None = None) -> Charter | None:
    """Return a version of the charter, or the newest; None where there is none."""
    query = select(charters.c.body).where(charters.c.project == project)
    if version is not None:
        query = query.where(charters.c.version == version)
    body = tx.execute(query.order_by(charters.c.version.desc()).limit(1)).scalar()
    return convert(body, Charter) if body else None


def next_version(tx: Connection, project: str) -> int:
    """Return the number of the version to come."""
    query = select(func.max(charters.c.version)).where(charters.c.project == project)
    return (tx.execute(query).scalar() or 0) + 1


def add_charter(tx: Connection, charter: Charter) -> None:
    """Insert a version."""
    tx.execute(
        insert(charters).values(
            project=charter.project,
            version=charter.version,
            set_at=charter.set_at,
            body=to_builtins(charter),
        )
    )
