"""Take one entity out of the online store: its row, and its state in a stream.

Only where an entity is the subject itself (all of its keys are known) there is something to
take out.  Figures over many entities are computed anew by `materialize`, once the rows are gone
from the source; those that a stream counted hold sums of everybody until its retention is over.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from bucle.base.errors import NotFound
from bucle.drivers.online import OnlineStore
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features import store
from bucle.lifecycle.features.materialize import materialize
from bucle.lifecycle.features.online import find_live, key_bytes, online_view, tables_of
from bucle.lifecycle.features.records import OnlineView, RegisteredView
from bucle.lifecycle.features.stream.layout import (
    OFFSET,
    Calendar,
    Offset,
    calendar_key,
    chunk_key,
    latest_key,
    table_of,
    tile_prefix,
)
from bucle.lifecycle.features.stream.tiles import CHUNKS, TILE_WORDS

_PREFIX = len(tile_prefix(0, 0))
_AT_ONCE = 500


class OnlineRows(msgspec.Struct, frozen=True, kw_only=True):
    """What the online store has of an entity, as keys."""

    row: bool  # of what was materialized
    stream: int  # tiles and latest rows

    @property
    def is_any(self) -> bool:
        """Whether there is anything."""
        return self.row or bool(self.stream)


def views_over(scope: Scope, dataset: str) -> tuple[RegisteredView, ...]:
    """Return every version of every view whose source is a dataset."""
    scope.require(Permission.FEATURE_READ)
    views = store.every_view(scope.tx, scope.project)
    return tuple(each for each in views if data.dataset_ref(each.view.source).name == dataset)


def is_of_subject(registered: RegisteredView, subject: Mapping[str, object]) -> bool:
    """Tell whether the entity of a view is known by the columns of a subject."""
    return set(registered.view.entity.keys) <= set(subject)


def find_online(
    session: Session, registered: RegisteredView, subject: Mapping[str, object]
) -> OnlineRows:
    """Return what the online store has of a subject, if it is an entity of the view."""
    if not is_of_subject(registered, subject):
        return OnlineRows(row=False, stream=0)
    online, view = session.drivers.online, _view(session, registered)
    entity = _entity(view, subject)
    rows = [online.read(table, [entity])[0] for table in tables_of(view)]
    stream = _stream_keys(online, view, entity)
    return OnlineRows(row=any(row is not None for row in rows), stream=len(stream))


def erase_online(
    session: Session, registered: RegisteredView, subject: Mapping[str, object]
) -> OnlineRows:
    """Remove a subject's row and its state in a stream; return what there was."""
    with session.begin(write=False) as scope:
        scope.require(Permission.FEATURE_WRITE, registered.ref)
    found = find_online(session, registered, subject)
    if not found.is_any:
        return found
    online, view = session.drivers.online, _view(session, registered)
    entity = _entity(view, subject)
    for table in tables_of(view):
        online.delete(table, [entity])
    keys = _stream_keys(online, view, entity)
    if keys:
        _forget_in_calendar(online, view, entity)
        online.delete(table_of(view), keys)
    return found


def refresh(session: Session, registered: RegisteredView) -> bool:
    """Compute a view's online rows anew, if it was materialized; tell whether it was.

    Where nothing is left of the source, the online rows are removed.
    """
    with session.begin(write=False) as scope:
        before = store.find_materialization(scope.tx, scope.project, registered.ref)
    if before is None:
        return False
    try:
        materialize(session, registered.ref)
    except NotFound:
        for table in tables_of(_view(session, registered)):
            session.drivers.online.clear(table)
    return True


def is_online(session: Session, registered: RegisteredView) -> bool:
    """Tell whether a view has rows in the online store."""
    return find_live(session.drivers.online, _view(session, registered)) is not None


def _view(session: Session, registered: RegisteredView) -> OnlineView:
    return online_view(registered.view, registered.ref, session.project)


def _entity(view: OnlineView, subject: Mapping[str, object]) -> bytes:
    return key_bytes(view.keys, [subject[name] for name in view.keys])


def _calendar(online: OnlineStore, view: OnlineView) -> dict[bytes, Calendar]:
    """Return the rows of a stream's calendar, which know all of its tiles."""
    table = table_of(view)
    (written,) = online.read(table, [OFFSET])
    if written is None:
        return {}
    offset = msgspec.msgpack.decode(written, type=Offset)
    found = {}
    for start in range(offset.first, offset.after, _AT_ONCE):
        keys = [calendar_key(n) for n in range(start, min(start + _AT_ONCE, offset.after))]
        for key, row in zip(keys, online.read(table, keys), strict=True):
            if row is not None:
                found[key] = msgspec.msgpack.decode(row, type=Calendar)
    return found


def _stream_keys(online: OnlineStore, view: OnlineView, entity: bytes) -> list[bytes]:
    """Return the keys of an entity's tiles, of what did not fit in, and of its latest rows."""
    if not view.is_streamed:
        return []
    tiles = [
        tile
        for calendar in _calendar(online, view).values()
        for tile in calendar.tiles
        if tile[_PREFIX:] == entity
    ]
    keys: list[bytes] = []
    for tile, row in zip(tiles, online.read(table_of(view), tiles), strict=True):
        if row is not None:
            chunks = int(np.frombuffer(row[: 8 * TILE_WORDS], np.int64)[CHUNKS])
            keys += [tile, *(chunk_key(tile, number) for number in range(chunks))]
    (latest,) = online.read(table_of(view), [latest_key(entity)])
    return [*keys, latest_key(entity)] if latest is not None else keys


def _forget_in_calendar(online: OnlineStore, view: OnlineView, entity: bytes) -> None:
    """Leave an entity's tiles out of the calendar: their keys name it."""
    changed = {}
    for key, calendar in _calendar(online, view).items():
        left = tuple(tile for tile in calendar.tiles if tile[_PREFIX:] != entity)
        if left != calendar.tiles:
            changed[key] = msgspec.msgpack.encode(Calendar(calendar.due, left))
    if changed:
        online.write(table_of(view), changed)
