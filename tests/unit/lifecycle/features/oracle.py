"""What a view's features are, twice and slowly: by looking at every row, and by plain SQL.

Neither shares a line with the code that they judge.  Times are whole microseconds since 1970.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from bucle.base.quantity import parse_duration
from bucle.lifecycle.features import Aggregation, FeatureView

Row = dict[str, Any]
_FIGURES: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "count": len,
    "sum": sum,
    "mean": statistics.fmean,
    "std": statistics.stdev,
    "min": min,
    "max": max,
    "last": lambda values: values[-1],
}
_SQL = {"mean": "avg", "std": "stddev_samp"}


def micros(text: str) -> int:
    """Return a duration in microseconds; nothing is 0."""
    return parse_duration(text) // timedelta(microseconds=1) if text else 0


def in_micros(column: pa.ChunkedArray, *, up: bool) -> pa.Array:
    """Return times as microseconds; what has nanoseconds is rounded up or cut off."""
    type_ = column.type
    if pa.types.is_date(type_):
        column = column.cast(pa.timestamp("us"))
    elif type_.unit != "ns":
        column = column.cast(pa.timestamp("us", type_.tz))
    whole = column.cast(pa.int64()).to_pylist()
    if pa.types.is_timestamp(type_) and type_.unit == "ns":
        more = 999 if up else 0
        whole = [None if value is None else (value + more) // 1000 for value in whole]
    return pa.array(whole, pa.int64())


def by_looking(view: FeatureView, source: pa.Table, asked: pa.Table, *, known: bool) -> list[Row]:
    """Return the features of each entity row by looking at all rows of the source."""
    rows = _rows(view, source)
    moments = in_micros(asked["at"], up=False).to_pylist()
    keys = zip(*(asked[name].to_pylist() for name in view.entity.keys), strict=True)
    return [
        _looked(view, [row for row in rows if row["key"] == key], moment, known=known)
        for key, moment in zip(keys, moments, strict=True)
    ]


def _rows(view: FeatureView, source: pa.Table) -> list[Row]:
    """Return the rows with a key and a time, the earliest first; ties as they were known."""
    needed = [*view.columns, *(each.column for each in view.aggregations if each.column)]
    columns = {name: source[name].to_pylist() for name in (*view.entity.keys, *needed)}
    times = in_micros(source[view.time], up=True).to_pylist()
    created = in_micros(source[view.created], up=True).to_pylist() if view.created else times
    found = [
        {name: column[place] for name, column in columns.items()}
        | {
            "key": tuple(columns[name][place] for name in view.entity.keys),
            "time": times[place],
            "created": created[place],
        }
        for place in range(source.num_rows)
    ]
    there = [row for row in found if row["time"] is not None and None not in row["key"]]
    return sorted(there, key=lambda row: (row["time"], -math.inf if row["created"] is None
                                          else row["created"]))  # fmt: skip


def _looked(view: FeatureView, rows: list[Row], moment: int, *, known: bool) -> Row:
    if view.created and known:
        rows = [row for row in rows if row["created"] is not None and row["created"] <= moment]
    found: Row = dict.fromkeys(view.columns)
    before = [row for row in rows if row["time"] + micros(view.delay) <= moment]
    if before and (not view.ttl or moment - before[-1]["time"] <= micros(view.ttl)):
        found = {name: before[-1][name] for name in view.columns}
    for each in view.aggregations:
        end = moment - micros(each.delay or view.delay)
        inside = [row for row in rows if end - micros(each.window) < row["time"] <= end]
        found[each.feature] = _figure(each, inside)
    return found


def _figure(each: Aggregation, inside: list[Row]) -> Any:
    if not each.column:
        return len(inside)
    values = [row[each.column] for row in inside if row[each.column] is not None]
    if each.function in {"approx_distinct", "top_k"}:
        return _of_values(each, values)
    if each.function != "count" and len(values) < (2 if each.function == "std" else 1):
        return None
    return _FIGURES[each.function](values)


def _of_values(each: Aggregation, values: list[Any]) -> Any:
    """Count values that are equal, all NaN among them; the most frequent and least come first."""
    found: list[list[Any]] = []
    for value in values:
        for pair in found:
            if pair[0] == value or (_is_nan(pair[0]) and _is_nan(value)):
                pair[1] += 1
                break
        else:
            found.append([value, 1])
    if each.function == "approx_distinct":
        return len(found)
    found.sort(key=lambda pair: (True, 0) if _is_nan(pair[0]) else (False, pair[0]))
    found.sort(key=lambda pair: -pair[1])
    return [{"value": value, "count": count} for value, count in found[: each.k]] or None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def by_sql(view: FeatureView, source: pa.Table, asked: pa.Table, *, known: bool) -> list[Row]:
    """Return the features of each entity row by joining all rows with all, in plain SQL."""
    source = source.append_column("_at", in_micros(source[view.time], up=True))
    created = in_micros(source[view.created], up=True) if view.created else source["_at"]
    source = source.append_column("_created", created)
    source = source.append_column("_n", pa.array(range(source.num_rows), pa.int64()))
    asked = asked.append_column("_t", in_micros(asked["at"], up=False))
    asked = asked.append_column("_row", pa.array(range(asked.num_rows), pa.int64()))
    same = " AND ".join(f'e."{key}" = f."{key}"' for key in view.entity.keys)
    if view.created and known:
        same += " AND f._created <= e._t"
    with duckdb.connect(":memory:") as connection:
        connection.register("source", source)
        connection.register("asked", asked)

        def run(sql: str) -> list[Row]:
            return connection.sql(sql).to_arrow_table().to_pylist()

        found = [dict.fromkeys(view.columns) for _ in range(asked.num_rows)]
        if view.columns:
            found = run(_latest_sql(view, same))
        for each in view.aggregations:
            if each.function == "top_k":
                for row, figure in zip(found, run(_top_sql(view, each, same)), strict=True):
                    row[each.feature] = figure["figure"]
                continue
            for row, answer in zip(found, run(_window_sql(view, each, same)), strict=True):
                figure = answer["figure"]  # a sum of whole numbers is a decimal
                row[each.feature] = int(figure) if isinstance(figure, Decimal) else figure
    return found


def _latest_sql(view: FeatureView, same: str) -> str:
    chosen = ", ".join('"' + name.replace('"', '""') + '"' for name in view.columns)
    fresh = f"AND e._t - f._at <= {micros(view.ttl)}" if view.ttl else ""
    # The newest row hides the older ones even where it is too old itself: these are older yet.
    return (
        f"SELECT {chosen} FROM (SELECT e._row, f.* FROM asked AS e LEFT JOIN source AS f ON {same} "
        f"AND f._at + {micros(view.delay)} <= e._t {fresh} QUALIFY row_number() OVER (PARTITION BY "
        "e._row ORDER BY f._at DESC NULLS LAST, f._created DESC NULLS LAST, f._n DESC) = 1) "
        "ORDER BY _row"
    )


def _window_sql(view: FeatureView, each: Aggregation, same: str) -> str:
    value = f'f."{each.column}"' if each.column else "f._n"
    if each.function in {"mean", "std", "sum"}:
        value = f"CASE WHEN typeof({value}) = 'BOOLEAN' THEN {value}::INTEGER ELSE {value} END"
    figure = f"{_SQL.get(each.function, each.function)}({value})"
    if each.function == "approx_distinct":
        figure = f"count(DISTINCT {value})"
    if each.function == "last":
        figure = (
            f"last({value} ORDER BY f._at, f._created NULLS FIRST, f._n) FILTER ({value} NOTNULL)"
        )
    end = f"e._t - {micros(each.delay or view.delay)}"
    return (
        f"SELECT e._row, {figure} AS figure FROM asked AS e LEFT JOIN source AS f ON {same} AND "
        f"f._at <= {end} AND f._at > {end} - {micros(each.window)} GROUP BY e._row ORDER BY e._row"
    )


def _top_sql(view: FeatureView, each: Aggregation, same: str) -> str:
    """Count each value in a window, and list the first of them in order."""
    end = f"e._t - {micros(each.delay or view.delay)}"
    return (
        "SELECT e._row, list({'value': v, 'count': n} ORDER BY n DESC, v) "
        f"FILTER (place <= {each.k}) AS figure FROM asked AS e "
        "LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY _row ORDER "
        f'BY n DESC, v) AS place FROM (SELECT e._row, f."{each.column}" AS v, count(*) AS n '
        f"FROM asked AS e JOIN source AS f ON {same} AND f._at <= {end} AND "
        f"f._at > {end} - {micros(each.window)} WHERE v IS NOT NULL GROUP BY ALL)) AS c "
        "ON c._row = e._row GROUP BY e._row ORDER BY e._row"
    )


def same_values(found: Row, wanted: Row) -> bool:
    """Compare features; fractions may differ in their last digits, nothing else may."""
    return found.keys() == wanted.keys() and all(_same(found[name], wanted[name]) for name in found)


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, float) and isinstance(wanted, float):
        return (math.isnan(found) and math.isnan(wanted)) or math.isclose(
            found, wanted, rel_tol=1e-9, abs_tol=1e-9
        )
    return bool(found == wanted) and type(found) is type(wanted)
