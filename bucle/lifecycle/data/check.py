"""Expectations as a gate: compiled into one statement, so that a table is scanned once.

What can not be executed (an unknown column, wrong SQL) is an error and never a pass.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import msgspec
import pyarrow as pa

from bucle.base.code import Code
from bucle.base.errors import Invalid
from bucle.base.quantity import format_duration, parse_duration
from bucle.base.verdict import Verdict
from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.data.against import NOTHING, Against
from bucle.lifecycle.data.by_python import Answer as Told
from bucle.lifecycle.data.by_python import ask
from bucle.lifecycle.data.distance import psi
from bucle.lifecycle.data.known import Known
from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import CheckReport, DatasetSpec, Expectation
from bucle.lifecycle.data.refer import referenced
from bucle.lifecycle.data.sql import literal, valued

Answer = TypeVar("Answer")
Given: TypeAlias = "TableSource | Callable[[], TableSource]"

_SAMPLES = 3
_SHOWN_COLUMNS = 8


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is expected, as SQL, or as Python that is asked by itself."""

    name: str
    measure: str  # an aggregate: the number of bad rows, or another figure
    bad: str = ""  # "": the figure is not of rows; otherwise the condition of a bad row
    columns: tuple[str, ...] = ()  # what to show of a bad row
    at_most: float | None = None  # None: no upper limit; for bad rows 0, or the tolerance
    at_least: float | None = None  # None: no lower limit
    tolerance: float = 0.0  # share of rows, for bad rows
    action: str = "fail"
    apart: str = ""  # the condition of a row to set apart, where that takes a window
    key: tuple[str, ...] = ()  # of a key: what is to be counted exactly if rows seem to repeat it
    reference: tuple[int, ...] = ()  # the measure is of counts: those that they are compared with
    claim: Expectation | None = None  # what it says in short, where a proof may be at hand
    python: Code | None = None  # None: it is SQL; else `bad` only tells whether it is of rows

    @property
    def row(self) -> str:
        """The condition of a row to set apart; "": no row by itself is wrong."""
        return self.bad or self.apart


def check_table(
    engine: Engine, table: Given, *, spec: DatasetSpec, types: Mapping[str, pa.DataType],
    now: datetime, against: Against = NOTHING,
) -> CheckReport:  # fmt: skip
    """Judge a table by what is declared of its dataset, in one scan; none where all is known.

    A table that takes some work to open can be given as what opens it.
    The report is good if nothing speaks against committing the table: rows to be set apart and
    warnings do not, unless more than tolerated are to be set apart.

    Raises:
        Invalid: an expectation, the key or the time can not be executed; it is named.
    """
    _require_declared(spec, types)
    typed = [each for each in spec.expectations if each.type]
    verdicts = [_of_type(each, types) for each in typed]
    breaks = [
        verdict.name
        for verdict, each in zip(verdicts, typed, strict=True)
        if not verdict.ok and each.action == "fail"
    ]
    checks = list(compiled(spec, types, now, against))
    opened = partial(_opened, table, against)
    told = told_of(opened, checks, spec, against)
    rows, figures = _measure(engine, opened, checks, (against.known, told))
    samples: list[str] = []
    for place, (check, figure) in enumerate(zip(checks, figures, strict=True)):
        verdict = _verdict(check, figure, rows)
        if not verdict.ok and check.key:
            verdict, shown = _of_key(engine, opened()["dataset"], check.key)
            samples += shown
        elif not verdict.ok and place in told:
            samples += _shown_rows(check, told[place].samples)
        elif not verdict.ok and check.bad:
            samples += _sample(engine, opened(), check, spec)
        verdicts.append(verdict)
        if not verdict.ok and refuses(check, figure, rows):
            breaks.append(verdict.name)
    return CheckReport(
        ok=not breaks,
        rows=rows,
        verdicts=tuple(verdicts),
        samples=tuple(samples),
        breaks=tuple(breaks),
    )


def _opened(table: Given, against: Against) -> dict[str, TableSource]:
    there = table() if callable(table) else table
    return {"dataset": there} | {alias(name): rows for name, rows in against.tables.items()}


def told_of(
    opened: Callable[[], Mapping[str, TableSource]], checks: Sequence[Check], spec: DatasetSpec,
    against: Against,
) -> dict[int, Told]:  # fmt: skip
    """Return what Python functions say of a table, by the places of their checks.

    Raises:
        Invalid: one gives no answer.
    """
    asked = [(place, check, check.python) for place, check in enumerate(checks) if check.python]
    if not asked:
        return {}
    table = opened()["dataset"]
    return {
        place: ask(
            against.compute, table, name=check.name, code=code, of_rows=bool(check.bad),
            shown=list(dict.fromkeys((*spec.key, *check.columns))),
        )
        for place, check, code in asked
    }  # fmt: skip


def refuses(check: Check, figure: float | None, rows: int) -> bool:
    """Tell whether a check that does not hold keeps a table from being committed."""
    if check.action == "quarantine":
        return bool(check.tolerance) and (figure is None or figure > check.tolerance * rows)
    return check.action == "fail"


def row_checks(
    spec: DatasetSpec, types: Mapping[str, pa.DataType], now: datetime, against: Against
) -> list[Check]:
    """Return the checks whose bad rows are to be set apart.

    Raises:
        Invalid: one is on a column that is not there.
    """
    _require_declared(spec, types)
    checks = compiled(spec, types, now, against)
    return [check for check in checks if check.action == "quarantine" and check.row]


def named(checks: Sequence[Check], run: Callable[[Sequence[Check]], Answer]) -> Answer:
    """Run something on all checks at once; if that fails, say which of them does."""
    try:
        return run(checks)
    except Invalid:
        for check in checks:
            try:
                run([check])
            except Invalid as error:
                raise Invalid(
                    f"the expectation {check.name!r} can not be executed: {error}",
                    hint="correct it and declare the dataset again",
                ) from error
        raise


def alias(dataset: str) -> str:
    """Return what another dataset is called in a statement."""
    return f"other:{dataset}"


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


def compiled(
    spec: DatasetSpec, types: Mapping[str, pa.DataType], now: datetime, against: Against
) -> Iterator[Check]:
    """Yield what is expected of a dataset, as SQL."""
    for name in spec.key:
        known = Expectation(column=name, not_null=True)
        yield _row_check(f"key {name} has a value", f"{quoted(name)} IS NULL", name, claim=known)
    for each in spec.expectations:
        for check in _of_expectation(each, types, now, against):
            yield msgspec.structs.replace(
                check,
                name=each.name or check.name,
                tolerance=each.tolerance,
                action=each.action,
            )
    if spec.key:
        yield _key_check(spec.key)


def _of_expectation(
    each: Expectation, types: Mapping[str, pa.DataType], now: datetime, against: Against
) -> Iterator[Check]:
    if each.column:
        yield from _of_values(each, types)
        yield from _of_column(each, now)
    if each.references:
        yield _of_reference(each, against)
    if each.like:
        yield _of_shape(each, against)
    if each.min_rows is not None:
        claim = Expectation(min_rows=each.min_rows)
        name = f"rows >= {each.min_rows}"
        yield Check(name=name, measure="count(*)", at_least=each.min_rows, claim=claim)
    if each.max_rows is not None:
        claim = Expectation(max_rows=each.max_rows)
        name = f"rows <= {each.max_rows}"
        yield Check(name=name, measure="count(*)", at_most=each.max_rows, claim=claim)
    if each.sql:
        yield _of_sql(each.sql, tuple(types)[:_SHOWN_COLUMNS])
    if each.python:
        yield _of_python(each, each.python, tuple(types)[:_SHOWN_COLUMNS])


def _of_values(each: Expectation, types: Mapping[str, pa.DataType]) -> Iterator[Check]:
    """Compile what each value must be; a NaN is no value, and in no range."""
    name, column = each.column, quoted(each.column)
    nan = f"isnan({column})" if pa.types.is_floating(types[name]) else "false"
    if each.not_null:
        claim = Expectation(column=name, not_null=True)
        yield _row_check(f"{name} has a value", f"{column} IS NULL OR {nan}", name, claim=claim)
    for sign, wrong, limit in ((">=", "<", each.min), ("<=", ">", each.max)):
        if limit is not None:
            bad = f"{column} {wrong} {literal(limit)} OR {nan}"
            least = sign == ">="
            claim = Expectation(
                column=name, min=limit if least else None, max=None if least else limit
            )
            yield _row_check(f"{name} {sign} {_shown(limit)}", bad, name, claim=claim)
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
        several = f"{column} IS NOT NULL AND count(*) OVER (PARTITION BY {column}) > 1"
        yield Check(
            name=f"{name} is unique", measure=measure, at_most=0, columns=(name,), apart=several,
            claim=Expectation(column=name, unique=True),
        )  # fmt: skip
    if each.fresh_within:
        newest, today = f"max({column})::TIMESTAMPTZ", f"{literal(now.isoformat())}::TIMESTAMPTZ"
        age = f"date_diff('second', {newest}, {today})"
        limit = parse_duration(each.fresh_within).total_seconds()
        yield Check(name=f"{name} within {each.fresh_within}", measure=age, at_most=limit)


def _key_check(key: tuple[str, ...]) -> Check:
    """Compile the key's uniqueness: two equal keys have equal hashes, so that none is missed."""
    columns = ", ".join(quoted(name) for name in key)
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in key)
    return Check(
        name=f"key {', '.join(key)} is unique",
        measure=f"count(*) FILTER (WHERE {present}) "
        f"- count(DISTINCT hash({columns})) FILTER (WHERE {present})",
        at_most=0,
        key=key,
    )


def _of_reference(each: Expectation, against: Against) -> Check:
    """Compile that each value is one of another dataset's column; a missing value is none."""
    dataset, other = referenced(each.references)
    name = f"{each.column} is in {each.references}"
    if dataset not in against.tables:
        raise Invalid(f"the expectation {name!r} can not be executed: {dataset} is not at hand")
    column, there = quoted(each.column), quoted(alias(dataset))
    known = f"SELECT bucle_known FROM (SELECT {quoted(other)} AS bucle_known FROM {there})"
    bad = f"{column} IS NOT NULL AND {column} NOT IN ({known} WHERE bucle_known IS NOT NULL)"
    return _row_check(name, bad, each.column)


def _of_shape(each: Expectation, against: Against) -> Check:
    """Compile how far a column's distribution is from that of another version, in its bins."""
    name = f"{each.column} is distributed as in {each.like}"
    profile = against.profiles.get(each.like)
    old = profile.column(each.column) if profile else None
    if old is None or not (old.edges or old.top):
        raise Invalid(
            f"the expectation {name!r} can not be executed: {each.like} has no distribution of it",
            hint="compare a column of numbers, texts or booleans that has values there",
        )
    value = valued(each.column, old.kind)
    if old.edges:
        limits = [repr(edge) for edge in old.edges]
        bins = [f"{value} <= {limits[0]}"]
        bins += [f"{value} > {a} AND {value} <= {b}" for a, b in pairwise(limits)]
        bins += [f"{value} > {limits[-1]}"]
        reference = old.counts
    else:
        tops = [literal(top) for top, _ in old.top]
        bins = [f"{value} = {top}" for top in tops] + [f"{value} NOT IN ({', '.join(tops)})"]
        reference = (*(count for _, count in old.top), old.other)
    counts = ", ".join(f"count(*) FILTER (WHERE {each})" for each in bins)
    return Check(name=name, measure=f"[{counts}]", at_most=each.max_shift, reference=reference)


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


def _of_python(each: Expectation, code: Code, columns: tuple[str, ...]) -> Check:
    """Compile a function of each row, or of the whole table, into what asks it."""
    name = f"{each.column} by {code.function}" if each.column else f"python {code.function}"
    shown = (each.column,) if each.column else columns
    bad = "python" if each.python_of == "rows" else ""
    return Check(name=name, measure="", bad=bad, columns=shown, at_most=0, python=code)


def _row_check(name: str, bad: str, *columns: str, claim: Expectation | None = None) -> Check:
    measure = f"count(*) FILTER (WHERE {bad})"
    return Check(name=name, measure=measure, bad=bad, columns=columns, at_most=0, claim=claim)


def _of_type(each: Expectation, types: Mapping[str, pa.DataType]) -> Verdict:
    found = str(types[each.column])
    return Verdict(
        name=each.name or f"{each.column} is {each.type}", ok=found == each.type, note=found
    )


def _measure(
    engine: Engine,
    opened: Callable[[], Mapping[str, TableSource]],
    checks: Sequence[Check],
    before: tuple[Known | None, Mapping[int, Told]],
) -> tuple[int, list[float | None]]:
    """Run in one scan all checks of which nothing known, and no Python, says the figure."""
    known, told = before
    said = [known.figure(check.claim, check.key) if known else None for check in checks]
    for place, answer in told.items():
        said[place] = answer.figure
    asked = [check for check, figure in zip(checks, said, strict=True) if figure is None]
    if known and not asked:
        return known.rows, said
    tables = opened()
    rows, *figures = named(asked, lambda some: _figures(engine, tables, some))
    found = iter(figures)
    return int(rows or 0), [next(found) if figure is None else figure for figure in said]


def _figures(
    engine: Engine, tables: Mapping[str, TableSource], checks: Sequence[Check]
) -> list[float | None]:
    parts = ["count(*)::DOUBLE"]
    parts += [
        check.measure if check.reference else f"({check.measure})::DOUBLE" for check in checks
    ]
    chosen = ", ".join(f"{part} AS c{place}" for place, part in enumerate(parts))
    answer = engine.query(f"SELECT {chosen} FROM dataset", tables=tables)
    rows, *found = (answer[name][0].as_py() for name in answer.column_names)
    return [rows] + [
        psi(check.reference, figure) if check.reference else figure
        for check, figure in zip(checks, found, strict=True)
    ]


def _verdict(check: Check, figure: float | None, rows: int) -> Verdict:
    upper = check.at_most
    if check.bad and check.tolerance and check.action != "quarantine":
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
    elif check.reference:
        note = f"shifted by {figure:.3f}"
    else:
        note = ""
    if not ok and check.action != "fail":
        said = "warning" if check.action == "warn" else "to be set apart"
        note = f"{said}: {note}" if note else said
    limit = upper if upper is not None else check.at_least
    return Verdict(name=check.name, ok=ok, value=figure, limit=limit, note=note)


def _sample(
    engine: Engine, tables: Mapping[str, TableSource], check: Check, spec: DatasetSpec
) -> list[str]:
    """Show some of the bad rows, with their key."""
    shown = list(dict.fromkeys((*spec.key, *check.columns)))
    chosen = ", ".join(quoted(name) for name in shown)
    found = engine.query(
        f"SELECT bucle_row, {chosen} FROM (SELECT *, row_number() OVER () AS bucle_row "
        f"FROM dataset) AS dataset WHERE {check.bad} LIMIT {_SAMPLES}",
        tables=tables,
    )
    return _shown_rows(check, found.to_pylist())


def _shown_rows(check: Check, rows: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"{check.name}: row {row.pop('bucle_row')}: "
        + ", ".join(f"{name}={value!r}" for name, value in row.items())
        for row in rows
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
