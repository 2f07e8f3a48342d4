"""Read features from the state of a stream, as of a moment: no database and no engine.

A window is made of whole tiles and, where it begins and ends within one, of single events: it
holds what `now - delay - window < time <= now - delay` says, to the microsecond.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from bucle.drivers.online import OnlineStore
from bucle.lifecycle.features.online import Row, key_bytes, readers_of
from bucle.lifecycle.features.records import OnlineView
from bucle.lifecycle.features.stream.count import event_bytes, header_bytes
from bucle.lifecycle.features.stream.found import Found, chosen_events, chosen_tiles
from bucle.lifecycle.features.stream.layout import (
    BEGINNING,
    LAYOUT,
    OFFSET,
    SETS,
    Figure,
    Latest,
    Layout,
    Offset,
    Window,
    chunk_key,
    latest_key,
    micros_of,
    moment_of,
    read_layout,
    table_of,
    tile_prefix,
)
from bucle.lifecycle.features.stream.sets import Counts, fraction_of, ranked, read_counts
from bucle.lifecycle.features.stream.tiles import (
    CHUNKS,
    COUNT,
    EVENT_WORDS,
    LAST,
    MAX,
    MEAN,
    MIN,
    PRESENT,
    ROWS,
    SQUARES,
    SUM,
    TIME,
    Cover,
    Words,
    aggregate_of,
    cover,
    is_fraction,
    merged_runs,
    summed,
)

# The place of an entity, and where events of it are to be read, or (None) the events.
_Piece: TypeAlias = tuple[int, bytes | None, bytes]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORD_OF = {"sum": SUM, "min": MIN, "max": MAX, "last": LAST}


def position_of(online: OnlineStore, view: OnlineView) -> str:
    """Return the position of the last event that was counted; "": none came from a topic."""
    return offset_of(online, view).position


def offset_of(online: OnlineStore, view: OnlineView) -> Offset:
    """Return how far a view's stream was counted."""
    (written,) = online.read(table_of(view), [OFFSET])
    return msgspec.msgpack.decode(written, type=Offset) if written else Offset()


def newest_event(online: OnlineStore, view: OnlineView) -> datetime | None:
    """Return the time of the newest event that was counted, or None where there was none."""
    newest = offset_of(online, view).newest
    return None if newest == BEGINNING else moment_of(newest)


def stream_types(online: OnlineStore, view: OnlineView) -> tuple[str, ...]:
    """Return the types of a stream's features; (): nothing was counted yet."""
    (settled,) = online.read(table_of(view), [LAYOUT])
    if settled is None:
        return ()
    layout, schema = read_layout(settled)
    figures = (_type_of(layout, figure, schema) for figure in layout.figures)
    return (*(str(schema.field(name).type) for name in layout.latest), *figures)


def read_stream(
    online: OnlineStore, view: OnlineView, keys: Sequence[Sequence[Any]], now: datetime
) -> list[Row]:
    """Return the features of each entity at a moment, in the order of the keys.

    The answer is that of `read_online` if the view had been materialized at this moment.  A view
    of whose stream nothing was counted, or whose seed is not whole, has nothing.

    Raises:
        Invalid: a key has too many or too few parts, or one of no use as a key.
        Unavailable: the online store does not answer.
    """
    entities = [key_bytes(view.keys, key) for key in keys]
    written, settled = online.read(table_of(view), [OFFSET, LAYOUT])
    nothing: Row = dict.fromkeys(view.features)
    if written is None or settled is None:
        return [nothing.copy() for _ in keys]
    if msgspec.msgpack.decode(written, type=Offset).is_seeding:
        return [nothing.copy() for _ in keys]
    layout, schema = read_layout(settled)
    moment = micros_of(now)
    covers = [_cover_of(layout, window, moment) for window in layout.windows]
    found, latest = _read(online, table_of(view), layout, entities, covers)
    rows = [nothing.copy() for _ in keys]
    readers = readers_of(tuple(str(schema.field(name).type) for name in layout.latest))
    for row, written in zip(rows, latest, strict=True):
        if written is not None:
            row.update(_latest(layout, written, moment, readers))
    sets = _sets(online, table_of(view), layout, found, entities, covers)
    figures = _figures(layout, found, covers, len(keys), sets)
    for name, values in zip(view.aggregations, figures, strict=True):
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows


def _cover_of(layout: Layout, window: Window, moment: int) -> Cover:
    end = moment - window.delay
    return cover(end - window.length + 1, end, layout.hops)


def _read(
    online: OnlineStore,
    table: str,
    layout: Layout,
    entities: Sequence[bytes],
    covers: Sequence[Cover],
) -> tuple[Found, list[bytes | None]]:
    """Read tiles and latest rows at once, and then the events that did not fit into a tile."""
    whole: dict[tuple[int, int], None] = {}
    for each in covers:
        for level, first, last in each.tiles:
            whole |= dict.fromkeys((level, place) for place in range(first, last + 1))
    edges = {
        (0, place)
        for each in covers
        for low, high in each.rest
        for place in range(low // layout.hops[0], high // layout.hops[0] + 1)
    }
    tiles = list(whole | dict.fromkeys(edges))
    prefixes = [tile_prefix(level, place) for level, place in tiles]
    asked = [prefix + entity for entity in entities for prefix in prefixes]
    latest = [latest_key(entity) for entity in entities] if layout.latest else []
    rows = online.read(table, [*asked, *latest])
    header = header_bytes(layout)
    headers: list[bytes] = []
    owners: list[int] = []
    ids: list[tuple[int, int]] = []
    pieces: list[_Piece] = []
    for number, row in enumerate(rows[: len(asked)]):
        if row is None:
            continue
        owner, place = divmod(number, len(tiles))
        headers.append(row[:header])
        owners.append(owner)
        ids.append(tiles[place])
        if tiles[place] in edges:
            count = int.from_bytes(row[8 * CHUNKS : 8 * CHUNKS + 8], "little")
            pieces += [(owner, chunk_key(asked[number], each), b"") for each in range(count)]
            pieces.append((owner, None, row[header:]))
    events = _events(online, table, pieces)
    width = event_bytes(layout)
    places = np.array(ids, np.int64).reshape(-1, 2)
    found = Found(
        tiles=np.frombuffer(b"".join(headers), np.int64).reshape(len(headers), header // 8),
        owners=np.array(owners, np.int64),
        levels=places[:, 0],
        places=places[:, 1],
        events=np.frombuffer(b"".join(each for _, each in events), np.int64).reshape(
            -1, width // 8
        ),
        event_owners=np.repeat(
            np.array([owner for owner, _ in events], np.int64),
            np.array([len(each) // width for _, each in events], np.int64),
        ),
    )
    return found, rows[len(asked) :] if latest else [None] * len(entities)


def _events(online: OnlineStore, table: str, pieces: Sequence[_Piece]) -> list[tuple[int, bytes]]:
    """Return the place of an entity and events of it, in the order in which they came."""
    keys = [key for _, key, _ in pieces if key]
    read = iter(online.read(table, keys) if keys else [])
    return [(owner, (next(read) or b"") if key else events) for owner, key, events in pieces]


def _figures(
    layout: Layout,
    found: Found,
    covers: Sequence[Cover],
    number: int,
    sets: Mapping[tuple[int, int], Sequence[Counts]],
) -> list[list[Any]]:
    """Return each aggregation's value for each entity."""
    rows: dict[int, Words] = {}
    parts: dict[tuple[int, int], Words] = {}
    made = []
    for figure in layout.figures:
        window, column = figure.window, figure.column
        if column < 0:
            if window not in rows:
                rows[window] = _counted(found, covers[window], number)
            made.append(rows[window].tolist())
            continue
        if figure.function in SETS:
            kind = layout.columns[column].kind
            made.append([_of_set(figure, kind, counts) for counts in sets[window, column]])
            continue
        if (window, column) not in parts:
            kind = layout.columns[column].kind
            parts[window, column] = _aggregated(found, covers[window], number, column, kind)
        made.append(_values(layout, figure, parts[window, column]))
    return made


def _sets(
    online: OnlineStore,
    table: str,
    layout: Layout,
    found: Found,
    entities: Sequence[bytes],
    covers: Sequence[Cover],
) -> dict[tuple[int, int], list[Counts]]:
    """Return which values each window has, of the columns of which that is asked."""
    wanted = list(
        dict.fromkeys((each.window, each.column) for each in layout.figures
                      if each.function in SETS)
    )  # fmt: skip
    if not wanted:
        return {}
    asked = [(column, covers[window]) for window, column in wanted]
    counts = read_counts(online, table, layout, found, entities, asked)
    return dict(zip(wanted, counts, strict=True))


def _of_set(figure: Figure, kind: str, counts: Counts) -> Any:  # noqa: ANN401 - a feature's value
    if figure.function == "approx_distinct":
        return len(counts)
    if not counts:
        return None
    return [{"value": _value(value, kind), "count": number}
            for value, number in ranked(counts, kind, figure.k)]  # fmt: skip


def _value(written: int | str, kind: str) -> object:
    """Return a value of a set as Python has it."""
    if isinstance(written, str) or kind == "whole":
        return written
    if kind == "fraction":
        return fraction_of(written)
    return bool(written) if kind == "bool" else _moment(written, kind)


def _counted(found: Found, covered: Cover, number: int) -> Words:
    whole, rest = chosen_tiles(found, covered), chosen_events(found, covered)
    counts = np.bincount(found.event_owners[rest], minlength=number)
    np.add.at(counts, found.owners[whole], found.tiles[whole, ROWS])
    return counts


def _aggregated(found: Found, covered: Cover, number: int, column: int, kind: str) -> Words:
    whole, rest = chosen_tiles(found, covered), chosen_events(found, covered)
    events, owners = found.events[rest], found.event_owners[rest]
    present = ((events[:, PRESENT] >> column) & 1).astype(np.bool_)
    events, owners = events[present], owners[present]
    order = np.lexsort((events[:, TIME], owners))
    values = np.ascontiguousarray(events[order, EVENT_WORDS + column])
    edge = summed(owners[order], number, events[order, TIME], values, kind)
    return merged_runs(
        np.concatenate((found.owners[whole], np.arange(number))),
        number,
        np.concatenate((aggregate_of(found.tiles[whole], column), edge)),
        kind,
    )


def _values(layout: Layout, figure: Figure, parts: Words) -> list[Any]:
    """Return one aggregation's values as Python has them; None where there is none."""
    kind, function = layout.columns[figure.column].kind, figure.function
    counts, floats = parts[:, COUNT], parts.view(np.float64)
    if function == "count":
        return list(counts.tolist())
    if function == "std":
        spread = np.sqrt(floats[:, SQUARES] / np.maximum(counts - 1, 1))
        return _or_none(spread.tolist(), (counts > 1).tolist())
    there = (counts > 0).tolist()
    if function == "mean":
        if kind in {"whole", "bool"}:
            totals = zip(parts[:, SUM].tolist(), counts.tolist(), strict=True)
            return [total / number if number else None for total, number in totals]
        # Where a value is infinite, only the sum says so.
        means = np.where(
            np.isfinite(floats[:, MEAN]), floats[:, MEAN], floats[:, SUM] / np.maximum(counts, 1)
        )
        return _or_none(means.tolist(), there)
    column = (floats if is_fraction(kind) else parts)[:, _WORD_OF[function]].tolist()
    if kind == "bool" and function != "sum":
        column = [bool(value) for value in column]
    elif kind in {"date", "moment", "instant"}:
        column = [_moment(value, kind) for value in column]
    return _or_none(column, there)


def _type_of(layout: Layout, figure: Figure, schema: pa.Schema) -> str:
    if figure.function in {"count", "approx_distinct"}:
        return "int64"
    column = layout.columns[figure.column]
    if figure.function == "sum" and column.kind in {"whole", "bool"}:
        return "int64"
    if figure.function in {"sum", "mean", "std"}:
        return "double"
    type_ = str(schema.field(column.name).type)
    if figure.function == "top_k":
        return f"list<l: struct<value: {type_}, count: int64>>"
    return type_


def _moment(value: int, kind: str) -> object:
    moment = _EPOCH + timedelta(microseconds=value)
    if kind == "date":
        return moment.date()
    return moment if kind == "instant" else moment.replace(tzinfo=None)


def _or_none(values: Sequence[Any], there: Sequence[bool]) -> list[Any]:
    return [value if is_there else None for value, is_there in zip(values, there, strict=True)]


def _latest(
    layout: Layout, written: bytes, moment: int, readers: Mapping[int, Any]
) -> dict[str, Any]:
    """Return the latest values that were known by then and are not too old."""
    known = [
        row
        for row in msgspec.msgpack.decode(written, type=Latest).rows
        if row[0] <= moment - layout.delay
    ]
    if not known or (layout.ttl is not None and moment - known[-1][0] > layout.ttl):
        return {}
    values = list(known[-1][1])
    for place, reader in readers.items():
        if values[place] is not None:
            values[place] = reader(values[place])
    return dict(zip(layout.latest, values, strict=True))
