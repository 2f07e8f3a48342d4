"""Profile a table: the distribution of each column, in bins that other windows are counted in.

Numbers are cut at about twenty quantiles, so that two windows compare by counting: the counts
are exact and add up, and no window is ever sorted again.  A column of few values is cut at
each of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.data.records import ColumnProfile, Profile
from bucle.lifecycle.data.sql import literal, valued

_QUANTILES = (0.01, *(step / 20 for step in range(1, 20)), 0.99)
_FEW_VALUES = 24  # so few values are bins of their own
_FEWEST_EDGES = 8  # with fewer, quantiles of the distinct values say more
_TOP = 20
_SORTED_ROWS = 200_000  # of more rows, an even share is sorted for the quantiles; all are counted


def profile_table(engine: Engine, table: TableSource) -> Profile:
    """Profile every column that has a kind: numbers, texts, booleans and times."""
    table = _readable(table)
    kinds = kinds_of(schema_of(table))
    rows, found = _summaries(engine, table, kinds)
    numbers = [column for column in found if column.kind == "number"]
    edges = _edges(engine, table, numbers, rows)
    tops = _top_values(engine, table, [each for each in found if each.kind in _COUNTED_BY_VALUE])
    shaped = [
        msgspec.structs.replace(
            column,
            edges=edges.get(column.name, ()),
            top=tops.get(column.name, ()),
            other=column.count - sum(n for _, n in tops[column.name]) if column.name in tops else 0,
        )
        for column in found
    ]
    return _counted(engine, table, shaped, rows)


def count_into(engine: Engine, profile: Profile, table: TableSource) -> Profile:
    """Count another table in the bins of a profile; columns that it lacks have no rows.

    The summary figures (nulls, minimum, mean, ...) are the other table's own.
    """
    table = _readable(table)
    present = kinds_of(schema_of(table))
    wanted = {each.name: each.kind for each in profile.columns if each.name in present}
    rows, found = _summaries(engine, table, wanted)
    fresh = {column.name: column for column in found}
    shaped = [
        msgspec.structs.replace(fresh[old.name], edges=old.edges, top=old.top)
        if old.name in fresh
        else _absent(old, rows)
        for old in profile.columns
    ]
    recounted = _recount_values(engine, table, [each for each in shaped if each.name in fresh])
    shaped = [recounted.get(column.name, column) for column in shaped]
    return _counted(engine, table, shaped, rows)


def _readable(table: TableSource) -> TableSource:
    """Give a table in memory times that every engine reads: nanoseconds with a zone are not."""
    if not isinstance(table, pa.Table):
        return table
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            plain = table.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            table = table.set_column(place, field.name, plain)
    return table


def schema_of(table: TableSource) -> pa.Schema:
    """Return the columns that an engine sees in a table or in files joined by name."""
    if isinstance(table, pa.Table):
        return table.schema
    schemas = [pq.read_schema(Path(path)) for path in table]
    return pa.unify_schemas(schemas, promote_options="permissive")


def kinds_of(schema: pa.Schema) -> dict[str, str]:
    """Return the kind of each column that can be profiled."""
    kinds = {field.name: _kind(field.type) for field in schema}
    return {name: kind for name, kind in kinds.items() if kind}


_COUNTED_BY_VALUE = frozenset({"category", "bool"})


def _kind(type_: pa.DataType) -> str:
    kinds = pa.types
    if kinds.is_dictionary(type_):
        return _kind(type_.value_type)
    if kinds.is_boolean(type_):
        return "bool"
    if kinds.is_integer(type_) or kinds.is_floating(type_) or kinds.is_decimal(type_):
        return "number"
    if kinds.is_string(type_) or kinds.is_large_string(type_) or kinds.is_string_view(type_):
        return "category"
    if kinds.is_timestamp(type_) or kinds.is_date(type_):
        return "time"
    return ""


def _summaries(
    engine: Engine, table: TableSource, kinds: Mapping[str, str]
) -> tuple[int, list[ColumnProfile]]:
    parts = ["count(*) AS n"]
    for place, (name, kind) in enumerate(kinds.items()):
        value = valued(name, kind)
        parts += [f"count({value}) AS count{place}"]
        parts += [f"approx_count_distinct({value}) AS distinct{place}"]
        if kind in {"number", "time"}:
            finite = f"FILTER (WHERE isfinite({value}))"
            asked = ("min", "max") if kind == "time" else ("min", "max", "avg", "stddev_samp")
            parts += [f"{figure}({value}) {finite} AS {figure}{place}" for figure in asked]
    (row,) = _answer(engine, f"SELECT {', '.join(parts)} FROM dataset", table)
    rows = row["n"]
    found = [
        ColumnProfile(
            name=name,
            kind=kind,
            count=row[f"count{place}"],
            nulls=rows - row[f"count{place}"],
            distinct=min(row[f"distinct{place}"], row[f"count{place}"]),
            minimum=row.get(f"min{place}"),
            maximum=row.get(f"max{place}"),
            mean=_steady(row.get(f"avg{place}")),
            std=_steady(row.get(f"stddev_samp{place}")),
        )
        for place, (name, kind) in enumerate(kinds.items())
    ]
    return rows, found


def _edges(
    engine: Engine, table: TableSource, numbers: Sequence[ColumnProfile], rows: int
) -> dict[str, tuple[float, ...]]:
    numbers = [column for column in numbers if column.count]
    if not numbers:
        return {}
    edges = _quantiles(engine, table, numbers, of="", source=_sample_of(rows))
    poor = [column for column in numbers if len(edges[column.name]) < _FEWEST_EDGES]
    if poor:
        edges |= _quantiles(engine, table, poor, of="DISTINCT ", source="dataset")
    return edges


def _quantiles(
    engine: Engine, table: TableSource, numbers: Sequence[ColumnProfile], *, of: str, source: str
) -> dict[str, tuple[float, ...]]:
    """Return the edges of each column: its values where they are few, else quantiles."""
    parts = []
    for place, column in enumerate(numbers):
        value = valued(column.name, "number")
        few = of and column.distinct <= _FEW_VALUES
        parts.append(
            f"list_sort(list({of}{value}) FILTER (WHERE {value} IS NOT NULL)) AS q{place}"
            if few
            else f"quantile_disc({of}{value}, {list(_QUANTILES)}) AS q{place}"
        )
    (row,) = _answer(engine, f"SELECT {', '.join(parts)} FROM {source}", table)
    return {
        column.name: tuple(sorted({edge for edge in row[f"q{place}"] or () if isfinite(edge)}))
        for place, column in enumerate(numbers)
    }


def _sample_of(rows: int) -> str:
    """Return the table, or an even share of a large one: the same rows each time."""
    if rows <= _SORTED_ROWS:
        return "dataset"
    step = -(-rows // _SORTED_ROWS)
    return (
        f"(SELECT * FROM (SELECT *, row_number() OVER () AS bucle_row FROM dataset) "
        f"WHERE bucle_row % {step} = 0)"
    )


def _top_values(
    engine: Engine, table: TableSource, columns: Sequence[ColumnProfile]
) -> dict[str, tuple[tuple[str, int], ...]]:
    found = {}
    for column in columns:
        rows = _answer(
            engine,
            f"SELECT v, count(*) AS n FROM (SELECT {valued(column.name, column.kind)} AS v "
            f"FROM dataset) WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT {_TOP}",
            table,
        )
        found[column.name] = tuple((row["v"], row["n"]) for row in rows)
    return found


def _recount_values(
    engine: Engine, table: TableSource, columns: Sequence[ColumnProfile]
) -> dict[str, ColumnProfile]:
    """Count the values of each category's top in another table; new values are `other`."""
    found = {}
    for column in columns:
        if column.kind not in _COUNTED_BY_VALUE:
            continue
        values = ", ".join(literal(value) for value, _ in column.top) or "NULL"
        rows = _answer(
            engine,
            f"SELECT v, count(*) AS n FROM (SELECT {valued(column.name, column.kind)} AS v "
            f"FROM dataset) WHERE v IN ({values}) GROUP BY v",
            table,
        )
        counts = {row["v"]: row["n"] for row in rows}
        top = tuple((value, counts.get(value, 0)) for value, _ in column.top)
        found[column.name] = msgspec.structs.replace(
            column, top=top, other=column.count - sum(counts.values())
        )
    return found


def _counted(
    engine: Engine, table: TableSource, columns: Sequence[ColumnProfile], rows: int
) -> Profile:
    """Fill in the counts of every column that has edges and rows."""
    binned = [column for column in columns if column.edges and column.count]
    counts = dict(_histograms(engine, table, binned))
    filled = tuple(
        msgspec.structs.replace(
            column, counts=counts.get(column.name, (0,) * (len(column.edges) + 1))
        )
        if column.edges
        else column
        for column in columns
    )
    return Profile(rows=rows, columns=filled)


def _histograms(
    engine: Engine, table: TableSource, columns: Sequence[ColumnProfile]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    if not columns:
        return
    parts = []
    for place, column in enumerate(columns):
        value = valued(column.name, "number")
        edges = ", ".join(f"{edge!r}::DOUBLE" for edge in column.edges)
        parts.append(f"map_entries(histogram({value}, [{edges}])) AS h{place}")
    (row,) = _answer(engine, f"SELECT {', '.join(parts)} FROM dataset", table)
    for place, column in enumerate(columns):
        counts = [0] * (len(column.edges) + 1)
        places = {edge: number for number, edge in enumerate(column.edges)}
        for entry in row[f"h{place}"]:
            counts[places.get(entry["key"], len(column.edges))] += entry["value"]
        yield column.name, tuple(counts)


def _steady(figure: float | None) -> float | None:
    """Round away the digits that depend on the order in which threads add up."""
    return None if figure is None else float(f"{figure:.12g}")


def _absent(old: ColumnProfile, rows: int) -> ColumnProfile:
    """Return a column that the other table lacks: every row is without a value."""
    top = tuple((value, 0) for value, _ in old.top)
    return ColumnProfile(
        name=old.name, kind=old.kind, count=0, nulls=rows, distinct=0, edges=old.edges, top=top
    )


def _answer(engine: Engine, sql: str, table: TableSource) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = engine.query(sql, tables={"dataset": table}).to_pylist()
    return rows
