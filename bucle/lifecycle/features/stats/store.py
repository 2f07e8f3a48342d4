"""The table of what features looked like."""

from datetime import datetime

from sqlalchemy import Column, Index, Integer, String, Table, insert, select

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.features.stats.records import FeatureStats

feature_stats = Table(
    "feature_stats",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_feature_stats_view", "project", "name", "number", "until", "id"),
)

_STATS = feature_stats.c


def add_stats(tx: Tx, project: str, made: FeatureStats) -> None:
    """Insert statistics."""
    tx.execute(
        insert(feature_stats).values(
            project=project,
            id=made.id,
            name=made.view.name,
            number=int(made.view.version or 0),
            until=made.until,
            body=to_builtins(made),
        )
    )


def list_stats(
    tx: Tx, project: str, view: Ref, *, limit: int, token: str | None
) -> Page[FeatureStats]:
    """List the statistics of a view's version, the newest first.

    By the moment that they are of, as that only goes forward; an id's time may stand still.
    """
    query = select(_STATS.body).where(
        _STATS.project == project,
        _STATS.name == view.name,
        _STATS.number == int(view.version or 0),
    )
    if token:
        until, id_ = decode_token(token, str, str)
        moment = datetime.fromisoformat(str(until))
        earlier = (_STATS.until == moment) & (_STATS.id < id_)
        query = query.where((_STATS.until < moment) | earlier)
    query = query.order_by(_STATS.until.desc(), _STATS.id.desc())
    rows = tx.execute(query.limit(limit + 1)).scalars().all()
    items = tuple(convert(body, FeatureStats) for body in rows[:limit])
    more = encode_token(items[-1].until.isoformat(), items[-1].id) if len(rows) > limit else None
    return Page(items=items, next_token=more)
