"""How a stream's state lies in the online store: which rows there are, and how they are called.

One table per version of a view.  Beside the rows of entities stand two of the view's own: how
far the stream was counted (`Offset`), and how the rest is to be read (`Layout`), which is settled
by the first events and does not change.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.lifecycle.features.records import FeatureView, OnlineView

OFFSET, LAYOUT = b"\xc0", b"\xc1"
_TILE, _CHUNK, _LATEST, _CALENDAR, _SET = b"t", b"r", b"e", b"c", b"v"
_TILES_PER_WINDOW = 64  # of the finest tiles in the shortest window
_NEXT_LEVEL = 32  # so many times longer are the tiles of the next level
_MOST_COLUMNS = 63  # that are aggregated: each has a bit in an event
_ZERO = 1 << 63
_MICRO = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A reader's clock may be so much behind that of the process that counts.
SKEW = timedelta(minutes=1) // _MICRO
BEGINNING = -(1 << 62)

SETS = frozenset({"approx_distinct", "top_k"})
_ORDERED = frozenset({"count", "min", "max", "last"}) | SETS
_ALL = _ORDERED | {"sum", "mean", "std"}
_FUNCTIONS = {
    "whole": _ALL, "bool": _ALL, "fraction": _ALL, "date": _ORDERED, "moment": _ORDERED,
    "instant": _ORDERED, "decimal": frozenset({"count", "sum", "mean", "std"}),
    "text": frozenset({"count"}) | SETS, "other": frozenset({"count"}),
}  # fmt: skip
_KINDS = (
    ("bool", pa.types.is_boolean),
    ("whole", pa.types.is_integer),
    ("fraction", pa.types.is_floating),
    ("decimal", pa.types.is_decimal),
    ("date", pa.types.is_date),
    ("text", pa.types.is_string),
    ("text", pa.types.is_large_string),
)


class Column(msgspec.Struct, frozen=True, array_like=True):
    """A column that is aggregated; its kind says how a value is written as eight bytes."""

    name: str
    kind: str


class Window(msgspec.Struct, frozen=True, array_like=True):
    """The rows with `now - delay - length < time <= now - delay`, in microseconds."""

    length: int
    delay: int


class Figure(msgspec.Struct, frozen=True, array_like=True):
    """One aggregation of the view."""

    function: str
    column: int  # the place among the columns; -1: rows are counted
    window: int  # the place among the windows
    k: int = 0  # of top_k


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """All that is needed to count and to read; durations are microseconds."""

    schema: bytes  # of the columns that are used of an event, in Arrow's words
    keys: tuple[str, ...]
    time: str
    latest: tuple[str, ...]  # the columns whose latest value is a feature
    columns: tuple[Column, ...]
    windows: tuple[Window, ...]
    figures: tuple[Figure, ...]
    hops: tuple[int, ...]  # how long a tile of each level is, the finest first
    delay: int  # of the latest values
    ttl: int | None  # None: latest values do not age
    late_after: int | None  # None: an event is never too late
    keep: int  # how far behind the newest event tiles are kept
    linger: int  # how far behind the newest event a read may ask for
    sets: tuple[int, ...] = ()  # the columns of which each tile's values are kept, with counts


class Offset(msgspec.Struct, frozen=True, array_like=True):
    """How far the stream was counted; it is written with what was counted."""

    position: str = ""  # of the last event; "": none came from a topic
    newest: int = BEGINNING  # the latest time of an event, at most that of its counting
    first: int = 0  # the oldest row of the calendar
    after: int = 0  # the next row of the calendar
    applied: int = 0  # events counted so far
    late: int = 0  # events that were too late so far
    seed: str = ""  # the dataset version that the state began with
    seeded: int = 0  # rows of it that were counted
    is_seeding: bool = False  # whether there are more to come


class Calendar(msgspec.Struct, frozen=True, array_like=True):
    """Tiles that began in one batch: to be deleted when the newest event is far enough."""

    due: int  # when most of them are too old
    tiles: tuple[bytes, ...]


class Latest(msgspec.Struct, frozen=True, array_like=True):
    """An entity's latest rows as (time, values), oldest first: several while one may be asked."""

    rows: tuple[tuple[int, tuple[object, ...]], ...]


def table_of(view: OnlineView) -> str:
    """Return the online table of a view's stream."""
    return f"{view.table}/stream"


def layout_of(view: FeatureView, schema: pa.Schema) -> Layout:
    """Settle how the events of a view are counted.

    Raises:
        Invalid: the view shapes its rows in SQL, or an aggregation is not one of its column's type.
    """
    if view.sql:
        raise Invalid(
            f"{view.name!r} shapes its rows in SQL, which a stream can not",
            hint="let the sender of the events shape them, and leave the view's sql out",
        )
    names = list(dict.fromkeys(each.column for each in view.aggregations if each.column))
    columns = tuple(Column(name, kind_of(schema.field(name).type)) for name in names)
    if len(columns) > _MOST_COLUMNS:
        raise Invalid(
            f"{view.name!r} aggregates {len(columns)} columns, over a stream {_MOST_COLUMNS} are "
            "the most",
            hint="make two views of it",
        )
    windows: dict[Window, int] = {}
    figures = []
    for each in view.aggregations:
        window = Window(micros(each.window), micros(each.delay or view.delay))
        place = names.index(each.column) if each.column else -1
        if each.column:
            _check_function(view, each.function, columns[place], schema)
        at = windows.setdefault(window, len(windows))
        figures.append(Figure(each.function, place, at, each.k if each.function == "top_k" else 0))
    reach = max((window.length + window.delay for window in windows), default=0)
    retention = micros(view.retention)
    linger = max(retention, SKEW)
    return Layout(
        schema=schema.serialize().to_pybytes(),
        keys=view.entity.keys,
        time=view.time,
        latest=view.columns,
        columns=columns,
        windows=tuple(windows),
        figures=tuple(figures),
        hops=hops_of([window.length for window in windows]),
        delay=micros(view.delay),
        ttl=micros(view.ttl) if view.ttl else None,
        late_after=retention or _reach(view, reach),
        keep=reach + linger,
        linger=linger,
        sets=tuple(sorted({each.column for each in figures if each.function in SETS})),
    )


def hops_of(lengths: Iterable[int]) -> tuple[int, ...]:
    """Return how long the tiles of each level are, so that no window needs very many of them."""
    found = sorted(lengths)
    if not found:
        return ()
    hops = [-(-found[0] // _TILES_PER_WINDOW)]
    while found[-1] > 2 * _TILES_PER_WINDOW * hops[-1]:
        hops.append(_NEXT_LEVEL * hops[-1])
    return tuple(hops)


def kind_of(type_: pa.DataType) -> str:
    """Return how values of a type are written as eight bytes; `other` can only be counted."""
    for kind, belongs in _KINDS:
        if belongs(type_):
            return kind
    if pa.types.is_timestamp(type_):
        return "instant" if type_.tz else "moment"
    return "other"


def micros(text: str) -> int:
    """Return a duration in microseconds; an empty one is none."""
    return parse_duration(text) // _MICRO if text else 0


def micros_of(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (moment - _EPOCH) // _MICRO


def moment_of(micros: int) -> datetime:
    """Return the moment of microseconds since 1970."""
    return _EPOCH + micros * _MICRO


def tile_prefix(level: int, tile: int) -> bytes:
    """Return how the keys of a tile begin: neighbours in time are neighbours in the store."""
    return _TILE + bytes((level,)) + (tile + _ZERO).to_bytes(8, "big")


def tile_id(key: bytes) -> tuple[int, int]:
    """Return the level and the place in time of a tile, from its key."""
    return key[1], int.from_bytes(key[2:10], "big") - _ZERO


def chunk_key(tile: bytes, number: int) -> bytes:
    """Return where events lie that no longer fit into their tile's row."""
    return _CHUNK + tile[1:] + number.to_bytes(4, "big")


def set_key(tile: bytes, column: int) -> bytes:
    """Return where the values of a tile lie, with their counts."""
    return _SET + bytes((column,)) + tile[1:]


def latest_key(entity: bytes) -> bytes:
    """Return where an entity's latest rows lie."""
    return _LATEST + entity


def calendar_key(number: int) -> bytes:
    """Return where a row of the calendar lies."""
    return _CALENDAR + number.to_bytes(8, "big")


@lru_cache(maxsize=64)
def read_layout(written: bytes) -> tuple[Layout, pa.Schema]:
    """Read a layout, and the schema in it."""
    layout = msgspec.msgpack.decode(written, type=Layout)
    return layout, pa.ipc.read_schema(pa.py_buffer(layout.schema))


def _reach(view: FeatureView, reach: int) -> int | None:
    """Return how late an event may be and still matter; None: however late."""
    if not view.columns:
        return reach
    return max(reach, micros(view.delay) + micros(view.ttl)) if view.ttl else None


def _check_function(view: FeatureView, function: str, column: Column, schema: pa.Schema) -> None:
    allowed = _FUNCTIONS[column.kind]
    if function not in allowed:
        raise Invalid(
            f"{view.name!r}: {function} of {column.name!r}, which is "
            f"{schema.field(column.name).type}, is not kept over a stream",
            hint=f"over a stream it has {', '.join(sorted(allowed))}",
        )
