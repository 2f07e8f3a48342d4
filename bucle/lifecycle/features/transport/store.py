"""The tables of dead letters and of who follows a view's events."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, String, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.features.transport.records import DeadLetter

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("project", String, primary_key=True),
    Column("view", String, primary_key=True),
    Column("position", String, primary_key=True),
    Column("topic", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("replayed_at", UtcDateTime, nullable=True),
    Column("body", Json, nullable=False),
)

stream_followers = Table(
    "stream_followers",
    metadata,
    Column("project", String, primary_key=True),
    Column("view", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

_DEAD, _FOLLOWER = dead_letters.c, stream_followers.c


def add_dead(tx: Tx, project: str, letters: Sequence[DeadLetter]) -> None:
    """Insert dead letters; one that is there already stays as it is."""
    if not letters:
        return
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    rows = [
        {
            "project": project,
            "view": str(letter.view),
            "position": letter.position,
            "topic": letter.topic,
            "at": letter.at,
            "body": to_builtins(letter),
        }
        for letter in letters
    ]
    tx.execute(dialect.insert(dead_letters).on_conflict_do_nothing(), rows)


def list_dead(
    tx: Tx, project: str, view: Ref, *, limit: int, token: str | None
) -> Page[DeadLetter]:
    """List the letters of a view that wait, as they came."""
    query = select(dead_letters).where(
        _DEAD.project == project, _DEAD.view == str(view), _DEAD.replayed_at.is_(None)
    )
    if token:
        query = query.where(_DEAD.position > decode_token(token, str)[0])
    rows = tx.execute(query.order_by(_DEAD.position).limit(limit + 1)).all()
    items = tuple(
        convert(row.body | {"replayed_at": row.replayed_at}, DeadLetter) for row in rows[:limit]
    )
    more = encode_token(items[-1].position) if len(rows) > limit else None
    return Page(items=items, next_token=more)


def find_dead(tx: Tx, project: str, view: Ref, position: str) -> DeadLetter | None:
    """Return one letter, whether it waits or not."""
    query = select(dead_letters).where(
        _DEAD.project == project, _DEAD.view == str(view), _DEAD.position == position
    )
    row = tx.execute(query).one_or_none()
    return convert(row.body | {"replayed_at": row.replayed_at}, DeadLetter) if row else None


def mark_replayed(tx: Tx, project: str, view: Ref, positions: Sequence[str], at: datetime) -> int:
    """Note that letters were sent again; return how many of them had waited."""
    statement = update(dead_letters).where(
        _DEAD.project == project,
        _DEAD.view == str(view),
        _DEAD.position.in_(positions),
        _DEAD.replayed_at.is_(None),
    )
    return len(tx.execute(statement.values(replayed_at=at).returning(_DEAD.position)).all())


def find_follower(tx: Tx, project: str, view: Ref) -> tuple[str, datetime] | None:
    """Return who follows a view, and until when at least."""
    query = select(_FOLLOWER.holder, _FOLLOWER.until).where(
        _FOLLOWER.project == project, _FOLLOWER.view == str(view)
    )
    row = tx.execute(query.with_for_update()).one_or_none()
    return (row.holder, row.until) if row else None


def set_follower(
    tx: Tx, project: str, view: Ref, holder: str, until: datetime, *, instead_of: str | None
) -> bool:
    """Make somebody the follower of a view; tell whether the one before was still that one."""
    key = {"project": project, "view": str(view)}
    if instead_of is None:
        dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
        added = dialect.insert(stream_followers).values(**key, holder=holder, until=until)
        done = tx.execute(added.on_conflict_do_nothing().returning(_FOLLOWER.view))
    else:
        statement = update(stream_followers).where(
            _FOLLOWER.project == project,
            _FOLLOWER.view == str(view),
            _FOLLOWER.holder == instead_of,
        )
        done = tx.execute(statement.values(holder=holder, until=until).returning(_FOLLOWER.view))
    return done.one_or_none() is not None
