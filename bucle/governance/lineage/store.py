"""The table of lineage edges."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, Index, String, Table, select

from bucle.drivers.db import Json, UtcDateTime, metadata, upsert_into
from bucle.governance.facts import Edge

edges = Table(
    "edges",
    metadata,
    Column("project", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("relation", String, primary_key=True),
    Column("detail", Json, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_edges_project_target", "project", "target"),
)

_SAME = [edges.c.project, edges.c.source, edges.c.target, edges.c.relation]


def add_edges(tx: Connection, project: str, new: Sequence[Edge], now: datetime) -> None:
    """Write edges; one that is there already takes the new detail."""
    for edge in new:
        statement = upsert_into(tx, edges).values(
            project=project,
            source=edge.source,
            target=edge.target,
            relation=edge.relation,
            detail=edge.detail,
            at=now,
        )
        detail = {"detail": statement.excluded.detail}
        tx.execute(statement.on_conflict_do_update(index_elements=_SAME, set_=detail))


def list_edges(tx: Connection, project: str, refs: Sequence[str], *, up: bool) -> tuple[Edge, ...]:
    """Return the edges into (`up`) or out of these refs."""
    near = edges.c.target if up else edges.c.source
    query = select(edges).where(edges.c.project == project, near.in_(refs))
    return tuple(
        Edge(
            source=row.source,
            target=row.target,
            relation=row.relation,
            detail=row.detail,
            at=row.at,
        )
        for row in tx.execute(query.order_by(edges.c.at, edges.c.source, edges.c.target))
    )


def list_edges_of(tx: Connection, project: str, bare: str) -> tuple[Edge, ...]:
    """Return the edges out of every version of a thing."""
    versions: ColumnElement[bool] = edges.c.source.startswith(f"{bare}@", autoescape=True)
    if tx.dialect.name == "sqlite":  # "A" is the sign after "@": a stretch of the key
        versions = (edges.c.source >= f"{bare}@") & (edges.c.source < f"{bare}A")
    query = select(edges).where(edges.c.project == project, (edges.c.source == bare) | versions)
    return tuple(
        Edge(
            source=row.source,
            target=row.target,
            relation=row.relation,
            detail=row.detail,
            at=row.at,
        )
        for row in tx.execute(query.order_by(edges.c.at, edges.c.source, edges.c.target))
    )
