"""How far each writer of a run has come: the table of it, and its SQL.

The segments can not tell: small ones are packed together, and forget who sent them.
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from bucle.drivers.db import metadata

writers = Table(
    "run_writers",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("writer", String, primary_key=True),
    Column("points", BigInteger, nullable=False),
)


def find_taken(tx: Connection, project: str, run: str, writer: str) -> int | None:
    """Return how many points of a writer were taken; None if it never sent any."""
    query = select(writers.c.points).filter_by(project=project, run=run, writer=writer)
    return tx.execute(query).scalar()


def forget(tx: Connection, project: str, runs: Sequence[str]) -> None:
    """Delete what is known of the writers of some runs."""
    tx.execute(delete(writers).where(writers.c.project == project, writers.c.run.in_(runs)))


def set_taken(tx: Connection, project: str, run: str, writer: str, points: int) -> None:
    """Note how many points of a writer were taken."""
    key = {"project": project, "run": run, "writer": writer}
    if not tx.execute(update(writers).filter_by(**key).values(points=points)).rowcount:
        tx.execute(insert(writers).values(**key, points=points))
