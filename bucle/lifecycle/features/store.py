"""The tables of feature views: versions, how far each was materialized, how it compares."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.features.records import Materialization, Parity, RegisteredView

feature_views = Table(
    "feature_views",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

materializations = Table(
    "materializations",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),  # of the view: its last one stays
    Column("materialized_until", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

# Who brings a view online just now.  It runs on the machine's clock, not on the house's: a replay
# may stop the house's clock, and the hold of a process that died must end all the same.
holds = Table(
    "materialization_holds",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("holder", String, nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
)

parities = Table(
    "feature_parities",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_feature_parities_view", "project", "name", "id"),
)

_HELD, _PARITY = holds.c, parities.c
_VIEW, _MADE = feature_views.c, materializations.c


def add_view(tx: Tx, project: str, view: RegisteredView) -> bool:
    """Insert a version; tell whether its number was still free."""
    statement = upsert_into(tx, feature_views).values(
        project=project,
        name=view.ref.name,
        number=view.number,
        digest=view.digest,
        registered_at=view.registered_at,
        body=to_builtins(view),
    )
    added = tx.execute(statement.on_conflict_do_nothing().returning(_VIEW.number))
    return added.one_or_none() is not None


def find_view(tx: Tx, project: str, name: str, number: int | None = None) -> RegisteredView | None:
    """Return a version, or the newest."""
    query = _views(project).where(_VIEW.name == name)
    if number is not None:
        query = query.where(_VIEW.number == number)
    row = tx.execute(query.order_by(_VIEW.number.desc()).limit(1)).one_or_none()
    return _view(row) if row else None


def list_views(tx: Tx, project: str, *, limit: int, token: str | None) -> Page[RegisteredView]:
    """List the newest version of each view, by name."""
    newest = (
        select(_VIEW.name, func.max(_VIEW.number).label("number"))
        .where(_VIEW.project == project)
        .group_by(_VIEW.name)
        .subquery()
    )
    query = _views(project).join(
        newest, (newest.c.name == _VIEW.name) & (newest.c.number == _VIEW.number)
    )
    if token:
        query = query.where(_VIEW.name > decode_token(token, str)[0])
    rows = tx.execute(query.order_by(_VIEW.name).limit(limit + 1)).all()
    items = tuple(_view(row) for row in rows[:limit])
    more = encode_token(items[-1].ref.name) if len(rows) > limit else None
    return Page(items=items, next_token=more)


def every_view(tx: Tx, project: str) -> tuple[RegisteredView, ...]:
    """Return all versions of all views."""
    rows = tx.execute(_views(project).order_by(_VIEW.name, _VIEW.number)).all()
    return tuple(_view(row) for row in rows)


def find_materialization(tx: Tx, project: str, ref: Ref) -> Materialization | None:
    """Return the last materialization of a view's version."""
    query = select(_MADE.body).where(
        _MADE.project == project, _MADE.name == ref.name, _MADE.number == int(ref.version or 0)
    )
    body = tx.execute(query).scalar()
    return convert(body, Materialization) if body else None


def set_materialization(tx: Tx, project: str, made: Materialization) -> None:
    """Write a materialization over the one before."""
    values = {"materialized_until": made.until, "body": to_builtins(made)}
    statement = upsert_into(tx, materializations).values(
        project=project, name=made.view.name, number=int(made.view.version or 0), **values
    )
    keys = [_MADE.project, _MADE.name, _MADE.number]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


def take_hold(
    tx: Tx, project: str, ref: Ref, *, holder: str, now: datetime, until: datetime
) -> bool:
    """Let one process bring a view online; tell whether nobody else does."""
    values = {"holder": holder, "held_until": until}
    statement = upsert_into(tx, holds).values(
        project=project, name=ref.name, number=int(ref.version or 0), **values
    )
    taken = tx.execute(
        statement.on_conflict_do_update(
            index_elements=[_HELD.project, _HELD.name, _HELD.number],
            set_=values,
            where=_HELD.held_until < now,
        ).returning(_HELD.holder)
    )
    return taken.one_or_none() is not None


def extend_hold(tx: Tx, project: str, ref: Ref, *, holder: str, until: datetime) -> bool:
    """Prolong a hold; tell whether it was still there."""
    mine = (*_of(_HELD, project, ref), _HELD.holder == holder)
    return tx.execute(update(holds).where(*mine).values(held_until=until)).rowcount == 1


def end_hold(tx: Tx, project: str, ref: Ref, *, holder: str) -> bool:
    """Give a hold up; tell whether it was still there."""
    mine = (*_of(_HELD, project, ref), _HELD.holder == holder)
    return tx.execute(delete(holds).where(*mine)).rowcount == 1


def add_parity(tx: Tx, project: str, parity: Parity) -> None:
    """Insert a comparison."""
    tx.execute(
        insert(parities).values(
            project=project,
            id=parity.id,
            name=parity.view.name,
            number=int(parity.view.version or 0),
            at=parity.at,
            body=to_builtins(parity),
        )
    )


def list_parities(
    tx: Tx, project: str, name: str, *, limit: int, token: str | None
) -> Page[Parity]:
    """List the comparisons of a view, the newest first; "": of every view."""
    query = select(_PARITY.body).where(_PARITY.project == project)
    if name:
        query = query.where(_PARITY.name == name)
    if token:
        query = query.where(_PARITY.id < decode_token(token, str)[0])
    rows = tx.execute(query.order_by(_PARITY.id.desc()).limit(limit + 1)).scalars().all()
    items = tuple(convert(body, Parity) for body in rows[:limit])
    more = encode_token(items[-1].id) if len(rows) > limit else None
    return Page(items=items, next_token=more)


def _of(columns: Any, project: str, ref: Ref) -> tuple[Any, ...]:  # noqa: ANN401 - of a table
    number = int(ref.version or 0)
    return (columns.project == project, columns.name == ref.name, columns.number == number)


def _views(project: str) -> Select[Any]:
    return (
        select(_VIEW.body, _MADE.materialized_until)
        .outerjoin(
            materializations,
            (_MADE.project == _VIEW.project)
            & (_MADE.name == _VIEW.name)
            & (_MADE.number == _VIEW.number),
        )
        .where(_VIEW.project == project)
    )


def _view(row: Any) -> RegisteredView:  # noqa: ANN401 - a row of a join
    return convert(row.body | {"materialized_until": row.materialized_until}, RegisteredView)
