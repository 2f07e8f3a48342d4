"""The table of decisions on data."""

from sqlalchemy import Column, Integer, String, Table, func, insert, select

from bucle.base.codec import convert, to_builtins
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.data.decisions.records import DataDecision

data_decisions = Table(
    "data_decisions",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("decision", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

_THEIRS = data_decisions.c
_MOST = 10_000


def add(tx: Tx, made: DataDecision) -> None:
    """Insert a decision."""
    tx.execute(
        insert(data_decisions).values(
            project=made.project,
            dataset=made.dataset.name,
            number=made.number,
            version=int(made.dataset.version or 0),
            digest=made.digest,
            decision=made.decision,
            at=made.at,
            body=to_builtins(made),
        )
    )


def next_number(tx: Tx, project: str, dataset: str) -> int:
    """Return the number that a dataset's next decision has."""
    query = select(func.max(_THEIRS.number)).where(
        _THEIRS.project == project, _THEIRS.dataset == dataset
    )
    return int(tx.execute(query).scalar() or 0) + 1


def list_of(tx: Tx, project: str, dataset: str) -> tuple[DataDecision, ...]:
    """List a dataset's decisions, the newest first."""
    query = (
        select(_THEIRS.body)
        .where(_THEIRS.project == project, _THEIRS.dataset == dataset)
        .order_by(_THEIRS.number.desc())
        .limit(_MOST)
    )
    return tuple(convert(body, DataDecision) for body in tx.execute(query).scalars())
