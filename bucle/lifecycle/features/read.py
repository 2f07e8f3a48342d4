"""Read features online, of whatever kind a view is: materialized, streamed or on demand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.drivers.compute.captured import Runner, isolated
from bucle.drivers.house import Drivers
from bucle.lifecycle.features.demand.compute import computed, request_table, rows_of
from bucle.lifecycle.features.online import OnlineRead, read_fresh
from bucle.lifecycle.features.records import OnlineView
from bucle.lifecycle.features.stream import newest_event, read_stream, stream_types
from bucle.lifecycle.features.types import type_named

Said = Mapping[str, Sequence[Any]]


def read_features(
    drivers: Drivers,
    view: OnlineView,
    keys: Sequence[Sequence[Any]],
    said: Said,
    *,
    run: Runner | None = None,
) -> OnlineRead:
    """Return the features of each entity, in the order of the keys, as they are now.

    `said` are columns of the request, with a value for each key: what an on-demand view wants,
    and features of its inputs that the request knows better.  `run` runs a view's function; None:
    in a process of its own.

    Raises:
        Invalid: a key is none, the request lacks a column, or a feature can not be computed.
        Unavailable: the online store does not answer.
    """
    now = drivers.clock.now()
    if not view.on_demand:
        return read_base(drivers, view, keys, now)
    moments = {str(each.ref): now for each in view.inputs}
    return read_at(drivers, view, keys, said, moments, run=run)


def read_at(
    drivers: Drivers,
    view: OnlineView,
    keys: Sequence[Sequence[Any]],
    said: Said,
    moments: Mapping[str, datetime],
    *,
    run: Runner | None = None,
) -> OnlineRead:
    """Return what `read_features` does of an on-demand view, each input as of a moment of its own.

    Raises:
        Invalid: see `read_features`.
        Unavailable: the online store does not answer.
    """
    request = request_table(str(view.ref), view.request, said, len(keys))
    inputs: dict[str, Sequence[Any]] = {}
    types: dict[str, pa.DataType | None] = {}
    times: list[datetime | None] = []
    for each in view.inputs:
        read = read_base(drivers, each, parts_of(view, each, keys), moments[str(each.ref)])
        for place, name in enumerate(each.features):
            inputs[name] = said[name] if name in said else [row[name] for row in read.rows]
            types[name] = type_named(read.types[place]) if read.types else None
        times.append(read.as_of)
    rows = rows_of(inputs, types, request)
    run = run or isolated(drivers.compute)
    made = computed(lambda: drivers.engine, run, view, rows)
    known = [time for time in times if time is not None]
    as_of = min(known) if known and len(known) == len(times) else None
    return OnlineRead(rows=made.to_pylist(), as_of=as_of)


def read_base(
    drivers: Drivers, view: OnlineView, keys: Sequence[Sequence[Any]], now: datetime
) -> OnlineRead:
    """Return the features of a view that has rows of its own."""
    online = drivers.online
    if not view.is_streamed:
        return read_fresh(online, view, keys, now)
    rows = read_stream(online, view, keys, now)
    return OnlineRead(rows=rows, as_of=newest_event(online, view), types=stream_types(online, view))


def parts_of(
    view: OnlineView, part: OnlineView, keys: Sequence[Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """Return the keys of one of a view's inputs.

    Raises:
        Invalid: a key has too many or too few parts.
    """
    for key in keys:
        if len(key) != len(view.keys):
            raise Invalid(
                f"a key has {len(key)} parts, not {len(view.keys)}",
                hint=f"give {', '.join(view.keys)}",
            )
    places = [view.keys.index(name) for name in part.keys]
    return [tuple(key[place] for place in places) for key in keys]
