"""The tests in dbt's `schema.yml`: its own four, dbt_utils' and dbt_expectations'.

A model, source table, seed or snapshot is a dataset of its name.  What dbt counts are rows for
which a condition is false: where it is unknown, a row is let in.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import Expectation
from bucle.lifecycle.data.suites import great_expectations
from bucle.lifecycle.data.suites.arguments import (
    Arguments,
    NoCounterpartError,
    Scalar,
    between,
    in_range,
    listed,
    repeated,
    titled,
)
from bucle.lifecycle.data.suites.records import LeftOut, Suite

PLACES = ("models", "sources", "seeds", "snapshots")
_CONFIGURED = (
    "alias", "config", "database", "description", "docs", "enabled", "error_if", "fail_calc",
    "limit", "meta", "name", "schema", "severity", "store_failures", "store_failures_as", "tags",
    "test_name", "warn_if", "where", "arguments",
)  # fmt: skip
_CHANGES_THE_VERDICT = ("error_if", "fail_calc", "limit", "warn_if")
_REFERENCE = re.compile(
    r"""\s*(?:ref|source)\(\s*(?:['"][^'"]+['"]\s*,\s*)?['"]([^'"]+)['"]\s*\)\s*"""
)
_UNITS = {"minute": "m", "hour": "h", "day": "d", "week": "w"}

_Convert: TypeAlias = Callable[[Arguments], Expectation]


def read(tree: Mapping[str, Any]) -> list[Suite]:
    """Return what is expected of each table that has tests."""
    found = [_of_table(table) for table in _tables(tree)]
    return [suite for suite in found if suite.expectations or suite.left_out]


def _tables(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for place in PLACES:
        for each in tree.get(place) or ():
            yield from (each.get("tables") or () if place == "sources" else (each,))


def _of_table(table: Mapping[str, Any]) -> Suite:
    kept: list[Expectation] = []
    left_out: list[LeftOut] = []
    for column, test in _tests(table):
        name, given, config = _parts(test)
        try:
            kept.append(_converted(name, column, given, config))
        except NoCounterpartError as error:
            left_out.append(LeftOut(name=name, about=column, why=str(error)))
    return Suite(
        table=str(table.get("name") or ""), expectations=tuple(kept), left_out=tuple(left_out)
    )


def _tests(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each test with its column; "" for those of the table."""
    for key in ("tests", "data_tests"):
        yield from (("", test) for test in table.get(key) or ())
    for column in table.get("columns") or ():
        for key in ("tests", "data_tests"):
            yield from ((str(column.get("name")), test) for test in column.get(key) or ())


def _parts(test: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - any YAML
    """Part a test into its name, its arguments and how it is configured."""
    if isinstance(test, str):
        return test, {}, {}
    if not isinstance(test, dict) or not test:
        return str(test), {}, {}
    named = "test_name" in test
    name = str(test["test_name"] if named else next(iter(test)))
    said = test if named else (test[name] or {})
    if not isinstance(said, dict):
        return name, {"": said}, {}
    given = {key: value for key, value in said.items() if key not in _CONFIGURED}
    config = {key: value for key, value in said.items() if key in _CONFIGURED}
    return name, given | (config.get("arguments") or {}), config | (config.get("config") or {})


def _converted(
    name: str, column: str, given: Mapping[str, Any], config: Mapping[str, Any]
) -> Expectation:
    if config.get("enabled") is False:
        raise NoCounterpartError("it is disabled")
    if changes := [key for key in _CHANGES_THE_VERDICT if config.get(key) is not None]:
        raise NoCounterpartError(f"{', '.join(changes)} can not be said here")
    if "{{" in str(given) or "{{" in str(config.get("where")):
        raise NoCounterpartError("it is a template, which dbt fills in")
    found = _found(name, {"column": column, **given} if column else dict(given))
    if config.get("where"):
        found = _only_where(found, str(config["where"]))
    if found.sql and not found.name:
        short = name.removeprefix("dbt_utils.")
        told = {**given, "where": config.get("where")}
        found = msgspec.structs.replace(found, name=titled(column, short, told))
    warns = str(config.get("severity", "")).lower() == "warn"
    return msgspec.structs.replace(found, action="warn") if warns else found


def _found(name: str, given: Mapping[str, Any]) -> Expectation:
    package, _, short = name.rpartition(".")
    if package == "dbt_expectations":
        found = great_expectations.convert(short, given)
        if len(found) != 1:
            raise NoCounterpartError("it is several")
        return found[0]
    if name not in _CONVERT:
        raise NoCounterpartError("nothing here expects the same")
    taken = Arguments(given)
    converted = _CONVERT[name](taken)
    if rest := taken.rest():
        raise NoCounterpartError(f"{', '.join(rest) or 'its argument'} can not be said here")
    return converted


def _only_where(found: Expectation, where: str) -> Expectation:
    """Expect it of some rows only: of what can be said of each row by itself."""
    column = quoted(found.column)
    if found.sql and not found.sql.lower().startswith("select "):
        ok = found.sql
    elif found == Expectation(column=found.column, not_null=True):
        ok = f"{column} IS NOT NULL"
    elif found == Expectation(column=found.column, among=found.among) and found.among:
        ok = f"({column} IN ({listed(found.among)})) IS NOT FALSE"
    elif found == Expectation(column=found.column, min=found.min, max=found.max):
        ok = f"({between(column, found.min, found.max, strict=(False, False))}) IS NOT FALSE"
    else:
        raise NoCounterpartError("where, of something that rows are together")
    return Expectation(sql=f"({where}) IS NOT TRUE OR ({ok})")


def _not_null(k: Arguments) -> Expectation:
    return Expectation(column=k.text("column"), not_null=True)


def _unique(k: Arguments) -> Expectation:
    return Expectation(column=k.text("column"), unique=True)


def _values(k: Arguments) -> tuple[Scalar, ...]:
    """Return a set as dbt writes it into its statement: in quotes unless it is told not to."""
    values = k.values("values")
    if k.flag("quote", default=True):
        return tuple(str(value) for value in values)
    if any(isinstance(value, str) for value in values):
        raise NoCounterpartError("values that are SQL (quote: false)")
    return values


def _accepted_values(k: Arguments) -> Expectation:
    return Expectation(column=k.text("column"), among=_values(k))


def _not_accepted_values(k: Arguments) -> Expectation:
    return Expectation(
        sql=f"({quoted(k.text('column'))} NOT IN ({listed(_values(k))})) IS NOT FALSE"
    )


def _relationships(k: Arguments) -> Expectation:
    to = k.text("to")
    found = _REFERENCE.fullmatch(to)
    if not found:
        raise NoCounterpartError(f"{to!r} names no model")
    return Expectation(column=k.text("column"), references=f"{found[1]}.{k.text('field')}")


def _expression(k: Arguments) -> Expectation:
    column, expression = k.take("column"), k.text("expression")
    subject = f"{quoted(column)} " if column else ""
    return Expectation(sql=f"({subject}{expression}) IS NOT FALSE")


def _accepted_range(k: Arguments) -> Expectation:
    column, strict = k.text("column"), not k.flag("inclusive", default=True)
    low, high = k.limit("min_value"), k.limit("max_value")
    if isinstance(low, str) or isinstance(high, str):  # an expression, not a value
        name, equal = quoted(column), "" if strict else "="
        parts = [f"{name} >{equal} ({low})"] if low is not None else []
        parts += [f"{name} <{equal} ({high})"] if high is not None else []
        return Expectation(sql=f"({' AND '.join(parts)}) IS NOT FALSE")
    return in_range(column, low, high, strict=(strict, strict))


def _proportion(k: Arguments) -> Expectation:
    name = quoted(k.text("column"))
    least, most = k.number("at_least"), k.number("at_most", 1.0)
    inside = between(f"count({name}) / count(*)", least, most, strict=(False, False))
    return Expectation(sql=f"SELECT {inside} FROM dataset")


def _not_empty(k: Arguments) -> Expectation:
    name = quoted(k.text("column"))
    text = f"trim({name})" if k.flag("trim_whitespace", default=True) else name
    return Expectation(sql=f"{name} IS NULL OR {text} <> ''")


def _at_least_one(k: Arguments) -> Expectation:
    return Expectation(sql=f"SELECT count({quoted(k.text('column'))}) > 0 FROM dataset")


def _not_constant(k: Arguments) -> Expectation:
    return Expectation(sql=f"SELECT count(DISTINCT {quoted(k.text('column'))}) <> 1 FROM dataset")


def _combination(k: Arguments) -> Expectation:
    k.take("quote_columns")  # a name is quoted here anyway
    return repeated(k.names("combination_of_columns"))


def _sequential(k: Arguments) -> Expectation:
    name, step = quoted(k.text("column")), k.number("interval", 1)
    return Expectation(
        sql=f"SELECT count(*) FROM (SELECT {name} AS v, lag({name}) OVER (ORDER BY {name}) AS b "
        f"FROM dataset) WHERE v <> b + {step!r}"
    )


def _recency(k: Arguments) -> Expectation:
    unit, interval = k.text("datepart"), k.number("interval")
    if unit not in _UNITS or interval is None or interval != int(interval):
        raise NoCounterpartError(f"datepart is {unit!r}, interval {interval!r}")
    return Expectation(column=k.text("field"), fresh_within=f"{int(interval)}{_UNITS[unit]}")


_CONVERT: dict[str, _Convert] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "dbt_utils.accepted_range": _accepted_range,
    "dbt_utils.at_least_one": _at_least_one,
    "dbt_utils.expression_is_true": _expression,
    "dbt_utils.not_accepted_values": _not_accepted_values,
    "dbt_utils.not_constant": _not_constant,
    "dbt_utils.not_empty_string": _not_empty,
    "dbt_utils.not_null_proportion": _proportion,
    "dbt_utils.recency": _recency,
    "dbt_utils.sequential_values": _sequential,
    "dbt_utils.unique_combination_of_columns": _combination,
}
