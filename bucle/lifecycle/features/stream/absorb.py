"""Bring events of a topic into the features of their entities."""

from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features.compute import source_types
from bucle.lifecycle.features.online import online_view
from bucle.lifecycle.features.records import RegisteredView
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.stream.count import State, count
from bucle.lifecycle.features.stream.events import Batch, batch_of, schema_of
from bucle.lifecycle.features.stream.layout import (
    LAYOUT,
    OFFSET,
    Offset,
    layout_of,
    micros_of,
    read_layout,
    table_of,
)
from bucle.lifecycle.features.stream.records import POSITION, Absorbed
from bucle.lifecycle.features.stream.tiles import Words


def absorb(
    session: Session, view: Ref | str, events: pa.Table, positions: tuple[str, str], now: datetime
) -> Absorbed:
    """Count events, the first and last of which stand at `positions` in their topic.

    Events may come in any order of their times.  Those that were counted before are passed
    over, so that a batch may be given again; those older than the newest event by more than the
    view's retention are not counted, and the answer names them.  A batch of no events (none of
    them could be read) only moves the position.  One process at a time counts the events of a
    view.

    Raises:
        NotFound: no such view.
        Invalid: the events lack a column or have one of another type, or the view can not be
            kept over a stream.
        Conflict: a part of the batch was counted before, and no column `bucle_position` says
            which; or the view is being seeded.
        Unavailable: the online store can not be written.
    """
    registered = followed(session, view)
    if not events.num_rows:
        return _passed_over(session, registered, positions)
    state, schema = open_state(session, registered, events.schema)
    _require_whole(registered, state.offset)
    offset = msgspec.structs.replace(state.offset, position=positions[1])
    places = _fresh(registered, events, positions, state.offset.position)
    repeated = events.num_rows - len(places)
    if positions[1] <= state.offset.position:
        return Absorbed(applied=0, repeated=repeated)
    fresh = events.take(places) if repeated else events
    batch = batch_of(state.layout, schema, fresh, places)
    is_late, _ = count(state, batch, offset, micros_of(now))
    late = batch.places[is_late]
    return Absorbed(
        applied=len(batch.places) - len(late),
        repeated=repeated,
        late=tuple(late.tolist()),
        unusable=_without(places, batch),
    )


def followed(session: Session, view: Ref | str) -> RegisteredView:
    """Return the view whose events may be counted.

    Raises:
        NotFound: no such view.
        Denied: the caller may not write features.
    """
    with session.begin(write=False) as scope:
        registered = get_view(scope, view)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
    return registered


def open_state(
    session: Session, registered: RegisteredView, types: pa.Schema
) -> tuple[State, pa.Schema]:
    """Return what a view's events are counted into, and how its events are typed.

    The types are settled once: as the view's dataset has them, or the first events (`types`).

    Raises:
        Invalid: the view can not be kept over a stream, or lacks columns.
    """
    online = session.drivers.online
    table = table_of(online_view(registered.view, registered.ref, session.project))
    written, settled = online.read(table, [OFFSET, LAYOUT])
    if settled is None:
        schema = schema_of(registered.view, _types(session, registered) or types)
        layout = layout_of(registered.view, schema)
    else:
        layout, schema = read_layout(settled)
    offset = msgspec.msgpack.decode(written, type=Offset) if written else Offset()
    state = State(online=online, table=table, layout=layout, offset=offset, is_new=settled is None)
    return state, schema


def _types(session: Session, registered: RegisteredView) -> pa.Schema | None:
    """Return the types of the view's dataset; None: nothing was committed to it."""
    view = registered.view
    source = data.dataset_ref(view.source)
    with session.begin(write=False) as scope:
        if not data.find_head(scope, source.name):
            return None
        version = data.get_version(scope, source)
    if view.sql or not version.files:
        return None
    rows = data.rows_of(session.drivers, version.files[:1])
    return pa.schema(list(source_types(session.drivers.engine, view, rows).items()))


def _passed_over(
    session: Session, registered: RegisteredView, positions: tuple[str, str]
) -> Absorbed:
    """Move the position past events that nobody could read."""
    table = table_of(online_view(registered.view, registered.ref, session.project))
    online = session.drivers.online
    (written,) = online.read(table, [OFFSET])
    offset = msgspec.msgpack.decode(written, type=Offset) if written else Offset()
    _require_whole(registered, offset)
    if positions[1] > offset.position:
        moved = msgspec.structs.replace(offset, position=positions[1])
        online.write(table, {OFFSET: msgspec.msgpack.encode(moved)})
    return Absorbed(applied=0, repeated=0)


def _require_whole(registered: RegisteredView, offset: Offset) -> None:
    if offset.is_seeding:
        raise Conflict(
            f"{registered.ref} is being seeded from {offset.seed}",
            hint="seed it again: it goes on where it stopped",
        )


def _fresh(
    registered: RegisteredView, events: pa.Table, positions: tuple[str, str], counted: str
) -> Words:
    """Return the places of the events that were not counted before."""
    first, last = positions
    if not first or last < first:
        raise Invalid(
            f"{first!r} to {last!r} are no positions of a batch",
            hint="give the positions of its first and its last event",
        )
    every = np.arange(events.num_rows)
    if first > counted:
        return every
    if last <= counted:
        return every[:0]
    if POSITION not in events.column_names:
        raise Conflict(
            f"events {first} to {last} of {registered.ref} overlap those that were counted, which "
            f"end at {counted}",
            hint=f"read the topic after {counted}, or say in a column {POSITION!r} where each is",
        )
    is_fresh = [position > counted for position in events[POSITION].to_pylist()]
    return np.flatnonzero(np.array(is_fresh, np.bool_))


def _without(places: Words, batch: Batch) -> tuple[int, ...]:
    if len(places) == len(batch.places):
        return ()
    return tuple(np.setdiff1d(places, batch.places).tolist())
