"""Compute a view's features for entities at moments: one SQL for training and for serving.

Only rows that were known by then are seen.  Columns come from the latest such row by an as-of
join; windows are counted over entities and source rows in one ordered stream, which costs the
same however many rows a window holds.  Many windows of few rows are quicker looked at one by one
(`short_windows`).  Each entity row comes out once, in its order.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.features.portable import (
    moment_in,
    portable_affected_keys,
    portable_statements,
)
from bucle.lifecycle.features.records import Aggregation, FeatureView
from bucle.lifecycle.features.short_windows import may_be_short, short_windows
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

__all__ = [
    "AT",
    "EVENT",
    "ROW",
    "affected_keys",
    "feature_statements",
    "features_at",
    "quoted",
    "source_types",
]
# A moment and a row's place as one number that sorts by both: room for a million million rows.
_PLACES = 2**40
_SQL_OF = {"mean": "avg", "std": "stddev_samp", "last": "arg_max"}


def features_at(
    engine: Engine,
    view: FeatureView,
    source: TableSource,
    entities: pa.Table,
    *,
    known: bool = True,
) -> pa.Table:
    """Return a row per entity row, in order: `bucle_event` (microseconds) and the features.

    `entities` has the view's keys and `bucle_at` (microseconds since 1970, never null).  Without
    `known`, rows are seen before the view's `created`: as is known today of that moment.

    Raises:
        Invalid: the source lacks a column, its time is no time, or a key is of another type.
    """
    numbered = entities.append_column(ROW, pa.array(np.arange(entities.num_rows)))
    tables: dict[str, TableSource] = {"source": source, "entities": numbered}
    statements = feature_statements(engine, view, source, numbered.schema, known=known)
    short = None
    if engine.dialect == "duckdb" and may_be_short(view, numbered):
        types = source_types(engine, view, source)
        short = short_windows(engine, view, types, _reached_events(view, types), tables)
    if short is not None:
        statements = statements[:-1]
    parts = [engine.query(sql, tables=tables) for sql in statements]
    parts += [] if short is None else [short]
    for part in parts:
        if part.num_rows != entities.num_rows:
            raise AssertionError(f"{view.name}: {part.num_rows} rows of {entities.num_rows}")
    found = parts[0]
    for part in parts[1:]:
        for name in part.column_names[1:]:
            found = found.append_column(name, part[name])
    return found.drop_columns([ROW])


def feature_statements(
    engine: Engine,
    view: FeatureView,
    source: TableSource,
    entities: pa.Schema,
    *,
    known: bool,
) -> tuple[str, ...]:
    """Return what to ask of `source` and `entities`: the columns, and the windows if there are.

    Each answer has `bucle_row` and a row per entity row, in its order; the first has
    `bucle_event` next.

    Raises:
        Invalid: see `features_at`.
    """
    types = source_types(engine, view, source)
    _require_same_keys(view, types, entities)
    knowing = bool(view.created) and known
    if engine.dialect != "duckdb":
        return portable_statements(engine.dialect, view, types, knowing=knowing)
    statements = [_latest(view, types, knowing=knowing)] if view.columns else []
    if view.aggregations:
        statements.append((_known_windows if knowing else _windows)(view, types))
    return tuple(statements)


def affected_keys(
    engine: Engine, view: FeatureView, sources: Mapping[str, TableSource], since: int, until: int
) -> pa.Table:
    """Return the keys whose features may differ between two moments (microseconds).

    `sources["fresh"]` are rows that were not there at the first moment, `sources["kept"]` those
    that were: of these, only what becomes known or leaves a window in between matters.
    """
    types = {name: source_types(engine, view, source) for name, source in sources.items()}
    if engine.dialect != "duckdb":
        sql = portable_affected_keys(engine.dialect, view, types, since, until)
        return engine.query(sql, tables=sources)
    keys = keys_of(view)
    parts = []
    for name, condition in (("fresh", f"{AT} <= {until}"), ("kept", between(view, since, until))):
        if name in sources:
            rows = _events(view, types[name], name)
            parts.append(f"SELECT DISTINCT {keys} FROM ({rows}) WHERE {condition}")
    return engine.query(" UNION ".join(parts), tables=sources)


def source_types(engine: Engine, view: FeatureView, source: TableSource) -> dict[str, pa.DataType]:
    """Return the columns that the view's rows have.

    Raises:
        Invalid: the view's SQL is wrong, or it lacks a column that the view names.
    """
    try:
        schema = engine.query(
            f"SELECT * FROM ({shaped(view, 'source')}) LIMIT 0", tables={"source": source}
        ).schema
    except Invalid as error:
        raise Invalid(f"the SQL of {view.name!r} can not be executed: {error}") from error
    types = {field.name: field.type for field in schema}
    times = [view.time, *filter(None, [view.created])]
    wanted = [*view.entity.keys, *times, *view.columns]
    wanted += [each.column for each in view.aggregations if each.column]
    for name in wanted:
        if name not in types:
            raise Invalid(
                f"the feature view {view.name!r} uses {name!r}, which its source has not",
                hint=f"it has {', '.join(types)}",
            )
    for name in times:
        if not pa.types.is_timestamp(types[name]) and not pa.types.is_date(types[name]):
            raise Invalid(
                f"the time of {view.name!r}, {name!r}, is {types[name]}",
                hint="a view's time is a timestamp or a date",
            )
    return types


def times_sql(engine: Engine, view: FeatureView, source: TableSource) -> str:
    """Return a statement over `source` with the time of each of its rows, as `bucle_at`.

    Raises:
        Invalid: see `source_types`.
    """
    type_ = source_types(engine, view, source)[view.time]
    moment = moment_in(engine.dialect, quoted(view.time), type_)
    shaped = f"SELECT * FROM ({view.sql}\n)" if view.sql else "SELECT * FROM source"
    return f"SELECT {moment} AS {AT} FROM ({shaped}) WHERE {quoted(view.time)} IS NOT NULL"


def _events(view: FeatureView, types: Mapping[str, pa.DataType], source: str = "source") -> str:
    """Return the rows of the source that have a key and a time.

    Of two rows at one moment the one with the greater `bucle_order` counts: what was known
    later, else what came in later.
    """
    used = [*view.entity.keys, *view.columns, *(each.column for each in view.aggregations)]
    chosen = ", ".join(quoted(name) for name in dict.fromkeys(filter(None, used)))
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in (*view.entity.keys, view.time))
    moment = moment_in("duckdb", quoted(view.time), types[view.time])
    rows = f"FROM ({shaped(view, source)}) WHERE {present}"
    if not view.created:
        return f"SELECT {chosen}, {moment} AS {AT}, row_number() OVER () AS {ORDER} {rows}"
    created = moment_in("duckdb", quoted(view.created), types[view.created])
    return (
        f"SELECT * EXCLUDE (bucle_place), row_number() OVER "
        f"(ORDER BY {AT}, {CREATED} NULLS FIRST, bucle_place) AS {ORDER} FROM (SELECT {chosen}, "
        f"{moment} AS {AT}, {created} AS {CREATED}, row_number() OVER () AS bucle_place {rows})"
    )


def _latest(view: FeatureView, types: Mapping[str, pa.DataType], *, knowing: bool) -> str:
    """Join each entity row with the latest row known then; of equal times, the last to come."""
    same = " AND ".join(f"e.{key} = f.{key}" for key in map(quoted, view.entity.keys))
    chosen = ", ".join(f"f.{quoted(name)}" for name in view.columns)
    if view.ttl:
        fresh = f"e.{AT} - f.{AT} <= {micros(view.ttl)}"
        chosen = ", ".join(
            f"CASE WHEN {fresh} THEN f.{quoted(name)} END AS {quoted(name)}"
            for name in view.columns
        )
    # Inline, as everywhere here: what stands in a WITH is held as a whole before it is used.
    events, moment = _events(view, types), f"{AT} + {micros(view.delay)}"
    if knowing:
        # A row that became known after a later one was never the latest: without such rows,
        # the last to become known is the latest.
        latest = (
            f"SELECT * FROM (SELECT *, greatest({moment}, {CREATED}) AS {KNOWN} "
            f"FROM ({events}) WHERE {CREATED} IS NOT NULL) QUALIFY {ORDER} = max({ORDER}) OVER "
            f"(PARTITION BY {keys_of(view)} ORDER BY {KNOWN})"
        )
        reached = f"e.{AT} >= f.{KNOWN}"
    else:
        # One number for moment and order: to look for ties first takes longer than the join.
        latest = f"SELECT *, ({moment})::HUGEINT * {_PLACES} + {ORDER} AS {KNOWN} FROM ({events})"
        reached = f"e.{AT}::HUGEINT * {_PLACES} + {_PLACES - 1} >= f.{KNOWN}"
    return (
        f"SELECT e.{ROW}, f.{AT} AS {EVENT}, {chosen} FROM entities AS e "
        f"ASOF LEFT JOIN ({latest}) AS f ON {same} AND {reached} ORDER BY e.{ROW}"
    )


def _windows(view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Count windows over source rows and entity rows in one stream per key."""
    keys = keys_of(view)
    # By names of their own: a key may be counted, too, and entity rows have keys.
    named = {each.column: f"bucle_{place}" for place, each in enumerate(view.aggregations)}
    values = "".join(f", {quoted(name)} AS {ours}" for name, ours in named.items() if name)
    nothing = "".join(", NULL" for name in named if name)
    frames, chosen = [], _no_event(view)
    for place, each in enumerate(view.aggregations):
        end = delay_of(view, each)
        start = end + micros(each.window) - 1
        near = f"{end} PRECEDING" if end else "CURRENT ROW"  # `0 PRECEDING` is searched for
        frames.append(
            f"w{place} AS (PARTITION BY {keys} ORDER BY {AT} "
            f"RANGE BETWEEN {start} PRECEDING AND {near})"
        )
        figure = _figure(each, types, named[each.column], f"OVER w{place}")
        chosen.append(f"{figure} AS {quoted(each.feature)}")
    # The place of a row in its moment matters to the last value only; what counts is not null.
    lasts = any(each.function == "last" for each in view.aggregations)
    placed = f"{AT}::HUGEINT * {_PLACES} + {ORDER}" if lasts else "true"
    return (
        f"SELECT * FROM (SELECT {ROW}, {', '.join(chosen)} FROM ("
        f"SELECT {keys}, {AT}, {placed} AS {ORDER}, NULL::BIGINT AS {ROW}{values} "
        f"FROM ({_reached_events(view, types)}) "
        f"UNION ALL SELECT {keys}, {AT}, NULL, {ROW}{nothing} FROM entities) "
        f"WINDOW {', '.join(frames)}) WHERE {ROW} IS NOT NULL ORDER BY {ROW}"
    )


def _known_windows(view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Count windows over the rows that were known at each entity row's moment.

    What is known is no stretch of a stream, so each entity row is joined with the rows of its
    longest window: those of two stretches of that length.
    """
    longest = longest_of(view)
    same = " AND ".join(f"e.{key} = f.{key}" for key in map(quoted, view.entity.keys))
    chosen = _no_event(view)
    for each in view.aggregations:
        end = f"e.{AT} - {delay_of(view, each)}"
        inside = f"f.{AT} <= {end} AND f.{AT} > {end} - {micros(each.window)}"
        value, rows = f"f.{quoted(each.column)}", f"FILTER (WHERE {inside})"
        figure = _figure(each, types, value, rows, ordered=True)
        chosen.append(f"{figure} AS {quoted(each.feature)}")
    return (
        f"SELECT e.{ROW}, {', '.join(chosen)} FROM (SELECT *, "
        f"unnest([{AT} // {longest}, {AT} // {longest} - 1]) AS bucle_stretch FROM entities) AS e "
        f"LEFT JOIN (SELECT *, {AT} // {longest} AS bucle_stretch "
        f"FROM ({_reached_events(view, types)}) WHERE {CREATED} IS NOT NULL) AS f ON {same} "
        f"AND e.bucle_stretch = f.bucle_stretch AND f.{AT} <= e.{AT} "
        f"AND f.{AT} > e.{AT} - {longest} AND f.{CREATED} <= e.{AT} "
        f"GROUP BY e.{ROW} ORDER BY e.{ROW}"
    )


def _reached_events(view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Return the rows that a window reaches, seen from the earliest entity row."""
    earliest = f"(SELECT min({AT}) FROM entities)"
    return f"SELECT * FROM ({_events(view, types)}) WHERE {AT} > {earliest} - {longest_of(view)}"


def _no_event(view: FeatureView) -> list[str]:
    """Return what stands for the row that columns are from, where there are no columns."""
    return [] if view.columns else [f"NULL::BIGINT AS {EVENT}"]


def _figure(
    each: Aggregation,
    types: Mapping[str, pa.DataType],
    value: str,
    rows: str,
    *,
    ordered: bool = False,
) -> str:
    """Return a figure of some rows; `ordered`: its digits must not depend on the rows' order."""
    if not each.column:
        return f"count({ORDER}) {rows}"
    type_ = types[each.column]
    if each.function in {"approx_distinct", "top_k"}:
        return _of_values(each, type_, value, rows)
    whole = pa.types.is_integer(type_) or pa.types.is_boolean(type_)
    if each.function in {"sum", "mean", "std"}:
        value = f"{value}::BIGINT" if whole else f"{value}::DOUBLE"
        value += f" ORDER BY {ORDER}" if ordered and not whole else ""
    function = _SQL_OF.get(each.function, each.function)
    arguments = f"{value}, {ORDER}" if each.function == "last" else value
    figure = f"{function}({arguments}) {rows}"
    return f"({figure})::BIGINT" if each.function == "sum" and whole else figure


def _of_values(each: Aggregation, type_: pa.DataType, value: str, rows: str) -> str:
    """Return a figure of which values there are; there is one zero and one NaN."""
    if pa.types.is_floating(type_):
        value = f"{value} + 0.0::{'FLOAT' if pa.types.is_float32(type_) else 'DOUBLE'}"
    elif pa.types.is_dictionary(type_):
        value = f"{value}::VARCHAR"
    if each.function == "approx_distinct":
        return f"count(DISTINCT {value}) {rows}"
    # The negative count first: more frequent values come first, and then the lesser ones.
    counted = f"map_entries(histogram({value}) {rows})"
    turned = f"list_transform({counted}, lambda e: {{'n': -(e.value::BIGINT), 'v': e.key}})"
    return (
        f"list_transform(list_slice(list_sort({turned}), 1, {each.k}), "
        "lambda e: {'value': e.v, 'count': -e.n})"
    )


def _require_same_keys(
    view: FeatureView, types: Mapping[str, pa.DataType], entities: pa.Schema
) -> None:
    for name in view.entity.keys:
        given, wanted = entities.field(name).type, types[name]
        if _family(given) != _family(wanted):
            raise Invalid(
                f"the key {name!r} is {given} in the entities, and {wanted} in {view.source}",
                hint="cast one of them: keys are compared as they are",
            )


def _family(type_: pa.DataType) -> str:
    kinds = pa.types
    if kinds.is_integer(type_):
        return "integer"
    if kinds.is_string(type_) or kinds.is_large_string(type_) or kinds.is_string_view(type_):
        return "text"
    if kinds.is_dictionary(type_):
        return _family(type_.value_type)
    return str(type_)
