"""The tables of the event chain."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    bindparam,
    cast,
    insert,
    select,
    update,
)

from bucle.base.codec import canonical_json, decode, utc
from bucle.base.errors import Invalid
from bucle.drivers.db import Ready, UtcDateTime, metadata, upsert_into
from bucle.governance.audit.records import GENESIS, Event

events = Table(
    "events",
    metadata,
    Column("project", String, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("id", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("type", String, nullable=False),
    Column("ref", String, nullable=False),
    # Canonical JSON as text: a database that parses it would give other numbers back.
    Column("body", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("digest", String, nullable=False),
    Index("ix_events_project_ref", "project", "ref"),
    Index("ix_events_project_type", "project", "type"),
)
heads = Table(
    "event_heads",
    metadata,
    Column("project", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    Column("signature", String, nullable=False),
)


# Every operation that leaves a fact runs these three.
_HEAD = Ready(
    select(heads.c.count, heads.c.digest)
    .where(heads.c.project == bindparam("of_project"))
    .with_for_update()
)
_ADD_EVENT = Ready(insert(events))
_MOVE_HEAD = Ready(
    update(heads)
    .where(heads.c.project == bindparam("of_project"))
    .values(
        count=bindparam("new_count"),
        digest=bindparam("new_digest"),
        signature=bindparam("new_signature"),
    )
)


def lock_head(tx: Connection, project: str) -> tuple[int, str]:
    """Return the chain's count and last digest, holding them until the transaction ends."""
    row = _HEAD.row(tx, {"of_project": project})
    if row is None:
        values = {"project": project, "count": 0, "digest": GENESIS, "signature": ""}
        tx.execute(upsert_into(tx, heads).values(values).on_conflict_do_nothing())
        row = _HEAD.row(tx, {"of_project": project})
        assert row is not None
    return row[0], row[1]


def append(tx: Connection, new: list[Event], signature: str) -> None:
    """Insert chained events and move the head to the last of them."""
    if len(new) == 1:
        _ADD_EVENT.run(tx, _plain(new[0]))
    else:
        tx.execute(insert(events), [_plain(event) for event in new])
    _MOVE_HEAD.run(
        tx,
        {
            "of_project": new[0].project,
            "new_count": new[-1].number,
            "new_digest": new[-1].digest,
            "new_signature": signature,
        },
    )


def find_head(tx: Connection, project: str) -> tuple[int, str, str] | None:
    """Return count, digest and signature of the head, or None where nothing happened yet."""
    row = tx.execute(select(heads).where(heads.c.project == project)).one_or_none()
    return (row[1], row[2], row[3]) if row else None


def iter_links(tx: Connection, project: str) -> Iterator[Event | None]:
    """Yield a project's events in the order of the chain; None for one that we did not write.

    What is stored is compared with what we would store, so that a byte that changes nothing in
    the value (white space in the body, another separator in the time) is noticed as well.
    """
    texts = [column for column in events.c if column.name != "at"]
    query = select(*texts, cast(events.c.at, String).label("at"))
    query = query.where(events.c.project == project).order_by(events.c.number)
    for row in tx.execute(query.execution_options(yield_per=1000)):
        yield _link(dict(row._mapping), exact_time=tx.dialect.name == "sqlite")  # noqa: SLF001 - public


def list_events(
    tx: Connection, project: str, *, after: int = 0, types: tuple[str, ...] = (), limit: int = 100
) -> tuple[Event, ...]:
    """Return the events that follow a number, oldest first."""
    query = select(events).where(events.c.project == project, events.c.number > after)
    if types:
        query = query.where(events.c.type.in_(types))
    return tuple(_event(row) for row in tx.execute(query.order_by(events.c.number).limit(limit)))


def latest_events(
    tx: Connection, project: str, *, before: int | None, ref: str | None, limit: int
) -> tuple[Event, ...]:
    """Return events newest first, of one ref (and its versions) where one is given."""
    query = select(events).where(events.c.project == project)
    if before is not None:
        query = query.where(events.c.number < before)
    if ref is not None:
        query = query.where(
            (events.c.ref == ref) | events.c.ref.startswith(f"{ref}@", autoescape=True)
        )
    rows = tx.execute(query.order_by(events.c.number.desc()).limit(limit))
    return tuple(_event(row) for row in rows)


def find_last(tx: Connection, project: str, type_: str) -> Event | None:
    """Return the newest event of a type, or None."""
    query = select(events).where(events.c.project == project, events.c.type == type_)
    row = tx.execute(query.order_by(events.c.number.desc()).limit(1)).one_or_none()
    return _event(row) if row else None


def list_projects(tx: Connection) -> tuple[str, ...]:
    """Return the projects in which something happened."""
    return tuple(tx.execute(select(heads.c.project).order_by(heads.c.project)).scalars())


def _plain(event: Event) -> dict[str, object]:
    row = {name: getattr(event, name) for name in event.__struct_fields__}
    return row | {"body": canonical_json(event.body).decode()}


def _link(values: dict[str, Any], *, exact_time: bool) -> Event | None:
    """Return the event of a row whose time is text, or None if the row is not as we write it."""
    try:
        body = decode(values["body"], dict)
        at = utc(datetime.fromisoformat(values["at"]))
    except (Invalid, ValueError):
        return None
    written = f"{at.replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}"
    if canonical_json(body).decode() != values["body"] or (exact_time and written != values["at"]):
        return None
    return Event(**values | {"body": body, "at": at})


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(**dict(row._mapping) | {"body": decode(row.body, dict)})  # noqa: SLF001 - public
