"""The tables of contracts, and of the versions that were judged by them."""

from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.data.contracts.records import Contract, Delivery

contracts = Table(
    "data_contracts",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String, nullable=False),
    Column("effective_at", UtcDateTime, nullable=True),  # NULL: not accepted by both
    Column("revision", Integer, nullable=False),  # counts the changes of the row
    Column("body", Json, nullable=False),
)

deliveries = Table(
    "contract_deliveries",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_contract_deliveries_project_dataset_at", "project", "dataset", "at"),
)

_CONTRACT, _DELIVERY = contracts.c, deliveries.c


def add(tx: Tx, project: str, made: Contract) -> None:
    """Insert a contract."""
    tx.execute(
        insert(contracts).values(
            project=project,
            dataset=made.dataset.name,
            number=made.number,
            state=made.state,
            effective_at=made.effective_at,
            revision=1,
            body=to_builtins(made),
        )
    )


def next_number(tx: Tx, project: str, dataset: str) -> int:
    """Return the number of a dataset's next contract."""
    query = select(func.max(_CONTRACT.number)).where(*_of(project, dataset))
    return int(tx.execute(query).scalar() or 0) + 1


def find(tx: Tx, project: str, dataset: str, number: int) -> Contract | None:
    """Return a contract by its number."""
    return _first(tx, _bodies(project, dataset).where(_CONTRACT.number == number))


def find_in_force(tx: Tx, project: str, dataset: str, now: datetime) -> Contract | None:
    """Return the contract that is in force at a moment."""
    query = _bodies(project, dataset).where(
        _CONTRACT.state == "accepted", _CONTRACT.effective_at <= now
    )
    return _first(tx, query)


def find_coming(tx: Tx, project: str, dataset: str, now: datetime) -> Contract | None:
    """Return the contract that was accepted for later."""
    query = _bodies(project, dataset).where(
        _CONTRACT.state == "accepted", _CONTRACT.effective_at > now
    )
    return _first(tx, query)


def find_proposed(tx: Tx, project: str, dataset: str) -> Contract | None:
    """Return the contract that waits to be accepted."""
    return _first(tx, _bodies(project, dataset).where(_CONTRACT.state == "proposed"))


def lock(tx: Tx, project: str, dataset: str) -> None:
    """Let other writers of a dataset's contracts wait until the transaction ends."""
    same = update(contracts).where(*_of(project, dataset))
    tx.execute(same.values(revision=_CONTRACT.revision + 1))


def replace(tx: Tx, project: str, made: Contract) -> None:
    """Write a contract over what it was; the dataset's contracts are locked."""
    tx.execute(
        update(contracts)
        .where(*_of(project, made.dataset.name), _CONTRACT.number == made.number)
        .values(state=made.state, effective_at=made.effective_at, body=to_builtins(made))
    )


def list_all(
    tx: Tx, project: str, *, dataset: str, limit: int, token: str | None
) -> Page[Contract]:
    """List contracts by dataset, the newest of each first; of one dataset, or of all."""
    query = select(_CONTRACT.body).where(_CONTRACT.project == project)
    if dataset:
        query = query.where(_CONTRACT.dataset == dataset)
    if token:
        name, number = decode_token(token, str, int)
        later = (_CONTRACT.dataset == name) & (_CONTRACT.number < number)
        query = query.where((_CONTRACT.dataset > name) | later)
    query = query.order_by(_CONTRACT.dataset, _CONTRACT.number.desc())
    bodies = tx.execute(query.limit(limit + 1)).scalars().all()
    items = tuple(convert(body, Contract) for body in bodies[:limit])
    last = items[-1] if len(bodies) > limit else None
    more = encode_token(last.dataset.name, last.number) if last else None
    return Page(items=items, next_token=more)


def list_kept(tx: Tx, project: str, now: datetime) -> tuple[str, ...]:
    """Return the datasets that have a contract in force."""
    query = select(_CONTRACT.dataset).where(
        _CONTRACT.project == project, _CONTRACT.state == "accepted", _CONTRACT.effective_at <= now
    )
    return tuple(tx.execute(query.distinct().order_by(_CONTRACT.dataset)).scalars())


def put_delivery(tx: Tx, project: str, made: Delivery) -> None:
    """Write how a version was judged."""
    values = {"at": made.at, "body": to_builtins(made)}
    put = upsert_into(tx, deliveries).values(
        project=project,
        dataset=made.version.name,
        version=int(made.version.version or 0),
        **values,
    )
    keys = [_DELIVERY.project, _DELIVERY.dataset, _DELIVERY.version]
    tx.execute(put.on_conflict_do_update(index_elements=keys, set_=values))


def find_delivery(tx: Tx, project: str, dataset: str, version: int) -> Delivery | None:
    """Return how a version was judged; None: it was not yet."""
    query = select(_DELIVERY.body).where(
        _DELIVERY.project == project, _DELIVERY.dataset == dataset, _DELIVERY.version == version
    )
    body = tx.execute(query).scalar()
    return convert(body, Delivery) if body else None


def list_deliveries(
    tx: Tx, project: str, dataset: str, *, since: datetime | None = None, limit: int = 1000
) -> tuple[Delivery, ...]:
    """Return the versions that were judged, newest first."""
    query = select(_DELIVERY.body).where(_DELIVERY.project == project, _DELIVERY.dataset == dataset)
    if since is not None:
        query = query.where(_DELIVERY.at >= since)
    query = query.order_by(_DELIVERY.at.desc(), _DELIVERY.version.desc()).limit(limit)
    return tuple(convert(body, Delivery) for body in tx.execute(query).scalars())


def _bodies(project: str, dataset: str) -> Select[tuple[object]]:
    return select(_CONTRACT.body).where(*_of(project, dataset)).order_by(_CONTRACT.number.desc())


def _first(tx: Tx, query: Select[tuple[object]]) -> Contract | None:
    body = tx.execute(query.limit(1)).scalar()
    return convert(body, Contract) if body else None


def _of(project: str, dataset: str) -> tuple[ColumnElement[bool], ...]:
    return _CONTRACT.project == project, _CONTRACT.dataset == dataset
