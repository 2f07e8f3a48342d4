"""A view's features in SQL that many engines speak: no as-of join, and no order among rows.

Entity rows and source rows stand in one table per key, ordered by moment; the latest row is the
last value that is not null (`last_value ... IGNORE NULLS`), and windows are `RANGE` frames over
whole microseconds.  Each costs a sort, however many rows a key has.  Figures are computed from
the rows in their window, never from running sums, so that what left a window leaves no trace.

What engines call by different names is in `_WORDS`; everything else is the same text.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import pyarrow as pa

from bucle.drivers.engine import Dialect
from bucle.lifecycle.features.records import Aggregation, FeatureView
from bucle.lifecycle.features.terms import (
    AT,
    CREATED,
    EVENT,
    KNOWN,
    ORDER,
    ROW,
    between,
    delay_of,
    keys_of,
    longest_of,
    micros,
    quoted,
    shaped,
)

_PLACE, _SIDE, _FOUND, _STRETCH = "bucle_place", "bucle_side", "bucle_found", "bucle_stretch"
# A sum of 2^63 of the greatest whole numbers fits.
_WIDE = "DECIMAL(38, 0)"
_UNSIGNED = pa.decimal128(20, 0)  # as Spark reads whole numbers of 64 bits without a sign


class _Words(msgspec.Struct, frozen=True, kw_only=True):
    """What is called otherwise in a dialect."""

    micros: Callable[[str, pa.DataType], str]  # a time as microseconds, rounded up
    record: Callable[[Sequence[str]], str]  # several values as one, with the fields c0, c1, ...
    last: str  # the last value that is not null
    whole: str  # a quotient without its fraction
    placed: str  # the rows of the source with their place
    shaped: str  # the rows of the view's own statement with their place
    distinct: str  # how many different values there are
    values: str  # the values, for what is made of them in `top`
    top: str  # of those values: the most frequent ones


def _duckdb_micros(column: str, type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_) and type_.unit == "ns":
        return f"((epoch_ns({column}) + 999) // 1000)"
    if pa.types.is_timestamp(type_):
        return f"epoch_us({column})"
    return f"epoch_us(CAST({column} AS TIMESTAMP))"


def _spark_micros(column: str, _: pa.DataType) -> str:
    return f"unix_micros(CAST({column} AS TIMESTAMP))"


def _duckdb_record(values: Sequence[str]) -> str:
    return "{" + ", ".join(f"'c{place}': {value}" for place, value in enumerate(values)) + "}"


def _spark_record(values: Sequence[str]) -> str:
    fields = ", ".join(f"'c{place}', {value}" for place, value in enumerate(values))
    return f"named_struct({fields})"


_WORDS: Mapping[Dialect, _Words] = {
    "duckdb": _Words(
        micros=_duckdb_micros,
        record=_duckdb_record,
        last="last_value({} IGNORE NULLS)",
        whole="({} // {})",
        placed=f"SELECT *, row_number() OVER () AS {_PLACE} FROM source",
        shaped=f"SELECT *, row_number() OVER () AS {_PLACE} FROM ({{}})",
        distinct="count(DISTINCT {}){}",
        values="histogram({}){}",
        top=(
            "list_transform(list_slice(list_sort(list_transform(map_entries({0}), "
            "lambda e: {{'n': -(e.value::BIGINT), 'v': e.key}})), 1, {1}), "
            "lambda e: {{'value': e.v, 'count': -e.n}})"
        ),
    ),
    "spark": _Words(
        micros=_spark_micros,
        record=_spark_record,
        last="last_value({}) IGNORE NULLS",
        whole="({} DIV {})",
        placed="SELECT * FROM bucle_placed_source",
        # A statement that filters and computes leaves the rows in the order in which it got them.
        shaped=(
            f"SELECT *, monotonically_increasing_id() AS {_PLACE} FROM (WITH source AS ("
            f"SELECT * EXCEPT ({_PLACE}) FROM (SELECT * FROM bucle_placed_source "
            f"ORDER BY {_PLACE})) {{}})"
        ),
        distinct="CAST(size(collect_set({}){}) AS BIGINT)",
        values="collect_list({}){}",
        # An empty list is none, as in DuckDB.
        top=(
            "CASE WHEN size({0}) > 0 THEN transform(slice(array_sort("
            "transform(array_distinct({0}), "
            "x -> named_struct('n', -size(filter({0}, y -> y = x)), 'v', x))), 1, {1}), "
            "e -> named_struct('value', e.v, 'count', CAST(-e.n AS BIGINT))) END"
        ),
    ),
}


def moment_in(dialect: Dialect, column: str, type_: pa.DataType) -> str:
    """Return a time in SQL as microseconds; nanoseconds are rounded up: never early."""
    return _WORDS[dialect].micros(column, type_)


def portable_statements(
    dialect: Dialect, view: FeatureView, types: Mapping[str, pa.DataType], *, knowing: bool
) -> tuple[str, ...]:
    """Return what `feature_statements` does: the columns, and the windows if there are."""
    words = _WORDS[dialect]
    statements = [_latest(words, view, types, knowing=knowing)] if view.columns else []
    if view.aggregations:
        statements.append((_known_windows if knowing else _windows)(words, view, types))
    return tuple(statements)


def portable_affected_keys(
    dialect: Dialect,
    view: FeatureView,
    types: Mapping[str, Mapping[str, pa.DataType]],
    since: int,
    until: int,
) -> str:
    """Return what `affected_keys` asks of the tables that `types` names."""
    words = _WORDS[dialect]
    conditions = {"fresh": f"{AT} <= {until}", "kept": between(view, since, until)}
    return " UNION ".join(
        f"SELECT DISTINCT {keys_of(view)} FROM "
        f"({_rows_in(words, view, types[name], shaped(view, name))}) WHERE {condition}"
        for name, condition in conditions.items()
        if name in types
    )


def _events(words: _Words, view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Return the rows of the source that have a key and a time, with their places."""
    rows = words.shaped.format(shaped(view, "source")) if view.sql else words.placed
    return _rows_in(words, view, types, rows, _PLACE)


def _rows_in(
    words: _Words, view: FeatureView, types: Mapping[str, pa.DataType], rows: str, *more: str
) -> str:
    used = [*view.entity.keys, *view.columns, *(each.column for each in view.aggregations)]
    chosen = [quoted(name) for name in dict.fromkeys(filter(None, used))]
    chosen.append(f"{words.micros(quoted(view.time), types[view.time])} AS {AT}")
    if view.created:
        chosen.append(f"{words.micros(quoted(view.created), types[view.created])} AS {CREATED}")
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in (*view.entity.keys, view.time))
    return f"SELECT {', '.join([*chosen, *more])} FROM ({rows}) WHERE {present}"


def _in_order(view: FeatureView) -> str:
    """Return by what rows of a key are ordered: of equal times, the last to be known, to come."""
    return f"{AT}, {CREATED} NULLS FIRST, {_PLACE}" if view.created else f"{AT}, {_PLACE}"


def _numbered(view: FeatureView, events: str) -> str:
    """Number the rows of each key in their order."""
    return (
        f"SELECT *, row_number() OVER (PARTITION BY {keys_of(view)} ORDER BY {_in_order(view)}) "
        f"AS {ORDER} FROM ({events})"
    )


def _latest(
    words: _Words, view: FeatureView, types: Mapping[str, pa.DataType], *, knowing: bool
) -> str:
    """Set each entity row behind the rows known then; the last one's values are its own."""
    keys, events = keys_of(view), _events(words, view, types)
    moment = f"{AT} + {micros(view.delay)}"
    tie = [CREATED, _PLACE] if view.created else [_PLACE]
    if knowing:
        # A row that became known after a later one was never the latest.  Of the others each is
        # later than those known before, so that what was known last is the latest.
        events = _numbered(view, f"SELECT * FROM ({events}) WHERE {CREATED} IS NOT NULL")
        moment = f"greatest({moment}, {CREATED})"
        events = (
            f"SELECT * FROM (SELECT *, max({ORDER}) OVER (PARTITION BY {keys} ORDER BY {moment}) "
            f"AS bucle_newest FROM ({events})) WHERE {ORDER} = bucle_newest"
        )
        tie = []
    record = words.record([AT, *map(quoted, view.columns)])
    placed = "".join(f", {name}" for name in tie)
    nothing = "".join(f", NULL AS {name}" for name in tie)
    order = ", ".join([KNOWN, _SIDE, *(f"{name} NULLS FIRST" for name in tie)])
    chosen = []
    for place, name in enumerate(view.columns, start=1):
        value = f"{_FOUND}.c{place}"
        if view.ttl:
            value = f"CASE WHEN {KNOWN} - {_FOUND}.c0 <= {micros(view.ttl)} THEN {value} END"
        chosen.append(f"{value} AS {quoted(name)}")
    return (
        f"SELECT {ROW}, {_FOUND}.c0 AS {EVENT}, {', '.join(chosen)} FROM ("
        f"SELECT {ROW}, {KNOWN}, {words.last.format(_FOUND)} OVER (PARTITION BY {keys} "
        f"ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS {_FOUND} FROM ("
        f"SELECT {keys}, {moment} AS {KNOWN}, 0 AS {_SIDE}, CAST(NULL AS BIGINT) AS {ROW}{placed}, "
        f"{record} AS {_FOUND} FROM ({events}) UNION ALL "
        f"SELECT {keys}, {AT} AS {KNOWN}, 1 AS {_SIDE}, {ROW}{nothing}, NULL AS {_FOUND} "
        f"FROM entities)) WHERE {ROW} IS NOT NULL ORDER BY {ROW}"
    )


def _windows(words: _Words, view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Count windows over source rows and entity rows, ordered by moment per key."""
    keys, events = keys_of(view), _reached(words, view, types)
    # By names of their own: a key may be counted, too, and entity rows have keys.
    named = {each.column: f"bucle_{place}" for place, each in enumerate(view.aggregations)}
    values = "".join(f", {quoted(name)} AS {ours}" for name, ours in named.items() if name)
    nothing = "".join(f", NULL AS {ours}" for name, ours in named.items() if name)
    order = _PLACE
    if any(each.function == "last" for each in view.aggregations):
        events, order = _numbered(view, events), ORDER
    frames, chosen = [], _no_event(view)
    for place, each in enumerate(view.aggregations):
        end = delay_of(view, each)
        start = end + micros(each.window) - 1
        near = f"{end} PRECEDING" if end else "CURRENT ROW"
        frames.append(
            f"w{place} AS (PARTITION BY {keys} ORDER BY {AT} "
            f"RANGE BETWEEN {start} PRECEDING AND {near})"
        )
        figure = _figure(words, each, types, (named[each.column], ORDER, f" OVER w{place}"))
        chosen.append(f"{figure} AS {quoted(each.feature)}")
    return (
        f"SELECT {_finished(words, view)} FROM (SELECT {ROW}, {', '.join(chosen)} FROM ("
        f"SELECT {keys}, {AT}, {order} AS {ORDER}, CAST(NULL AS BIGINT) AS {ROW}{values} "
        f"FROM ({events}) UNION ALL "
        f"SELECT {keys}, {AT}, NULL AS {ORDER}, {ROW}{nothing} FROM entities) "
        f"WINDOW {', '.join(frames)}) WHERE {ROW} IS NOT NULL ORDER BY {ROW}"
    )


def _known_windows(words: _Words, view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Count windows over the rows that were known at each entity row's moment.

    What is known is no stretch of a stream, so each entity row is joined with the rows of its
    longest window: those of two stretches of that length.
    """
    longest = longest_of(view)
    stretch = words.whole.format(AT, longest)
    events = f"SELECT * FROM ({_reached(words, view, types)}) WHERE {CREATED} IS NOT NULL"
    same = " AND ".join(f"e.{key} = f.{key}" for key in map(quoted, view.entity.keys))
    chosen = _no_event(view)
    for each in view.aggregations:
        end = f"e.{AT} - {delay_of(view, each)}"
        inside = f"f.{AT} <= {end} AND f.{AT} > {end} - {micros(each.window)}"
        value, order = (
            f"CASE WHEN {inside} THEN f.{name} END" for name in (quoted(each.column), ORDER)
        )
        figure = _figure(words, each, types, (value, order, ""))
        chosen.append(f"{figure} AS {quoted(each.feature)}")
    return (
        f"SELECT {_finished(words, view)} FROM (SELECT e.{ROW}, {', '.join(chosen)} FROM ("
        f"SELECT *, {stretch} AS {_STRETCH} FROM entities UNION ALL "
        f"SELECT *, {stretch} - 1 AS {_STRETCH} FROM entities) AS e "
        f"LEFT JOIN (SELECT *, {stretch} AS {_STRETCH} FROM ({_numbered(view, events)})) AS f "
        f"ON {same} AND e.{_STRETCH} = f.{_STRETCH} AND f.{AT} <= e.{AT} "
        f"AND f.{AT} > e.{AT} - {longest} AND f.{CREATED} <= e.{AT} "
        f"GROUP BY e.{ROW}) ORDER BY {ROW}"
    )


def _reached(words: _Words, view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Return the rows that a window reaches, seen from the earliest entity row."""
    earliest = f"(SELECT min({AT}) FROM entities)"
    return (
        f"SELECT * FROM ({_events(words, view, types)}) WHERE {AT} > {earliest} - "
        f"{longest_of(view)}"
    )


def _no_event(view: FeatureView) -> list[str]:
    """Return what stands for the row that columns are from, where there are no columns."""
    return [] if view.columns else [f"CAST(NULL AS BIGINT) AS {EVENT}"]


def _finished(words: _Words, view: FeatureView) -> str:
    """Return the columns of a result, what is made of lists of values included."""
    made = [
        f"{words.top.format(quoted(each.feature), each.k)} AS {quoted(each.feature)}"
        if each.function == "top_k"
        else quoted(each.feature)
        for each in view.aggregations
    ]
    return ", ".join([ROW, *([] if view.columns else [EVENT]), *made])


def _figure(
    words: _Words,
    each: Aggregation,
    types: Mapping[str, pa.DataType],
    rows: tuple[str, str, str],
) -> str:
    """Return a figure of the values that are not null: of a value, its order, and the window."""
    value, order, over = rows
    if not each.column:
        return f"count({order}){over}"
    type_ = types[each.column]
    if each.function in {"approx_distinct", "top_k"}:
        form = words.distinct if each.function == "approx_distinct" else words.values
        return form.format(_compared(value, type_), over)
    if each.function in {"sum", "mean"} and _is_whole(type_):
        total = f"sum(CAST(CAST({value} AS BIGINT) AS {_WIDE})){over}"
        if each.function == "sum":
            return f"CAST({total} AS BIGINT)"
        return f"CAST({total} AS DOUBLE) / nullif(count({value}){over}, 0)"
    figures = {
        "count": f"count({value})",
        "sum": f"sum(CAST({value} AS DOUBLE))",
        "mean": f"avg(CAST({value} AS DOUBLE))",
        "std": f"stddev_samp(CAST({value} AS DOUBLE))",
        "min": f"min({value})",
        "max": f"max({value})",
        "last": f"max_by({value}, CASE WHEN {value} IS NOT NULL THEN {order} END)",
    }
    return figures[each.function] + over


def _compared(value: str, type_: pa.DataType) -> str:
    """Return a value of which there is one zero."""
    if pa.types.is_float32(type_):
        return f"{value} + CAST(0 AS FLOAT)"
    if pa.types.is_floating(type_):
        return f"{value} + CAST(0 AS DOUBLE)"
    return f"CAST({value} AS VARCHAR(65535))" if pa.types.is_dictionary(type_) else value


def _is_whole(type_: pa.DataType) -> bool:
    is_whole = pa.types.is_integer(type_) or pa.types.is_boolean(type_)
    return bool(is_whole or type_ == _UNSIGNED)
