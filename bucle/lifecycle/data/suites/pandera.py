"""Pandera's schemas as its `to_yaml` and `to_json` write them, of 0.7 to 0.35.

Older releases list the checks of a column under `checks`, newer ones beside its type.  A missing
value breaks no check; `nullable` says whether one may be there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import Expectation
from bucle.lifecycle.data.sql import literal
from bucle.lifecycle.data.suites.arguments import (
    Arguments,
    NoCounterpartError,
    Scalar,
    between,
    in_range,
    listed,
    of_values,
    pattern,
    plain,
    repeated,
    titled,
)
from bucle.lifecycle.data.suites.great_expectations import arrow_type
from bucle.lifecycle.data.suites.records import LeftOut, Suite

_OF_A_COLUMN = (
    "checks", "coerce", "default", "description", "drop_invalid_rows", "dtype", "metadata", "name",
    "nullable", "regex", "report_duplicates", "required", "title", "unique",
)  # fmt: skip
_HAS_ONE_ARGUMENT = {
    "equal_to": "value", "not_equal_to": "value", "greater_than": "min_value",
    "greater_than_or_equal_to": "min_value", "less_than": "max_value",
    "less_than_or_equal_to": "max_value", "isin": "allowed_values", "notin": "forbidden_values",
    "str_contains": "pattern", "str_matches": "pattern", "str_startswith": "string",
    "str_endswith": "string", "unique_values_eq": "values",
}  # fmt: skip
_SHORT = {
    "eq": "equal_to", "ne": "not_equal_to", "gt": "greater_than", "ge": "greater_than_or_equal_to",
    "lt": "less_than", "le": "less_than_or_equal_to", "between": "in_range",
}  # fmt: skip
_SAYS_NOTHING = ("title", "description", "error", "name", "n_failure_cases", "check_name")


def read(tree: Mapping[str, Any]) -> Suite:
    """Return what a schema expects, and what of it has no counterpart."""
    kept: list[Expectation] = []
    left_out: list[LeftOut] = []
    for column, given in (tree.get("columns") or {}).items():
        if given.get("regex") or given.get("required") is False:
            why = "its name is a pattern" if given.get("regex") else "it may be absent"
            left_out.append(LeftOut(name="column", about=str(column), why=why))
            continue
        _of_column(str(column), given, kept, left_out)
    if names := _listed(tree.get("unique")):
        combination = msgspec.structs.replace(
            repeated(names), name=titled(", ".join(names), "unique together", {})
        )
        kept.append(combination)
    left_out += _of_frame(tree)
    return Suite(
        table=str(tree.get("name") or ""), expectations=tuple(kept), left_out=tuple(left_out)
    )


def _of_frame(tree: Mapping[str, Any]) -> Iterator[LeftOut]:
    for name, _ in _checks(tree.get("checks")):
        yield LeftOut(name=name, about="", why="it is of the whole table")
    for name in ("index", "dtype", "strict", "ordered", "add_missing_columns", "parsers"):
        if tree.get(name):
            yield LeftOut(name=name, about="", why="nothing here expects the same")


def _of_column(
    column: str, given: Mapping[str, Any], kept: list[Expectation], left_out: list[LeftOut]
) -> None:
    def leave(name: str, why: str) -> None:
        left_out.append(LeftOut(name=name, about=column, why=why))

    try:
        kept += _type_of(column, given)
    except NoCounterpartError as error:
        leave(f"dtype {given.get('dtype')}", str(error))
    if not given.get("nullable"):
        kept.append(Expectation(column=column, not_null=True))
    if given.get("unique"):
        kept.append(Expectation(column=column, unique=True))
        if given.get("nullable"):  # pandas takes two missing values for equal
            sql = f"SELECT count(*) - count({quoted(column)}) <= 1 FROM dataset"
            kept.append(Expectation(sql=sql, name=f"{column} is missing once at most"))
    beside = {name: value for name, value in given.items() if name not in _OF_A_COLUMN}
    for name, said in (*_checks(given.get("checks")), *_checks(beside)):
        try:
            kept.append(_checked(column, name, said))
        except NoCounterpartError as error:
            leave(name, str(error))


def _type_of(column: str, given: Mapping[str, Any]) -> Iterator[Expectation]:
    if not given.get("dtype"):
        return
    if given.get("coerce"):
        raise NoCounterpartError("values are cast to it (coerce)")
    dtype = str(given["dtype"])
    # `object` is any Python value, and `string[...]` a text in one of pandas' layouts.
    name = "str" if dtype.startswith("string") else dtype
    yield Expectation(column=column, type=arrow_type(name))


def _checks(found: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a list or an object of YAML
    """Yield the name of each check and what it was told."""
    if isinstance(found, list):
        for each in found:
            options = each.get("options") or {} if isinstance(each, dict) else {}
            rest = {k: v for k, v in each.items() if k != "options"} if options else each
            name = str(options.get("check_name") or each)
            yield name, {**rest, **options} if options else rest
    elif isinstance(found, dict):
        yield from ((str(name), said) for name, said in found.items())


def _checked(column: str, name: str, said: Any) -> Expectation:  # noqa: ANN401 - any YAML
    name = _SHORT.get(name, name)
    one = _HAS_ONE_ARGUMENT.get(name)
    told = dict(said) if isinstance(said, dict) else {one or "": said}
    told |= told.pop("options", None) or {}
    for nothing in _SAYS_NOTHING:
        told.pop(nothing, None)
    if told.pop("ignore_na", True) is False:
        raise NoCounterpartError("ignore_na: false")
    warns = bool(told.pop("raise_warning", False))
    if one and "value" in told and one != "value":
        told[one] = told.pop("value")
    taken = Arguments(told)
    found = _converted(column, name, taken)
    if rest := taken.rest():
        raise NoCounterpartError(f"{', '.join(rest)} can not be said here")
    if found.sql:
        found = msgspec.structs.replace(found, name=titled(column, name, told))
    return msgspec.structs.replace(found, action="warn") if warns else found


def _converted(column: str, name: str, k: Arguments) -> Expectation:
    match name:
        case (
            "greater_than" | "greater_than_or_equal_to" | "less_than" | "less_than_or_equal_to"
            | "in_range"
        ):  # fmt: skip
            strict = (
                name == "greater_than" or not k.flag("include_min", default=True),
                name == "less_than" or not k.flag("include_max", default=True),
            )
            return in_range(column, k.limit("min_value"), k.limit("max_value"), strict=strict)
        case "equal_to" | "not_equal_to":
            sign = "=" if name == "equal_to" else "<>"
            return of_values(column, f"{quoted(column)} {sign} {literal(_scalar(k))}")
        case "isin":
            return Expectation(column=column, among=k.values("allowed_values"))
        case "notin":
            values = listed(k.values("forbidden_values"))
            return of_values(column, f"{quoted(column)} NOT IN ({values})")
        case "unique_values_eq":
            return _exactly(column, k.values("values"))
    return _of_text(column, name, k)


def _of_text(column: str, name: str, k: Arguments) -> Expectation:
    text = quoted(column)
    match name:
        case "str_matches":  # from the start, to anywhere
            start = pattern(f"^(?:{k.text('pattern')})")
            return of_values(column, f"regexp_matches({text}, {start})")
        case "str_contains":
            return of_values(column, f"regexp_matches({text}, {pattern(k.text('pattern'))})")
        case "str_startswith":
            return of_values(column, f"starts_with({text}, {literal(k.text('string'))})")
        case "str_endswith":
            return of_values(column, f"ends_with({text}, {literal(k.text('string'))})")
        case "str_length":
            low, high, exact = (
                k.number(each) for each in ("min_value", "max_value", "exact_value")
            )
            if exact is not None:
                low = high = exact
            return of_values(column, between(f"length({text})", low, high, strict=(False, False)))
    raise NoCounterpartError("nothing here expects the same")


def _exactly(column: str, values: tuple[Scalar, ...]) -> Expectation:
    name, number = quoted(column), len(set(values))
    inside = f"count(DISTINCT {name}) FILTER (WHERE {name} IN ({listed(values)}))"
    return Expectation(
        sql=f"SELECT {inside} = {number} AND count(DISTINCT {name}) = {number} FROM dataset"
    )


def _scalar(k: Arguments) -> Scalar:
    found = plain(k.take("value"))
    if not isinstance(found, str | int | float | bool):
        raise NoCounterpartError(f"it compares with {found!r}")
    return found


def _listed(found: Any) -> list[str]:  # noqa: ANN401 - a name or a list of names
    return [found] if isinstance(found, str) else [str(each) for each in found or ()]
