"""Compute a view's features for entities at moments: one SQL for training and for serving.

Only rows that were known by then are seen.  Columns come from the latest such row by an as-of
join; windows are counted over entities and source rows in one ordered stream, which costs the
same however many rows a window holds.  Each entity row comes out once, in its order.
"""

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.features.records import Aggregation, FeatureView

ROW, AT, EVENT = "bucle_row", "bucle_at", "bucle_event"
_MICRO = timedelta(microseconds=1)
_SQL_OF = {"mean": "avg", "std": "stddev_samp", "last": "arg_max"}


def features_at(
    engine: Engine, view: FeatureView, source: TableSource, entities: pa.Table
) -> pa.Table:
    """Return a row per entity row, in order: `bucle_event` (microseconds) and the features.

    `entities` has the view's keys and `bucle_at` (microseconds since 1970, never null).

    Raises:
        Invalid: the source lacks a column, its time is no time, or a key is of another type.
    """
    numbered = entities.append_column(ROW, pa.array(range(entities.num_rows), pa.int64()))
    tables: dict[str, TableSource] = {"source": source, "entities": numbered}
    types = source_types(engine, view, source)
    _require_same_keys(view, types, entities.schema)
    found = engine.query(_latest(view, types), tables=tables)
    if view.aggregations:
        windows = engine.query(_windows(view, types), tables=tables)
        for each in view.aggregations:
            found = found.append_column(each.feature, windows[each.feature])
    if found.num_rows != entities.num_rows:
        raise AssertionError(f"{view.name}: {found.num_rows} rows of {entities.num_rows} entities")
    return found.drop_columns([ROW])


def affected_keys(
    engine: Engine, view: FeatureView, sources: Mapping[str, TableSource], since: int, until: int
) -> pa.Table:
    """Return the keys whose features may differ between two moments (microseconds).

    `sources["fresh"]` are rows that were not there at the first moment, `sources["kept"]` those
    that were: of these, only what becomes known or leaves a window in between matters.
    """
    changes = [_micros(view.delay)] if view.columns else []
    for each in view.aggregations:
        entering = _delay(view, each)
        changes += [entering, entering + _micros(each.window)]
    between = " OR ".join(
        f"({AT} > {since - change} AND {AT} <= {until - change})" for change in sorted({*changes})
    )
    keys = _keys(view)
    parts = []
    for name, condition in (("fresh", f"{AT} <= {until}"), ("kept", between)):
        if name in sources:
            types = source_types(engine, view, sources[name])
            rows = _events(view, types, name)
            parts.append(f"SELECT DISTINCT {keys} FROM ({rows}) WHERE {condition}")
    return engine.query(" UNION ".join(parts), tables=sources)


def source_types(engine: Engine, view: FeatureView, source: TableSource) -> dict[str, pa.DataType]:
    """Return the columns that the view's rows have.

    Raises:
        Invalid: the view's SQL is wrong, or it lacks a column that the view names.
    """
    try:
        schema = engine.query(
            f"SELECT * FROM ({_shaped(view, 'source')}) LIMIT 0", tables={"source": source}
        ).schema
    except Invalid as error:
        raise Invalid(f"the SQL of {view.name!r} can not be executed: {error}") from error
    types = {field.name: field.type for field in schema}
    wanted = [*view.entity.keys, view.time, *view.columns]
    wanted += [each.column for each in view.aggregations if each.column]
    for name in wanted:
        if name not in types:
            raise Invalid(
                f"the feature view {view.name!r} uses {name!r}, which its source has not",
                hint=f"it has {', '.join(types)}",
            )
    if not pa.types.is_timestamp(types[view.time]) and not pa.types.is_date(types[view.time]):
        raise Invalid(
            f"the time of {view.name!r}, {view.time!r}, is {types[view.time]}",
            hint="a view's time is a timestamp or a date",
        )
    return types


def micros_of(column: str, type_: pa.DataType) -> str:
    """Return a time in SQL as microseconds; nanoseconds are rounded up: never early."""
    if pa.types.is_timestamp(type_) and type_.unit == "ns":
        return f"((epoch_ns({column}) + 999) // 1000)"
    if pa.types.is_timestamp(type_):
        return f"epoch_us({column})"
    return f"epoch_us({column}::TIMESTAMP)"


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _shaped(view: FeatureView, source: str) -> str:
    if not view.sql:
        return f"SELECT * FROM {source}"
    named = "" if source == "source" else f"WITH source AS (SELECT * FROM {source}) "
    return f"{named}SELECT * FROM ({view.sql}\n)"


def _events(view: FeatureView, types: Mapping[str, pa.DataType], source: str = "source") -> str:
    """Return the rows of the source that have a key and a time, in the order they came in."""
    used = [*view.entity.keys, *view.columns, *(each.column for each in view.aggregations)]
    chosen = ", ".join(quoted(name) for name in dict.fromkeys(filter(None, used)))
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in (*view.entity.keys, view.time))
    moment = micros_of(quoted(view.time), types[view.time])
    return (
        f"SELECT {chosen}, {moment} AS {AT}, row_number() OVER () AS bucle_order "
        f"FROM ({_shaped(view, source)}) WHERE {present}"
    )


def _latest(view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Join each entity row with the latest row known then; of equal times, the last to come."""
    if not view.columns:
        return f"SELECT {ROW}, NULL::BIGINT AS {EVENT} FROM entities ORDER BY {ROW}"
    keys = [quoted(name) for name in view.entity.keys]
    same = " AND ".join(f"e.{key} = f.{key}" for key in keys)
    fresh = f"e.{AT} - f.{AT} <= {_micros(view.ttl)}" if view.ttl else "true"
    chosen = ", ".join(
        f"CASE WHEN {fresh} THEN f.{quoted(name)} END AS {quoted(name)}" for name in view.columns
    )
    return (
        f"WITH events AS ({_events(view, types)}), latest AS (SELECT *, {AT} + "
        f"{_micros(view.delay)} AS bucle_known FROM events QUALIFY row_number() OVER "
        f"(PARTITION BY {', '.join(keys)}, {AT} ORDER BY bucle_order DESC) = 1) "
        f"SELECT e.{ROW}, f.{AT} AS {EVENT}, {chosen} FROM entities AS e "
        f"ASOF LEFT JOIN latest AS f ON {same} AND e.{AT} >= f.bucle_known ORDER BY e.{ROW}"
    )


def _windows(view: FeatureView, types: Mapping[str, pa.DataType]) -> str:
    """Count windows over source rows and entity rows in one stream per key."""
    keys = _keys(view)
    longest = max(_delay(view, each) + _micros(each.window) for each in view.aggregations)
    columns = list(dict.fromkeys(each.column for each in view.aggregations if each.column))
    values = "".join(f", {quoted(name)}" for name in columns)
    nothing = "".join(f", NULL AS {quoted(name)}" for name in columns)
    frames, chosen = [], []
    for place, each in enumerate(view.aggregations):
        end = _delay(view, each)
        start = end + _micros(each.window) - 1
        frames.append(
            f"w{place} AS (PARTITION BY {keys} ORDER BY {AT} "
            f"RANGE BETWEEN {start} PRECEDING AND {end} PRECEDING)"
        )
        chosen.append(f"{_figure(each, types, f'w{place}')} AS {quoted(each.feature)}")
    return (
        # What is older than the longest window of the earliest entity row is in none.
        f"WITH events AS (SELECT * FROM ({_events(view, types)}) "
        f"WHERE {AT} > (SELECT min({AT}) FROM entities) - {longest}), "
        f"ranked AS (SELECT *, row_number() OVER (ORDER BY {AT}, bucle_order) AS bucle_rank "
        "FROM events), "
        f"stream AS (SELECT {keys}, {AT}, bucle_rank, NULL::BIGINT AS {ROW}{values} FROM ranked "
        f"UNION ALL SELECT {keys}, {AT}, NULL, {ROW}{nothing} FROM entities) "
        f"SELECT * FROM (SELECT {ROW}, {', '.join(chosen)} FROM stream "
        f"WINDOW {', '.join(frames)}) WHERE {ROW} IS NOT NULL ORDER BY {ROW}"
    )


def _figure(each: Aggregation, types: Mapping[str, pa.DataType], window: str) -> str:
    if not each.column:
        return f"count(bucle_rank) OVER {window}"
    type_, value = types[each.column], quoted(each.column)
    whole = pa.types.is_integer(type_) or pa.types.is_boolean(type_)
    if each.function in {"sum", "mean", "std"}:
        value = f"{value}::BIGINT" if whole else f"{value}::DOUBLE"
    function = _SQL_OF.get(each.function, each.function)
    arguments = f"{value}, bucle_rank" if each.function == "last" else value
    figure = f"{function}({arguments}) OVER {window}"
    return f"({figure})::BIGINT" if each.function == "sum" and whole else figure


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


def _keys(view: FeatureView) -> str:
    return ", ".join(quoted(name) for name in view.entity.keys)


def _delay(view: FeatureView, each: Aggregation) -> int:
    return _micros(each.delay or view.delay)


def _micros(text: str) -> int:
    return parse_duration(text) // _MICRO if text else 0
