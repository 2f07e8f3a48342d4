"""The table of quarantines; their rows lie in the content store."""

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.data.quarantine.records import Quarantine

quarantines = Table(
    "quarantines",
    metadata,
    Column("project", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("replayed_as", String, nullable=False),  # "": nobody committed the rows yet
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

_THEIRS = quarantines.c


def add(tx: Tx, project: str, made: Quarantine) -> None:
    """Insert a quarantine."""
    tx.execute(
        insert(quarantines).values(
            project=project,
            dataset=made.dataset.name,
            number=made.number,
            version=int(made.dataset.version or 0),
            digest=made.digest,
            replayed_as=str(made.replayed_as or ""),
            at=made.at,
            body=to_builtins(made),
        )
    )


def next_number(tx: Tx, project: str, dataset: str) -> int:
    """Return the number that a dataset's next quarantine has."""
    query = select(func.max(_THEIRS.number)).where(*_of(project, dataset))
    return int(tx.execute(query).scalar() or 0) + 1


def find(tx: Tx, project: str, dataset: str, number: int) -> Quarantine | None:
    """Return a quarantine; of number 0, the newest."""
    query = select(_THEIRS.body).where(*_of(project, dataset))
    if number:
        query = query.where(_THEIRS.number == number)
    body = tx.execute(query.order_by(_THEIRS.number.desc()).limit(1)).scalar()
    return convert(body, Quarantine) if body else None


def find_same(tx: Tx, project: str, made: Quarantine) -> Quarantine | None:
    """Return the quarantine of the same rows beside the same version."""
    query = select(_THEIRS.body).where(
        *_of(project, made.dataset.name),
        _THEIRS.version == int(made.dataset.version or 0),
        _THEIRS.digest == made.digest,
    )
    body = tx.execute(query.limit(1)).scalar()
    return convert(body, Quarantine) if body else None


def list_of(
    tx: Tx, project: str, dataset: str, *, limit: int, token: str | None
) -> Page[Quarantine]:
    """List a dataset's quarantines, newest first."""
    query = select(_THEIRS.body).where(*_of(project, dataset))
    if token:
        query = query.where(_THEIRS.number < decode_token(token, int)[0])
    bodies = tx.execute(query.order_by(_THEIRS.number.desc()).limit(limit + 1)).scalars().all()
    items = tuple(convert(body, Quarantine) for body in bodies[:limit])
    more = encode_token(items[-1].number) if len(bodies) > limit else None
    return Page(items=items, next_token=more)


def replace(tx: Tx, project: str, made: Quarantine, *, seen: Quarantine) -> bool:
    """Write a quarantine over what it was, if it still is that; tell whether it was."""
    statement = (
        update(quarantines)
        .where(*_of(project, made.dataset.name), _THEIRS.number == made.number)
        .where(_THEIRS.replayed_as == str(seen.replayed_as or ""))
        .values(replayed_as=str(made.replayed_as or ""), body=to_builtins(made))
    )
    return tx.execute(statement).rowcount == 1


def rewrite(tx: Tx, project: str, made: Quarantine, *, seen: str) -> bool:
    """Write a quarantine over what it was, if it still has that digest; tell whether it had."""
    statement = (
        update(quarantines)
        .where(*_of(project, made.dataset.name), _THEIRS.number == made.number)
        .where(_THEIRS.digest == seen)
        .values(digest=made.digest, body=to_builtins(made))
    )
    return tx.execute(statement).rowcount == 1


def all_digests(tx: Tx) -> set[str]:
    """Return the digests of what was set apart, of every project."""
    return set(tx.execute(select(_THEIRS.digest)).scalars())


def _of(project: str, dataset: str) -> tuple[ColumnElement[bool], ...]:
    return _THEIRS.project == project, _THEIRS.dataset == dataset
