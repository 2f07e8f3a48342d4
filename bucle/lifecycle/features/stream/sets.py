"""Which values a stretch of time has, and how often each: of `approx_distinct` and `top_k`.

Beside each tile of a view that asks for it stands a row with the tile's values and their counts.
Such rows are merged by adding them up, so that what is read is exact, whatever tiles it is made
of.  Where a window begins or ends within a tile, its events are counted one by one.

A value is written as its word of eight bytes, a text as itself.  An event has no room for a text:
it bears 64 bits of its BLAKE2 digest, by which the text is found among those of its tile.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from bucle.drivers.online import OnlineStore
from bucle.lifecycle.features.stream.found import Found, chosen_events, chosen_tiles
from bucle.lifecycle.features.stream.layout import Layout, set_key, tile_prefix
from bucle.lifecycle.features.stream.tiles import EVENT_WORDS, PRESENT, Cover, Words

Counts: TypeAlias = "Counter[int | str]"
_NAN = np.array([np.nan]).view(np.int64)[0]


def text_words(column: pa.ChunkedArray) -> Words:
    """Return the word that stands for each text in an event; a missing one is anything."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    words = np.array([_digest(text) for text in encoded.dictionary.to_pylist()], np.int64)
    if not len(words):
        return np.zeros(len(column), np.int64)
    places = encoded.indices.fill_null(0).to_numpy()
    chosen: Words = words[places]
    return chosen


def same_words(words: Words, kind: str) -> Words:
    """Return words that are equal where the values are: there is one zero and one NaN."""
    if kind != "fraction":
        return words
    made: Words = (np.ascontiguousarray(words).view(np.float64) + 0.0).view(np.int64)
    made[np.isnan(made.view(np.float64))] = _NAN
    return made


def grown(old: bytes | None, values: Sequence[int | str]) -> bytes:
    """Return a tile's row of values with more of them."""
    counts = _read(old)
    counts.update(values)
    row: bytes = msgspec.msgpack.encode(counts)
    return row


def read_counts(
    online: OnlineStore,
    table: str,
    layout: Layout,
    found: Found,
    entities: Sequence[bytes],
    wanted: Sequence[tuple[int, Cover]],
) -> list[list[Counts]]:
    """Return for each wanted column over a stretch the values of each entity, with their counts."""
    asked: dict[bytes, None] = {}
    for column, covered in wanted:
        for tile in _tiles_of(layout, found, column, covered):
            asked[set_key(_name(found, entities, tile), column)] = None
    rows = dict(zip(asked, online.read(table, list(asked)), strict=True)) if asked else {}

    def counts_of(tile: int, column: int) -> Counts:
        return _read(rows.get(set_key(_name(found, entities, tile), column)))

    made = []
    for column, covered in wanted:
        counts: list[Counts] = [Counter() for _ in entities]
        for tile in chosen_tiles(found, covered).tolist():
            counts[found.owners[tile]].update(counts_of(tile, column))
        texts = {
            _digest(text): text
            for tile in _edges(layout, found, column, covered)
            for text in counts_of(tile, column)
            if isinstance(text, str)
        }
        for owner, word in _edge_words(layout, found, column, covered):
            counts[owner][texts.get(word, word) if texts else word] += 1
        made.append(counts)
    return made


def ranked(counts: Counts, kind: str, most: int) -> list[tuple[Any, int]]:
    """Return the most frequent values as they are written, of equally frequent ones the least."""

    def order(item: tuple[Any, int]) -> tuple[Any, ...]:
        value, number = item
        if kind != "fraction":
            return (-number, value)
        fraction = fraction_of(value)
        return (-number, fraction != fraction, fraction)  # noqa: PLR0124 - NaN is the greatest

    return sorted(counts.items(), key=order)[:most]


def fraction_of(word: int) -> float:
    """Return the fraction that a word stands for."""
    return float(np.int64(word).view(np.float64))


def _edge_words(
    layout: Layout, found: Found, column: int, covered: Cover
) -> Iterator[tuple[int, int]]:
    """Yield the words of the events beside the tiles, with the places of their entities."""
    rest = chosen_events(found, covered)
    events = found.events[rest]
    present = ((events[:, PRESENT] >> column) & 1).astype(np.bool_)
    words = same_words(events[present, EVENT_WORDS + column], layout.columns[column].kind)
    return zip(found.event_owners[rest][present].tolist(), words.tolist(), strict=True)


def _tiles_of(layout: Layout, found: Found, column: int, covered: Cover) -> list[int]:
    return [*chosen_tiles(found, covered).tolist(), *_edges(layout, found, column, covered)]


def _edges(layout: Layout, found: Found, column: int, covered: Cover) -> list[int]:
    """Return the tiles whose events are counted one by one, where they are to give texts."""
    if layout.columns[column].kind != "text":
        return []
    hop = layout.hops[0]
    chosen = np.zeros(len(found.owners), np.bool_)
    for low, high in covered.rest:
        chosen |= (found.places >= low // hop) & (found.places <= high // hop)
    places: list[int] = np.flatnonzero(chosen & (found.levels == 0)).tolist()
    return places


def _name(found: Found, entities: Sequence[bytes], tile: int) -> bytes:
    level, place = int(found.levels[tile]), int(found.places[tile])
    return tile_prefix(level, place) + entities[int(found.owners[tile])]


def _read(row: bytes | None) -> Counts:
    return Counter(msgspec.msgpack.decode(row, type=dict[int | str, int]) if row else {})


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)
