"""The tables of sources: how far each was drawn, and which files were found there."""

from collections.abc import Iterable

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, OrderedText, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.data.sourcing.records import Arrival, SourceState

data_sources = Table(
    "data_sources",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("rule", String, nullable=False),  # of its schedule, as control has it; "": none
    Column("number", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Column("ties", LargeBinary, nullable=False),
)

source_files = Table(
    "source_files",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("mark", String, nullable=False),
    Column("status", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

_SOURCE, _FILE = data_sources.c, source_files.c


def declare(tx: Tx, project: str, dataset: str, rule: str) -> None:
    """Make a source's row, or write its rule; how far it was drawn stays."""
    body = to_builtins(SourceState(dataset=dataset))
    statement = upsert_into(tx, data_sources).values(
        project=project, dataset=dataset, rule=rule, number=0, body=body, ties=b""
    )
    keys = [_SOURCE.project, _SOURCE.dataset]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_={"rule": rule}))


def forget(tx: Tx, project: str, dataset: str) -> None:
    """Remove what is kept of a source."""
    tx.execute(delete(data_sources).where(_of(project, dataset)))
    tx.execute(delete(source_files).where(_FILE.project == project, _FILE.dataset == dataset))


def find(tx: Tx, project: str, dataset: str) -> tuple[SourceState, bytes] | None:
    """Return what is kept of a source; None: there is none."""
    query = select(_SOURCE.number, _SOURCE.body, _SOURCE.ties).where(_of(project, dataset))
    row = tx.execute(query).one_or_none()
    return (convert(row.body | {"number": row.number}, SourceState), row.ties) if row else None


def list_states(tx: Tx, project: str, *, limit: int, token: str | None) -> Page[SourceState]:
    """List what is kept of the sources, by dataset."""
    query = select(_SOURCE.dataset, _SOURCE.number, _SOURCE.body).where(_SOURCE.project == project)
    if token:
        query = query.where(_SOURCE.dataset > decode_token(token, str)[0])
    rows = tx.execute(query.order_by(_SOURCE.dataset).limit(limit + 1)).all()
    items = tuple(convert(row.body | {"number": row.number}, SourceState) for row in rows[:limit])
    more = encode_token(items[-1].dataset) if len(rows) > limit else None
    return Page(items=items, next_token=more)


def list_rules(tx: Tx, project: str) -> dict[str, str]:
    """Return the rules of the sources that have a schedule, by dataset."""
    query = select(_SOURCE.dataset, _SOURCE.rule).where(
        _SOURCE.project == project, _SOURCE.rule != ""
    )
    return {row.dataset: row.rule for row in tx.execute(query)}


def move(tx: Tx, project: str, state: SourceState, *, seen: int, ties: bytes) -> bool:
    """Write what is kept of a source if nobody wrote meanwhile; tell whether nobody did."""
    statement = (
        update(data_sources)
        .where(_of(project, state.dataset), _SOURCE.number == seen)
        .values(number=state.number, body=to_builtins(state), ties=ties)
    )
    return tx.execute(statement).rowcount == 1


def marks(tx: Tx, project: str, dataset: str) -> dict[str, Arrival]:
    """Return every file that was found at a source, by name."""
    query = select(_FILE.body).where(_FILE.project == project, _FILE.dataset == dataset)
    found = (convert(body, Arrival) for body in tx.execute(query).scalars())
    return {arrival.name: arrival for arrival in found}


def keep_files(tx: Tx, project: str, dataset: str, files: Iterable[Arrival]) -> None:
    """Write files over what was known of them."""
    for file in files:
        values = {
            "mark": file.mark, "status": file.status, "at": file.at, "body": to_builtins(file)
        }  # fmt: skip
        statement = upsert_into(tx, source_files).values(
            project=project, dataset=dataset, name=file.name, **values
        )
        keys = [_FILE.project, _FILE.dataset, _FILE.name]
        tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


def list_files(
    tx: Tx, project: str, dataset: str, *, status: str, limit: int, token: str | None
) -> Page[Arrival]:
    """List the files of a source by name: all, or those of a status."""
    query = select(_FILE.body).where(_FILE.project == project, _FILE.dataset == dataset)
    if status:
        query = query.where(_FILE.status == status)
    if token:
        query = query.where(_FILE.name > decode_token(token, str)[0])
    bodies = tx.execute(query.order_by(_FILE.name).limit(limit + 1)).scalars().all()
    items = tuple(convert(body, Arrival) for body in bodies[:limit])
    more = encode_token(items[-1].name) if len(bodies) > limit else None
    return Page(items=items, next_token=more)


def count_broken(tx: Tx, project: str, dataset: str) -> int:
    """Return how many files of a source are broken."""
    query = select(func.count()).where(
        _FILE.project == project, _FILE.dataset == dataset, _FILE.status == "broken"
    )
    return int(tx.execute(query).scalar_one())


def _of(project: str, dataset: str) -> ColumnElement[bool]:
    return (_SOURCE.project == project) & (_SOURCE.dataset == dataset)
