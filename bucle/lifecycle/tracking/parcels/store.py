"""How far each writer of a run has come: the table of it, and its SQL.

The segments can not tell: small ones are packed together, and forget who sent them.
"""

from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select, update

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


def set_taken(tx: Connection, project: str, run: str, writer: str, points: int) -> None:
    """Note how many points of a writer were taken."""
    key = {"project": project, "run": run, "writer": writer}
    if not tx.execute(update(writers).filter_by(**key).values(points=points)).rowcount:
        tx.execute(insert(writers).values(**key, points=points))
