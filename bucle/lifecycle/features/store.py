"""The tables of feature views: their versions, and how far each was materialized."""

from typing import Any

from sqlalchemy import Column, Integer, Select, String, Table, func, select

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.features.records import Materialization, RegisteredView

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
