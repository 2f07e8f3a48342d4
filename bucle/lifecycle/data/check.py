"""Expectations as a gate: compiled into one statement, so that a table is scanned once.

What can not be executed (an unknown column, wrong SQL) is an error and never a pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.quantity import format_duration, parse_duration
from bucle.base.verdict import Verdict
from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import CheckReport, DatasetSpec, Expectation

_SAMPLES = 3
_SHOWN_COLUMNS = 8


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is expected, as SQL."""

    name: str
    measure: str  # an aggregate: the number of bad rows, or another figure
    bad: str = ""  # "": the figure is not of rows; otherwise the condition of a bad row
    columns: tuple[str, ...] = ()  # what to show of a bad row
    at_most: float | None = None  # None: no upper limit; for bad rows 0, or the tolerance
    at_least: float | None = None  # None: no lower limit
    tolerance: float = 0.0  # share of rows, for bad rows


def check_table(
    engine: Engine, table: TableSource, *, spec: DatasetSpec, types: Mapping[str, pa.DataType],
    now: datetime,
) -> CheckReport:  # fmt: skip
    """Judge a table by what is declared of its dataset.

    Raises:
        Invalid: an expectation, the key or the time can not be executed; it is named.
    """
    _require_declared(spec, types)
    verdicts = [_of_type(each, types) for each in spec.expectations if each.type]
    checks = list(_compiled(spec, types, now))
    rows, figures = _measure(engine, table, checks)
    samples: list[str] = []
    for check, figure in zip(checks, figures, strict=True):
        verdict = _verdict(check, figure, rows)
        verdicts.append(verdict)
        if not verdict.ok and check.bad:
            samples += _sample(engine, table, check, spec)
    if spec.key:
        verdict, repeated = _of_key(engine, table, spec.key)
        verdicts.append(verdict)
        samples += repeated
    return CheckReport(
        ok=all(verdict.ok for verdict in verdicts),
        rows=rows,
        verdicts=tuple(verdicts),
        samples=tuple(samples),
    )


def _require_declared(spec: DatasetSpec, types: Mapping[str, pa.DataType]) -> None:
    wanted = [("the key", name) for name in spec.key]
    wanted += [("the time", spec.time)] if spec.time else []
    wanted += [("an expectation", each.column) for each in spec.expectations if each.column]
    for what, name in wanted:
        if name not in types:
            raise Invalid(
                f"{what} of dataset:{spec.name} is on the column {name!r}, which is not there",
                hint=f"there are {', '.join(types)}",
            )
    if spec.time and not pa.types.is_temporal(types[spec.time]):
        raise Invalid(
            f"the time of dataset:{spec.name}, {spec.time!r}, is {types[spec.time]}",
            hint="commit it as a timestamp: in CSV, 2026-01-31 14:30:00",
        )


def _compiled(
    spec: DatasetSpec, types: Mapping[str, pa.DataType], now: datetime
) -> Iterator[Check]:
    for name in spec.key:
        yield _row_check(f"key {name} has a value", f"{quoted(name)} IS NULL", name)
    for each in spec.expectations:
        for check in _of_expectation(each, types, now):
            renamed = each.name or check.name
            yield msgspec.structs.replace(check, name=renamed, tolerance=each.tolerance)


def _of_expectation(
    each: Expectation, types: Mapping[str, pa.DataType], now: datetime
) -> Iterator[Check]:
    if each.column:
        yield from _of_values(each, types)
        yield from _of_column(each, now)
    if each.min_rows is not None:
        yield Check(name=f"rows >= {each.min_rows}", measure="count(*)", at_least=each.min_rows)
    if each.max_rows is not None:
        yield Check(name=f"rows <= {each.max_rows}", measure="count(*)", at_most=each.max_rows)
    if each.sql:
        yield _of_sql(each.sql, tuple(types)[:_SHOWN_COLUMNS])


def _of_values(each: Expectation, types: Mapping[str, pa.DataType]) -> Iterator[Check]:
    """Compile what each value must be; a NaN is no value, and in no range."""
    name, column = each.column, quoted(each.column)
    nan = f"isnan({column})" if pa.types.is_floating(types[name]) else "false"
    if each.not_null:
        yield _row_check(f"{name} has a value", f"{column} IS NULL OR {nan}", name)
    for sign, wrong, limit in ((">=", "<", each.min), ("<=", ">", each.max)):
        if limit is not None:
            bad = f"{column} {wrong} {literal(limit)} OR {nan}"
            yield _row_check(f"{name} {sign} {_shown(limit)}", bad, name)
    if each.among:
        values = ", ".join(literal(value) for value in each.among)
        shown = ", ".join(str(value) for value in each.among[:_SHOWN_COLUMNS])
        yield _row_check(f"{name} among {shown}", f"{column} NOT IN ({values})", name)
    if each.regex:
        bad = f"NOT regexp_full_match({column}, {literal(each.regex)})"
        yield _row_check(f"{name} matches {each.regex}", bad, name)


def _of_column(each: Expectation, now: datetime) -> Iterator[Check]:
    """Compile what the values together must be."""
    name, column = each.column, quoted(each.column)
    if each.unique:
        measure = f"count({column}) - count(DISTINCT {column})"
        yield Check(name=f"{name} is unique", measure=measure, at_most=0)
    if each.fresh_within:
        newest, today = f"max({column})::TIMESTAMPTZ", f"{literal(now.isoformat())}::TIMESTAMPTZ"
        age = f"date_diff('second', {newest}, {today})"
        limit = parse_duration(each.fresh_within).total_seconds()
        yield Check(name=f"{name} within {each.fresh_within}", measure=age, at_most=limit)


def _of_sql(sql: str, columns: tuple[str, ...]) -> Check:
    """Compile a condition on rows, or a question to the whole table."""
    name = " ".join(sql.split())
    if name.lower().startswith(("select ", "with ")):
        number = (
            "CASE typeof(a) WHEN 'BOOLEAN' THEN (NOT a::VARCHAR::BOOLEAN)::INT "
            "ELSE a::VARCHAR::DOUBLE END"
        )
        answer = f"any_value((SELECT {number} FROM ({sql}\n) AS answer(a)))"
        return Check(name=name, measure=answer, at_most=0)
    return _row_check(name, f"({sql}\n) IS NOT TRUE", *columns)


def _row_check(name: str, bad: str, *columns: str) -> Check:
    measure = f"count(*) FILTER (WHERE {bad})"
    return Check(name=name, measure=measure, bad=bad, columns=columns, at_most=0)


def _of_type(each: Expectation, types: Mapping[str, pa.DataType]) -> Verdict:
    found = str(types[each.column])
    return Verdict(
        name=each.name or f"{each.column} is {each.type}", ok=found == each.type, note=found
    )


def _measure(
    engine: Engine, table: TableSource, checks: Sequence[Check]
) -> tuple[int, list[float | None]]:
    """Run all checks in one scan; if that fails, say which of them does."""
    try:
        answer = _figures(engine, table, checks)
    except Invalid:
        for check in checks:
            try:
                _figures(engine, table, [check])
            except Invalid as error:
                raise Invalid(
                    f"the expectation {check.name!r} can not be executed: {error}",
                    hint="correct it and declare the dataset again",
                ) from error
        raise
    return int(answer[0] or 0), answer[1:]


def _figures(engine: Engine, table: TableSource, checks: Sequence[Check]) -> list[float | None]:
    parts = ["count(*)::DOUBLE"] + [f"({check.measure})::DOUBLE" for check in checks]
    chosen = ", ".join(f"{part} AS c{place}" for place, part in enumerate(parts))
    answer = engine.query(f"SELECT {chosen} FROM dataset", tables={"dataset": table})
    return [answer[name][0].as_py() for name in answer.column_names]


def _verdict(check: Check, figure: float | None, rows: int) -> Verdict:
    upper = check.at_most
    if check.bad and check.tolerance:
        upper = check.tolerance * rows
    ok = (
        figure is not None
        and (upper is None or figure <= upper)
        and (check.at_least is None or figure >= check.at_least)
    )
    if figure is None:
        note = "there is nothing to judge"
    elif check.bad:
        note = f"{figure:.0f} of {rows} rows" if figure else ""
    elif " within " in check.name:
        note = f"{format_duration(figure)} old"
    else:
        note = ""
    limit = upper if upper is not None else check.at_least
    return Verdict(name=check.name, ok=ok, value=figure, limit=limit, note=note)


def _sample(engine: Engine, table: TableSource, check: Check, spec: DatasetSpec) -> list[str]:
    """Show some of the bad rows, with their key."""
    shown = list(dict.fromkeys((*spec.key, *check.columns)))
    chosen = ", ".join(quoted(name) for name in shown)
    found = engine.query(
        f"SELECT bucle_row, {chosen} FROM (SELECT *, row_number() OVER () AS bucle_row "
        f"FROM dataset) AS dataset WHERE {check.bad} LIMIT {_SAMPLES}",
        tables={"dataset": table},
    )
    return [
        f"{check.name}: row {row.pop('bucle_row')}: "
        + ", ".join(f"{name}={value!r}" for name, value in row.items())
        for row in found.to_pylist()
    ]


def _of_key(engine: Engine, table: TableSource, key: Sequence[str]) -> tuple[Verdict, list[str]]:
    """Count the keys that several rows have, and show some."""
    columns = ", ".join(quoted(name) for name in key)
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in key)
    repeated = (
        f"SELECT {columns}, count(*) AS bucle_count FROM dataset WHERE {present} "
        f"GROUP BY {columns} HAVING count(*) > 1"
    )
    total = engine.query(
        f"SELECT count(*) AS n FROM ({repeated})",
        tables={"dataset": table},
    )["n"][0].as_py()
    verdict = Verdict(
        name=f"key {', '.join(key)} is unique",
        ok=not total,
        value=float(total),
        limit=0.0,
        note=f"{total} keys have several rows" if total else "",
    )
    if not total:
        return verdict, []
    worst = engine.query(
        f"{repeated} ORDER BY bucle_count DESC, {columns} LIMIT {_SAMPLES}",
        tables={"dataset": table},
    )
    return verdict, [
        f"{row.pop('bucle_count')} rows have the key "
        + ", ".join(f"{name}={value!r}" for name, value in row.items())
        for row in worst.to_pylist()
    ]


def _shown(limit: float | str) -> str:
    return limit if isinstance(limit, str) else f"{limit:g}"


def literal(value: str | float | bool) -> str:  # noqa: FBT001 - a value of a set
    """Write a value in SQL."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
