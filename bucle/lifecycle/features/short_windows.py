"""Windows of many entity rows that hold few rows each, by looking at each of these in numpy.

The engine's window operator takes its time per entity row, however few rows a window holds.  So
where there are many entity rows, and not many more source rows, both are sorted by key and moment
here, and each window's rows are looked at: nothing is kept running, so that what is outside of a
window leaves no trace.  For whatever is not plain here, the answer is None: ask the engine.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.features.records import Aggregation, FeatureView
from bucle.lifecycle.features.terms import AT, EVENT, ROW, delay_of, longest_of, micros, quoted

_FEWEST = 50_000  # entity rows: of fewer, the engine is as quick
_MOST = 16_000_000  # entity rows, and source rows: these are held here, some 100 bytes each
_MORE = 8  # times as many source rows as entity rows at most: most of them are in no window
_SHORT = 32  # rows that a window holds at most, on an average: from there on the engine is quicker
_AT_ONCE = 500_000  # rows that are looked at together; what stays in the cache is quicker
_GREATEST = 1e150  # the square of what is greater is infinite, which the engine refuses
_EXACT = 2**53  # up to here a float64 has every whole number
_FURTHEST = 2**61  # microseconds, and places of keys and moments in one number

_Array: TypeAlias = np.ndarray[Any, Any]
_FUNCTIONS = {"count", "sum", "mean", "std", "min", "max", "last"}


class _Sorted(msgspec.Struct, frozen=True):
    """Rows by key and moment: where each was, and from which place on each key's are."""

    order: _Array
    starts: _Array
    moments: _Array  # not sorted

    def of_keys(self, first: int, last: int) -> tuple[_Array, _Array, _Array]:
        """Return rows of some keys: where each was, the keys from 0 on, and the moments."""
        order = self.order[self.starts[first] : self.starts[last]]
        keys = np.repeat(np.arange(last - first), np.diff(self.starts[first : last + 1]))
        return order, keys, self.moments[order]


class _Windows(msgspec.Struct, frozen=True):
    """From which row of a sorted column to which each window reaches: `last` is not in it."""

    first: _Array
    last: _Array


class _Column(msgspec.Struct, frozen=True):
    """The values of a column, and which are there; None: all are."""

    values: _Array
    there: _Array | None


class _Made(msgspec.Struct, frozen=True):
    """A figure per entity row, and where there is none: everywhere at first."""

    figures: _Array
    none: _Array

    @classmethod
    def of(cls, each: Aggregation, columns: Mapping[str, _Column], count: int) -> "_Made":
        """Make room; of no rows, the count is zero."""
        if each.function == "count":
            return cls(np.zeros(count, np.int64), np.zeros(count, bool))
        type_ = columns[each.column].values.dtype
        if each.function in {"sum", "mean", "std"}:
            type_ = np.dtype(_wide(type_) if each.function == "sum" else np.float64)
        return cls(np.zeros(count, type_), np.ones(count, bool))

    def put(self, rows: _Array, figures: _Array, none: _Array) -> None:
        """Put figures where their entity rows are."""
        self.figures[rows] = figures
        self.none[rows] = none


def may_be_short(view: FeatureView, entities: pa.Table) -> bool:
    """Return whether `short_windows` is worth a try."""
    return bool(view.aggregations) and _FEWEST <= entities.num_rows <= _MOST


def short_windows(
    engine: Engine,
    view: FeatureView,
    types: Mapping[str, pa.DataType],
    events: str,
    tables: Mapping[str, TableSource],
) -> pa.Table | None:
    """Return what the engine's windows do, `bucle_row` first, or None where it has to count them.

    `events` is the statement of the source's rows as they came, `tables` what it asks.
    """
    entities = tables["entities"]
    assert isinstance(entities, pa.Table)
    if not _plain(view, types, entities.schema):
        return None
    source = _read(engine, view, events, tables, min(_MOST, _MORE * entities.num_rows))
    if source is None:
        return None
    moments, asked_at = (_numbers(table[AT]) for table in (source, entities))
    longest, earliest, latest = longest_of(view), int(moments.min()), int(moments.max())
    if max(latest, -earliest) + longest >= _FURTHEST:
        return None
    codes, asked_codes, keys = _codes(view, source, entities)
    rows, asked = _sorted(codes, moments, keys), _sorted(asked_codes, asked_at, keys)
    figures = _figures(view, source, rows, asked)
    if figures is None:
        return None
    found = {ROW: entities[ROW]}
    if not view.columns:
        found[EVENT] = pa.nulls(entities.num_rows, pa.int64())
    return pa.table(found | figures)


def _plain(view: FeatureView, types: Mapping[str, pa.DataType], entities: pa.Schema) -> bool:
    def whole(type_: pa.DataType) -> bool:
        return bool(pa.types.is_integer(type_) and not pa.types.is_uint64(type_))

    def key(type_: pa.DataType) -> bool:
        return whole(type_) or pa.types.is_string(type_) or pa.types.is_large_string(type_)

    def number(type_: pa.DataType) -> bool:
        floating = pa.types.is_float32(type_) or pa.types.is_float64(type_)
        return whole(type_) or floating or pa.types.is_boolean(type_)

    return (
        not view.created
        and all(key(types[name]) and key(entities.field(name).type) for name in view.entity.keys)
        and all(
            each.function in _FUNCTIONS and (not each.column or number(types[each.column]))
            for each in view.aggregations
        )
    )


def _read(
    engine: Engine, view: FeatureView, events: str, tables: Mapping[str, TableSource], most: int
) -> pa.Table | None:
    """Return the source's rows as they came; None: there are none, or more than that."""
    names = [*view.entity.keys, *(each.column for each in view.aggregations if each.column)]
    chosen = ", ".join(quoted(name) for name in dict.fromkeys(names))
    batches, count = [], 0
    for batch in engine.stream(f"SELECT {chosen}, {AT} FROM ({events})", tables=tables):
        batches.append(batch)
        count += batch.num_rows
        if count > most:
            return None
    return pa.Table.from_batches(batches) if count else None


def _codes(view: FeatureView, source: pa.Table, entities: pa.Table) -> tuple[_Array, _Array, int]:
    """Return the number of each source row's key and entity row's, -1 for none, and how many."""
    codes, keys, missing = None, 1, None
    for name in view.entity.keys:
        text = not pa.types.is_integer(source[name].type)
        type_ = pa.large_string() if text else pa.int64()
        chunks = [chunk for table in (source, entities) for chunk in table[name].cast(type_).chunks]
        column = pa.chunked_array(chunks, type_)
        if column.null_count:
            null = _numbers(column.is_null())
            missing = null if missing is None else missing | null
            column = column.fill_null("" if text else 0)
        more, count = _coded(column)
        if codes is None:
            codes, keys = more, count
        else:  # at most a number per row again: none is ever too great
            codes, keys = _coded(pa.chunked_array([codes.astype(np.int64) * count + more]))
    assert codes is not None
    if missing is not None:
        codes[missing] = -1
    return codes[: source.num_rows], codes[source.num_rows :], keys


def _coded(column: pa.ChunkedArray) -> tuple[_Array, int]:
    """Return a number from 0 for each value, and above which there is none."""
    if pa.types.is_integer(column.type):
        ends = pc.min_max(column).as_py()
        count = ends["max"] - ends["min"] + 1
        if count <= len(column):  # piece by piece: a copy of it all takes longer than to count
            codes, place = np.empty(len(column), _small(count)), 0
            for chunk in column.chunks:
                codes[place : place + len(chunk)] = np.asarray(chunk) - ends["min"]
                place += len(chunk)
            return codes, count
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    count = len(encoded.dictionary)
    return np.asarray(encoded.indices).astype(_small(count)), count


def _small(count: int) -> type[np.generic]:
    """Return the type of so many numbers, and -1; those of 16 bits are sorted the quickest."""
    return np.int16 if count < 2**15 else np.int32


def _numbers(column: pa.ChunkedArray | pa.Array) -> _Array:
    found: _Array = column.to_numpy() if isinstance(column, pa.ChunkedArray) else np.asarray(column)
    return found


def _sorted(codes: _Array, moments: _Array, keys: int) -> _Sorted:
    """Sort by key and moment, ties as they came, what has no key left out."""
    if (moments[1:] >= moments[:-1]).all():
        order = np.argsort(codes, kind="stable")
    else:
        order = np.lexsort((moments, codes))
    starts = np.cumsum(np.bincount(codes + 1, minlength=keys + 1))
    return _Sorted(order, starts, moments)


def _figures(
    view: FeatureView, source: pa.Table, rows: _Sorted, asked: _Sorted
) -> dict[str, pa.Array] | None:
    """Return each aggregation of the entity rows, in their order."""
    names = {each.column for each in view.aggregations if each.column}
    columns = {name: _column(source[name]) for name in names}
    most = int(np.diff(rows.starts).max())
    if not all(_safe(column.values, most) for column in columns.values()):
        return None
    made = {each.feature: _Made.of(each, columns, len(asked.moments)) for each in view.aggregations}
    left = _SHORT * (len(rows.moments) + len(asked.moments))
    span = int(rows.moments.max()) - int(rows.moments.min()) + 2
    for first, last in _key_ranges(rows.starts + asked.starts, max(1, _FURTHEST // span)):
        here, asking = rows.of_keys(first, last), asked.of_keys(first, last)
        if not len(here[0]) or not len(asking[0]):
            continue  # nothing is found, as is said from the start
        for (delay, window), groups in _frames(view).items():
            windows = _bounds(here[1:], asking[1:], delay, window)
            left -= int((windows.last - windows.first).sum())
            if left < 0:
                return None
            for name, several in groups.items():
                functions: set[str] = {each.function for each in several}
                found = _of_column(functions, columns.get(name), here[0], windows)
                for each in several:
                    made[each.feature].put(asking[0], *found[each.function])
    return {name: pa.array(each.figures, mask=each.none) for name, each in made.items()}


def _frames(view: FeatureView) -> dict[tuple[int, int], dict[str, list[Aggregation]]]:
    """Return the aggregations by what they are counted over, and of which column."""
    found: dict[tuple[int, int], dict[str, list[Aggregation]]] = {}
    for each in view.aggregations:
        groups = found.setdefault((delay_of(view, each), micros(each.window)), {})
        groups.setdefault(each.column, []).append(each)
    return found


def _key_ranges(before: _Array, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most so many keys, that have few rows together where they can."""
    first, keys = 0, len(before) - 1
    while first < keys:
        last = int(np.searchsorted(before, before[first] + _AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), first + most, keys)
        yield first, last
        first = last


def _bounds(
    rows: tuple[_Array, _Array], asked: tuple[_Array, _Array], delay: int, window: int
) -> _Windows:
    """Find the rows with `moment - delay - window < time <= moment - delay`, by halving.

    Both are keys and moments, sorted by key, the rows by moment, too.
    """
    earliest, latest = int(rows[1].min()), int(rows[1].max())
    span = latest - earliest + 2  # 0 is before all of them
    places = rows[0] * span + (rows[1] - (earliest - 1))
    base = asked[0] * span
    # The moments are brought near first, so that nothing overflows.
    near = asked[1].clip(earliest - 1, latest + delay + window) - (earliest - 1)
    first, last = (
        np.searchsorted(places, base + (near - end).clip(0, span - 1), side="right")
        for end in (delay + window, delay)
    )
    return _Windows(first, last)


def _column(column: pa.ChunkedArray) -> _Column:
    there = _numbers(column.is_valid()) if column.null_count else None
    nothing = False if pa.types.is_boolean(column.type) else 0
    return _Column(_numbers(column if there is None else column.fill_null(nothing)), there)


def _safe(values: _Array, most: int) -> bool:
    """Return whether no sum of so many overflows, and nothing is infinite or not a number."""
    if values.dtype == bool:
        return True
    greatest = max(abs(float(values.max())), abs(float(values.min())))
    if values.dtype.kind == "f":
        return greatest <= _GREATEST  # not so of NaN
    return greatest * most < _EXACT


def _of_column(
    functions: set[str], column: _Column | None, order: _Array, windows: _Windows
) -> dict[str, tuple[_Array, _Array]]:
    """Return each function's figures of some rows of a column, and where there are none."""
    if column is None:
        return _of_values(functions, None, windows)
    values = column.values[order]
    if column.there is not None:
        there = column.there[order]
        values, before = values[there], np.concatenate(([0], np.cumsum(there)))
        windows = _Windows(before[windows.first], before[windows.last])
    return _of_values(functions, values, windows)


def _of_values(
    functions: set[str], values: _Array | None, windows: _Windows
) -> dict[str, tuple[_Array, _Array]]:
    """Return each function's figures, and where there are none."""
    counts = windows.last - windows.first
    none = counts == 0
    found: dict[str, tuple[_Array, _Array]] = {"count": (counts, np.zeros(len(counts), bool))}
    if values is None:
        return found
    if "last" in functions:
        last = np.zeros(len(counts), values.dtype)
        last[~none] = values[windows.last[~none] - 1]
        found["last"] = (last, none)
    types = {"sum": _wide(values.dtype), "mean": np.float64, "std": np.float64}
    figured = functions - found.keys() - {"last"}
    made = {name: np.zeros(len(counts), types.get(name, values.dtype)) for name in figured}
    for some in _stretches(np.flatnonzero(~none), counts) if made else ():
        lengths = counts[some]
        starts = np.cumsum(lengths) - lengths
        rows = np.repeat(windows.first[some] - starts, lengths)
        rows += np.arange(len(rows))
        for name, figures in _of_rows(figured, values[rows], starts, lengths).items():
            made[name][some] = figures
    found |= {name: (each, counts <= (name == "std")) for name, each in made.items()}
    return found


def _of_rows(
    functions: set[str], values: _Array, starts: _Array, lengths: _Array
) -> dict[str, _Array]:
    """Return figures of stretches of values, each from its start; none is empty."""
    found: dict[str, _Array] = {}
    if functions & {"sum", "mean", "std"}:
        wide = values.astype(_wide(values.dtype), copy=False)
        sums = np.add.reduceat(wide, starts)
        means = sums / lengths
        found = {"sum": sums, "mean": means}
        if "std" in functions:
            away = wide - np.repeat(means, lengths)
            squares = np.add.reduceat(np.square(away), starts)
            found["std"] = np.sqrt(squares / np.maximum(lengths - 1, 1))
    if "min" in functions:
        found["min"] = np.minimum.reduceat(values, starts)
    if "max" in functions:
        found["max"] = np.maximum.reduceat(values, starts)
    return {name: found[name] for name in functions}


def _wide(type_: np.dtype[Any]) -> type[np.generic]:
    """Return as what numbers are summed."""
    return np.float64 if type_.kind == "f" else np.int64


def _stretches(full: _Array, counts: _Array) -> Iterator[_Array]:
    """Yield windows in pieces that hold few rows together; one is no longer than a key has rows."""
    if not len(full):
        return
    before = np.cumsum(counts[full])
    ends = np.searchsorted(before, np.arange(_AT_ONCE, int(before[-1]), _AT_ONCE), side="right")
    for piece in np.split(full, ends):
        if len(piece):
            yield piece
