"""The tables of what people say of datasets, and of what is proposed of their columns."""

from collections.abc import Iterable

from sqlalchemy import Column, ColumnElement, String, Table, delete, select, update

from bucle.base.codec import convert, to_builtins
from bucle.drivers.db import Json, Tx, metadata, upsert_into
from bucle.lifecycle.data.catalog.records import ColumnProposal, Written

catalog_entries = Table(
    "catalog_entries",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("body", Json, nullable=False),  # what people wrote
    Column("fresh_within", String, nullable=False),  # declared or written; "": no objective
    Column("stale", String, nullable=False),  # the newest moment when it was said; "": fresh
)

column_proposals = Table(
    "column_proposals",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("column", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("body", Json, nullable=False),
)

_ENTRY, _PROPOSAL = catalog_entries.c, column_proposals.c


def find_written(tx: Tx, project: str, dataset: str) -> Written:
    """Return what people wrote of a dataset."""
    body = tx.execute(select(_ENTRY.body).where(*_of(project, dataset))).scalar()
    return convert(body, Written) if body else Written()


def list_written(tx: Tx) -> tuple[tuple[str, Written], ...]:
    """Return what people wrote, with its project, of every dataset."""
    found = tx.execute(select(_ENTRY.project, _ENTRY.body)).all()
    return tuple((project, convert(body, Written)) for project, body in found if body)


def lock(tx: Tx, project: str, dataset: str) -> None:
    """Make the row of a dataset, unless it is there, and let other writers of it wait."""
    row = {"project": project, "dataset": dataset, "body": {}, "fresh_within": "", "stale": ""}
    tx.execute(upsert_into(tx, catalog_entries).values(row).on_conflict_do_nothing())
    same = update(catalog_entries).where(*_of(project, dataset))
    tx.execute(same.values(stale=_ENTRY.stale))


def set_written(tx: Tx, project: str, dataset: str, written: Written) -> None:
    """Write what people say over what they said."""
    tx.execute(
        update(catalog_entries).where(*_of(project, dataset)).values(body=to_builtins(written))
    )


def set_objective(tx: Tx, project: str, dataset: str, fresh_within: str) -> None:
    """Note how fresh a dataset should be; where nothing was ever said, there is no row."""
    if fresh_within:
        row = {"project": project, "dataset": dataset, "body": {}, "stale": ""}
        put = upsert_into(tx, catalog_entries).values(row | {"fresh_within": fresh_within})
        keys = [_ENTRY.project, _ENTRY.dataset]
        put_over = put.on_conflict_do_update(
            index_elements=keys, set_={"fresh_within": fresh_within}
        )
        tx.execute(put_over)
    else:
        same = update(catalog_entries).where(*_of(project, dataset))
        tx.execute(same.values(fresh_within="", stale=""))


def list_objectives(tx: Tx, project: str) -> tuple[tuple[str, str, str], ...]:
    """Return the datasets that should be fresh: their names, how fresh, and what was said."""
    query = select(_ENTRY.dataset, _ENTRY.fresh_within, _ENTRY.stale).where(
        _ENTRY.project == project, _ENTRY.fresh_within != ""
    )
    rows = tx.execute(query.order_by(_ENTRY.dataset))
    return tuple((row.dataset, row.fresh_within, row.stale) for row in rows)


def set_stale(tx: Tx, project: str, dataset: str, said: str, *, seen: str) -> bool:
    """Note of which moment a dataset was said to be stale; tell whether nobody did meanwhile."""
    same = update(catalog_entries).where(*_of(project, dataset), _ENTRY.stale == seen)
    return tx.execute(same.values(stale=said)).rowcount == 1


def list_proposals(
    tx: Tx, project: str, dataset: str, state: str = ""
) -> tuple[ColumnProposal, ...]:
    """Return what is proposed of a dataset's columns, by column; of any state, or of one."""
    query = select(_PROPOSAL.body).where(_PROPOSAL.project == project, _PROPOSAL.dataset == dataset)
    if state:
        query = query.where(_PROPOSAL.state == state)
    bodies = tx.execute(query.order_by(_PROPOSAL.column, _PROPOSAL.kind)).scalars()
    return tuple(convert(body, ColumnProposal) for body in bodies)


def put_proposals(tx: Tx, project: str, dataset: str, made: Iterable[ColumnProposal]) -> None:
    """Write proposals over those of the same column and kind."""
    for one in made:
        values = {"state": one.state, "body": to_builtins(one)}
        put = upsert_into(tx, column_proposals).values(
            project=project, dataset=dataset, column=one.column, kind=one.kind, **values
        )
        keys = [_PROPOSAL.project, _PROPOSAL.dataset, _PROPOSAL.column, _PROPOSAL.kind]
        tx.execute(put.on_conflict_do_update(index_elements=keys, set_=values))


def drop_undecided(tx: Tx, project: str, dataset: str) -> None:
    """Forget what was proposed and not decided."""
    tx.execute(
        delete(column_proposals).where(
            _PROPOSAL.project == project,
            _PROPOSAL.dataset == dataset,
            _PROPOSAL.state == "proposed",
        )
    )


def _of(project: str, dataset: str) -> tuple[ColumnElement[bool], ...]:
    return _ENTRY.project == project, _ENTRY.dataset == dataset
