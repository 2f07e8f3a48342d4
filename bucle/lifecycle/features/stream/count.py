"""Count a batch of events into the state: one read, arithmetic on arrays, one write.

The write holds the tiles, the latest rows and the offset, and a store writes it as a whole; so
whatever dies, a batch is counted once or not at all.  What became too old is deleted afterwards;
if that fails, the next batch does it again.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from bucle.drivers.online import OnlineStore
from bucle.lifecycle.features.stream.events import Batch
from bucle.lifecycle.features.stream.layout import (
    LAYOUT,
    OFFSET,
    Calendar,
    Latest,
    Layout,
    Offset,
    calendar_key,
    chunk_key,
    latest_key,
    set_key,
    tile_id,
    tile_prefix,
)
from bucle.lifecycle.features.stream.sets import grown, same_words
from bucle.lifecycle.features.stream.tiles import (
    CHUNKS,
    EVENT_WORDS,
    PRESENT,
    ROWS,
    TILE_WORDS,
    TIME,
    WORDS,
    Bools,
    Words,
    aggregate_of,
    merged,
    summed,
)

_EVENTS_IN_A_TILE = 64  # with more, the events move to a row of their own
_CALENDAR_ROWS_AT_ONCE = 8


class State(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a view's stream is counted into."""

    online: OnlineStore
    table: str
    layout: Layout
    offset: Offset
    is_new: bool  # whether the layout is still to be written


class _Groups(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events of one entity in one tile, for each such pair."""

    keys: list[bytes]
    order: Words  # the places of the events, by pair and then by time
    starts: Words  # where the events of each pair start, and one more: where the last ones end
    ids: Words  # the pair of each event, in that order


class _Expired(msgspec.Struct, frozen=True, kw_only=True):
    """What became too old."""

    keys: tuple[bytes, ...]  # tiles, and rows of the calendar that are done
    again: tuple[bytes, ...]  # tiles of such a row that are not too old yet
    first: int  # the oldest row of the calendar


def count(
    state: State, batch: Batch, offset: Offset, now: int, *, is_bounded: bool = True
) -> tuple[Bools, Offset]:
    """Write what these events change, with `offset`.

    Returns which of them were too late (none, unless they are bounded), and the offset written.
    """
    layout, before = state.layout, state.offset
    seen = np.concatenate(([before.newest], np.minimum(batch.times, now)))
    newest = np.maximum.accumulate(seen)  # before each event, and after the last one
    late = np.zeros(len(batch.times), np.bool_)
    if is_bounded and layout.late_after is not None:
        late = batch.times <= newest[:-1] - layout.late_after
    in_tiles = np.flatnonzero(~late & (batch.times > newest[:-1] - layout.keep))
    end = int(newest[-1])

    groups = [
        _grouped(batch, in_tiles, level, hop)
        for level, hop in enumerate(layout.hops)
        if len(in_tiles)
    ]
    entities = np.unique(batch.entities[~late]) if layout.latest else np.zeros(0, np.int64)
    latest = [latest_key(batch.names[place]) for place in entities.tolist()]
    due = range(before.first, min(before.first + _CALENDAR_ROWS_AT_ONCE, before.after))
    sets = _set_keys(layout, groups)
    tiles = [key for level in groups for key in level.keys]
    asked = [*tiles, *sets, *latest, *map(calendar_key, due)]
    found = iter(state.online.read(state.table, asked))

    rows: dict[bytes, bytes] = {}
    begun: list[bytes] = []
    for level, pairs in enumerate(groups):
        olds = [next(found) for _ in pairs.keys]
        begun += [key for key, old in zip(pairs.keys, olds, strict=True) if old is None]
        rows.update(_tiles(layout, batch, pairs, olds, with_events=level == 0))
    rows.update(_sets(layout, batch, groups, found))
    if latest:
        known = {key: next(found) for key in latest}
        limit = end - layout.delay - layout.linger
        rows.update(_latest(layout, batch, np.flatnonzero(~late), known, limit))
    expired = _expired(layout, due, list(found), end)
    begun += expired.again
    calendar = _calendar(layout, begun, before.after, end)
    rows |= calendar
    offset = msgspec.structs.replace(
        offset,
        newest=end,
        first=expired.first,
        after=before.after + len(calendar),
        applied=before.applied + int((~late).sum()),
        late=before.late + int(late.sum()),
    )
    rows[OFFSET] = msgspec.msgpack.encode(offset)
    if state.is_new:
        rows[LAYOUT] = msgspec.msgpack.encode(layout)
    state.online.write(state.table, rows)
    if expired.keys:
        _delete(state, expired.keys)
    return late, offset


def header_bytes(layout: Layout) -> int:
    """Return how long a tile's row is before its events."""
    return 8 * (TILE_WORDS + WORDS * len(layout.columns))


def event_bytes(layout: Layout) -> int:
    """Return how long an event is."""
    return 8 * (EVENT_WORDS + len(layout.columns))


def _grouped(batch: Batch, chosen: Words, level: int, hop: int) -> _Groups:
    times = batch.times[chosen]
    tiles, codes = np.unique(times // hop, return_inverse=True)
    size = len(batch.names)
    pairs = codes * size + batch.entities[chosen]
    order = np.lexsort((times, pairs))
    pairs = pairs[order]
    is_first = np.concatenate(([True], pairs[1:] != pairs[:-1]))
    starts = np.flatnonzero(is_first)
    prefixes = [tile_prefix(level, tile) for tile in tiles.tolist()]
    names = batch.names
    heads = pairs[starts]
    keys = [
        prefixes[tile] + names[entity]
        for tile, entity in zip((heads // size).tolist(), (heads % size).tolist(), strict=True)
    ]
    return _Groups(
        keys=keys,
        order=chosen[order],
        starts=np.append(starts, len(pairs)),
        ids=np.cumsum(is_first) - 1,
    )


def _tiles(
    layout: Layout, batch: Batch, pairs: _Groups, olds: list[bytes | None], *, with_events: bool
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of tiles with the events added, and of events that no longer fit in."""
    size, header = len(pairs.keys), header_bytes(layout)
    nothing = bytes(header)
    before = np.frombuffer(
        b"".join([nothing if old is None else old[:header] for old in olds]), np.int64
    ).reshape(size, -1)
    counts = np.diff(pairs.starts)
    made = np.empty_like(before)
    made[:, ROWS] = before[:, ROWS] + counts
    made[:, CHUNKS] = before[:, CHUNKS]
    times = batch.times[pairs.order]
    for place, column in enumerate(layout.columns):
        values, present = batch.values[place][pairs.order], batch.present[place][pairs.order]
        if present.all():
            fresh = summed(pairs.ids, size, times, values, column.kind)
        else:
            fresh = summed(pairs.ids[present], size, times[present], values[present], column.kind)
        start = TILE_WORDS + WORDS * place
        made[:, start : start + WORDS] = merged(aggregate_of(before, place), fresh, column.kind)
    if not with_events:
        written = made.tobytes()
        yield from (
            (key, written[start : start + header])
            for key, start in zip(pairs.keys, range(0, size * header, header), strict=True)
        )
        return
    width = event_bytes(layout)
    kept = np.fromiter((len(old) - header if old else 0 for old in olds), np.int64, size)
    is_full = kept + counts * width > _EVENTS_IN_A_TILE * width
    made[:, CHUNKS] += is_full
    written, events = made.tobytes(), _events(layout, batch, pairs.order).tobytes()
    cuts = (pairs.starts * width).tolist()
    chunks = made[:, CHUNKS].tolist()
    for place, (key, old, full) in enumerate(zip(pairs.keys, olds, is_full.tolist(), strict=True)):
        tail = events[cuts[place] : cuts[place + 1]]
        if old is not None:
            tail = old[header:] + tail
        if full:
            yield chunk_key(key, chunks[place] - 1), tail
            tail = b""
        yield key, written[place * header : (place + 1) * header] + tail


def _calendar(layout: Layout, begun: list[bytes], number: int, end: int) -> dict[bytes, bytes]:
    """Return the calendar's row of the tiles that began; nothing if none did."""
    if not begun:
        return {}
    row = Calendar(end + layout.keep + layout.hops[-1], tuple(begun))
    return {calendar_key(number): msgspec.msgpack.encode(row)}


def _set_keys(layout: Layout, groups: Sequence[_Groups]) -> list[bytes]:
    """Return where the values of the tiles lie, in the order in which `_sets` takes them."""
    return [
        set_key(key, column) for pairs in groups for column in layout.sets for key in pairs.keys
    ]


def _sets(
    layout: Layout, batch: Batch, groups: Sequence[_Groups], olds: Iterator[bytes | None]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of tiles' values, with those of the events added."""
    values = {column: _values_of(layout, batch, column) for column in layout.sets}
    for pairs in groups:
        for column, written in values.items():
            present = batch.present[column]
            for place, key in enumerate(pairs.keys):
                old = next(olds)
                events = pairs.order[pairs.starts[place] : pairs.starts[place + 1]]
                fresh = [written[event] for event in events[present[events]].tolist()]
                if fresh:
                    yield set_key(key, column), grown(old, fresh)


def _values_of(layout: Layout, batch: Batch, column: int) -> list[Any]:
    """Return the values of a column as a tile's set has them."""
    kind = layout.columns[column].kind
    if kind == "text":
        texts: list[Any] = batch.rows[layout.columns[column].name].to_pylist()
        return texts
    words: list[Any] = same_words(batch.values[column], kind).tolist()
    return words


def _events(layout: Layout, batch: Batch, order: Words) -> Words:
    """Return events as they are stored: time, which values are present, values."""
    made = np.zeros((len(order), EVENT_WORDS + len(layout.columns)), np.int64)
    made[:, TIME] = batch.times[order]
    for place in range(len(layout.columns)):
        made[:, PRESENT] |= batch.present[place][order].astype(np.int64) << place
        made[:, EVENT_WORDS + place] = batch.values[place][order]
    return made


def _latest(
    layout: Layout, batch: Batch, chosen: Words, olds: dict[bytes, bytes | None], limit: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the latest rows of each entity: those after the limit, and one before it."""
    order = chosen[np.lexsort((batch.times[chosen], batch.entities[chosen]))]
    is_old = batch.times[order] <= limit
    entities = batch.entities[order]
    is_covered = np.append(is_old[1:] & (entities[1:] == entities[:-1]), False)
    order = order[~(is_old & is_covered)]
    table = batch.rows.select(list(layout.latest)).take(order)
    values = zip(*(column.to_pylist() for column in table.columns), strict=True)
    rows: dict[bytes, dict[int, tuple[object, ...]]] = {}
    for entity, moment, value in zip(
        batch.entities[order].tolist(), batch.times[order].tolist(), values, strict=True
    ):
        key = latest_key(batch.names[entity])
        if key not in rows:
            old = olds[key]
            rows[key] = dict(msgspec.msgpack.decode(old, type=Latest).rows) if old else {}
        rows[key][moment] = value  # of equal times, the last to come
    for key, known in rows.items():
        moments = sorted(known)
        before = sum(moment <= limit for moment in moments)
        kept = moments[max(before - 1, 0) :]
        yield key, msgspec.msgpack.encode(Latest(tuple((each, known[each]) for each in kept)))


def _expired(layout: Layout, due: range, found: list[bytes | None], newest: int) -> _Expired:
    keys: list[bytes] = []
    again: list[bytes] = []
    first = due.start
    for number, row in zip(due, found, strict=True):
        if row is None:  # it was done
            first = number + 1 if not keys else first
            continue
        calendar = msgspec.msgpack.decode(row, type=Calendar)
        if calendar.due > newest:
            break
        keys.append(calendar_key(number))
        for tile in calendar.tiles:
            level, place = tile_id(tile)
            is_old = (place + 1) * layout.hops[level] <= newest - layout.keep
            (keys if is_old else again).append(tile)
    return _Expired(keys=tuple(keys), again=tuple(again), first=first)


def _delete(state: State, keys: tuple[bytes, ...]) -> None:
    """Delete tiles, the events that did not fit into them, and the calendar's rows last."""
    found = state.online.read(state.table, keys)
    gone: list[bytes] = []
    for key, row in zip(keys, found, strict=True):
        if row is not None and key.startswith(tile_prefix(0, 0)[:1]):
            chunks = int(np.frombuffer(row[: 8 * TILE_WORDS], np.int64)[CHUNKS])
            gone += [chunk_key(key, number) for number in range(chunks)]
            gone += [set_key(key, column) for column in state.layout.sets]
    state.online.delete(state.table, [*gone, *keys])
