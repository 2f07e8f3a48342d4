"""Great Expectations' suites in JSON, of 0.18 and 1.x.

Meant is what its pandas engine does: a missing value breaks nothing but `not_be_null`, `mostly`
is a share of the values that are there, a pattern is searched for.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import Expectation
from bucle.lifecycle.data.sql import literal
from bucle.lifecycle.data.suites.arguments import (
    Arguments,
    NoCounterpartError,
    between,
    in_range,
    listed,
    of_values,
    pattern,
    repeated,
    titled,
)
from bucle.lifecycle.data.suites.records import LeftOut, Suite

_SAYS_NOTHING = (
    "batch_id", "catch_exceptions", "description", "id", "include_config", "meta", "notes",
    "rendered_content", "result_format", "severity", "allow_cross_type_comparisons",
)  # fmt: skip
_TYPES = {
    "str": "string", "StringType": "string", "TEXT": "string", "VARCHAR": "string",
    "float": "double", "float64": "double", "DoubleType": "double", "DOUBLE": "double",
    "float32": "float", "FloatType": "float", "int8": "int8", "int16": "int16", "int32": "int32",
    "int64": "int64", "LongType": "int64", "BIGINT": "int64", "uint8": "uint8",
    "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "bool": "bool",
    "BooleanType": "bool", "BOOLEAN": "bool", "datetime64": "timestamp[us]",
    "datetime64[ns]": "timestamp[us]", "DateType": "date32[day]", "DATE": "date32[day]",
}  # fmt: skip

_Convert: TypeAlias = Callable[[Arguments], Expectation | list[Expectation]]


def read(tree: Mapping[str, Any]) -> Suite:
    """Return what a suite expects, and what of it has no counterpart."""
    kept: list[Expectation] = []
    left_out: list[LeftOut] = []
    for each in tree.get("expectations") or ():
        type_ = str(each.get("type") or each.get("expectation_type") or "")
        given = {
            name: value
            for name, value in (each.get("kwargs") or {}).items()
            if name not in _SAYS_NOTHING
        }
        try:
            found = convert(type_, given)
        except NoCounterpartError as error:
            left_out.append(LeftOut(name=type_, about=about(given), why=str(error)))
            continue
        warns = each.get("severity") in {"warning", "info"}
        kept += [msgspec.structs.replace(one, action="warn") if warns else one for one in found]
    name = tree.get("expectation_suite_name") or tree.get("name") or ""
    return Suite(table=str(name), expectations=tuple(kept), left_out=tuple(left_out))


def convert(type_: str, given: Mapping[str, Any]) -> list[Expectation]:
    """Return one of its expectations in our words.

    Raises:
        NoCounterpartError: it can not be said; the message says why.
    """
    if type_ not in _CONVERT:
        raise NoCounterpartError("nothing here expects the same")
    if parameter := _parameter(given):
        raise NoCounterpartError(f"it is given at run time: {parameter}")
    taken = Arguments(given)
    found = _CONVERT[type_](taken)
    if rest := taken.rest():
        raise NoCounterpartError(f"{', '.join(rest)} can not be said here")
    said = {name: value for name, value in given.items() if not _names_columns(name)}
    short = type_.removeprefix("expect_").removeprefix("column_")
    return [
        # What has no words of ours but SQL is named after what it was.
        msgspec.structs.replace(each, name=titled(about(given), short, said)) if each.sql else each
        for each in (found if isinstance(found, list) else [found])
    ]


def about(given: Mapping[str, Any]) -> str:
    """Return the columns that an expectation is on."""
    names = [given[name] for name in ("column", "column_A", "column_B") if name in given]
    listed_names = given.get("column_list")
    return ", ".join(map(str, chain(names, listed_names if isinstance(listed_names, list) else ())))


def _names_columns(name: str) -> bool:
    return name in {"column", "column_A", "column_B", "column_list"}


def _parameter(given: Mapping[str, Any]) -> str:
    for value in given.values():
        if isinstance(value, dict) and "$PARAMETER" in value:
            return str(value["$PARAMETER"])
    return ""


def _mostly(k: Arguments) -> float:
    found = k.number("mostly", 1.0)
    return 1.0 if found is None else found


def _strict(k: Arguments) -> tuple[bool, bool]:
    return k.flag("strict_min"), k.flag("strict_max")


def _exists(k: Arguments) -> Expectation:
    # A column that is not there makes this an error, as every expectation on it.
    return Expectation(sql=f"SELECT count({quoted(k.text('column'))}) >= 0 FROM dataset")


def _row_count(k: Arguments) -> Expectation:
    low, high = k.number("min_value"), k.number("max_value")
    if any(_strict(k)) or (low is None and high is None):
        raise NoCounterpartError("it has no limits that are reached")
    return Expectation(
        min_rows=None if low is None else int(low), max_rows=None if high is None else int(high)
    )


def _row_count_is(k: Arguments) -> Expectation:
    rows = int(k.number("value") or 0)
    return Expectation(min_rows=rows, max_rows=rows)


def _not_null(k: Arguments) -> Expectation:
    mostly = _mostly(k)
    if not 0 < mostly <= 1:
        raise NoCounterpartError(f"mostly is {mostly:g}")
    # Rounded, because 1 - 0.9 is a little less than a tenth.
    return Expectation(column=k.text("column"), not_null=True, tolerance=round(1 - mostly, 12))


def _null(k: Arguments) -> Expectation:
    name, mostly = quoted(k.text("column")), _mostly(k)
    if mostly == 1:
        return Expectation(sql=f"{name} IS NULL")
    return Expectation(sql=f"SELECT count(*) - count({name}) >= {mostly!r} * count(*) FROM dataset")


def _unique(k: Arguments) -> Expectation:
    column, mostly = k.text("column"), _mostly(k)
    if mostly == 1:
        return Expectation(column=column, unique=True)
    name = quoted(column)
    return Expectation(
        sql=f"SELECT count(*) FILTER (WHERE n = 1) >= {mostly!r} * coalesce(sum(n), 0) FROM "
        f"(SELECT count(*) AS n FROM dataset WHERE {name} IS NOT NULL GROUP BY {name})"
    )


def _between(k: Arguments) -> Expectation:
    low, high = k.limit("min_value"), k.limit("max_value")
    return in_range(k.text("column"), low, high, strict=_strict(k), mostly=_mostly(k))


def _in_set(k: Arguments) -> Expectation:
    column, values, mostly = k.text("column"), k.values("value_set"), _mostly(k)
    if mostly == 1:
        return Expectation(column=column, among=values)
    return of_values(column, f"{quoted(column)} IN ({listed(values)})", mostly=mostly)


def _not_in_set(k: Arguments) -> Expectation:
    column, values = k.text("column"), listed(k.values("value_set"))
    return of_values(column, f"{quoted(column)} NOT IN ({values})", mostly=_mostly(k))


def _matching(test: str, *, ok: bool) -> _Convert:
    """Return the converter of a pattern that texts have, or must not have."""

    def converted(k: Arguments) -> Expectation:
        column, text = k.text("column"), k.text("like_pattern" if test == "LIKE" else "regex")
        has = _has(column, text, test)
        return of_values(column, has if ok else f"NOT {has}", mostly=_mostly(k))

    return converted


def _matching_some(test: str, *, ok: bool) -> _Convert:
    """Return the converter of several patterns of which texts have one, all or none."""

    def converted(k: Arguments) -> Expectation:
        column = k.text("column")
        texts = k.names("like_pattern_list" if test == "LIKE" else "regex_list")
        has = [_has(column, text, test) for text in texts]
        wanted = k.take("match_on", "any") or "any"
        if not has or wanted not in {"any", "all"}:
            raise NoCounterpartError(f"it matches {wanted!r} of {len(has)} patterns")
        joined = f"({(' OR ' if wanted == 'any' or not ok else ' AND ').join(has)})"
        return of_values(column, joined if ok else f"NOT {joined}", mostly=_mostly(k))

    return converted


def _has(column: str, text: str, test: str) -> str:
    name = f"{quoted(column)}::VARCHAR"
    if test == "LIKE":
        return f"({name} LIKE {literal(text)})"
    return f"regexp_matches({name}, {pattern(text)})"


def _lengths(k: Arguments) -> Expectation:
    column = k.text("column")
    low, high = k.number("min_value"), k.number("max_value")
    ok = between(f"length({quoted(column)})", low, high, strict=_strict(k))
    return of_values(column, ok, mostly=_mostly(k))


def _length_is(k: Arguments) -> Expectation:
    column, length = k.text("column"), k.number("value")
    return of_values(column, f"length({quoted(column)}) = {length!r}", mostly=_mostly(k))


def _of_type(k: Arguments) -> Expectation:
    return Expectation(column=k.text("column"), type=arrow_type(k.text("type_")))


def _of_types(k: Arguments) -> Expectation:
    names = k.names("type_list")
    found = {_TYPES[name] for name in names if name in _TYPES}
    if len(found) != 1:
        raise NoCounterpartError(f"{', '.join(names)} are not one type here")
    return Expectation(column=k.text("column"), type=found.pop())


def arrow_type(name: str) -> str:
    """Return what Arrow calls a type of pandas, Spark or SQL.

    Raises:
        NoCounterpartError: it is none, or several.
    """
    if name not in _TYPES:
        raise NoCounterpartError(f"{name!r} is no single type here")
    return _TYPES[name]


def _strftime(k: Arguments) -> Expectation:
    column, format_ = k.text("column"), literal(k.text("strftime_format"))
    ok = f"try_strptime({quoted(column)}::VARCHAR, {format_}) IS NOT NULL"
    return of_values(column, ok, mostly=_mostly(k))


def _sorted(sign: str) -> _Convert:
    """Return the converter of values that rise or fall from row to row."""

    def converted(k: Arguments) -> Expectation:
        name, strictly = quoted(k.text("column")), k.flag("strictly")
        ok = f"{name} {sign if strictly else sign + '='} bucle_before"
        return Expectation(
            sql=f"SELECT count(*) FROM (SELECT {name}, lag({name}) OVER (ORDER BY bucle_place) "
            f"AS bucle_before FROM (SELECT {name}, row_number() OVER () AS bucle_place "
            f"FROM dataset) WHERE {name} IS NOT NULL) WHERE bucle_before IS NOT NULL AND NOT ({ok})"
        )

    return converted


def _figure(sql: str) -> _Convert:
    """Return the converter of a figure of a column that lies between limits."""

    def converted(k: Arguments) -> Expectation:
        name = quoted(k.text("column"))
        low, high = k.limit("min_value"), k.limit("max_value")
        inside = between(sql.format(name), low, high, strict=_strict(k))
        return Expectation(sql=f"SELECT {inside} FROM dataset")

    return converted


def _quantiles(k: Arguments) -> list[Expectation]:
    name, ranges = quoted(k.text("column")), k.take("quantile_ranges")
    if k.take("allow_relative_error") not in (None, False, "linear"):
        raise NoCounterpartError("allow_relative_error")
    if not isinstance(ranges, dict):
        raise NoCounterpartError("quantile_ranges is no object")
    found = zip(ranges.get("quantiles") or (), ranges.get("value_ranges") or (), strict=False)
    inside = " AND ".join(
        between(f"quantile_cont({name}, {float(share)!r})", low, high, strict=(False, False))
        for share, (low, high) in found
    )
    if not inside:
        raise NoCounterpartError("it has no quantiles")
    return [Expectation(sql=f"SELECT {inside} FROM dataset")]


def _equal_set(k: Arguments) -> Expectation:
    name, values = quoted(k.text("column")), k.values("value_set")
    inside = f"count(DISTINCT {name}) FILTER (WHERE {name} IN ({listed(values)}))"
    number = len(set(values))
    return Expectation(
        sql=f"SELECT {inside} = {number} AND count(DISTINCT {name}) = {number} FROM dataset"
    )


def _contain_set(k: Arguments) -> Expectation:
    name, values = quoted(k.text("column")), k.values("value_set")
    inside = f"count(DISTINCT {name}) FILTER (WHERE {name} IN ({listed(values)}))"
    return Expectation(sql=f"SELECT {inside} = {len(set(values))} FROM dataset")


def _ignored(k: Arguments, columns: list[str], *, default: str) -> str:
    """Write which rows are passed over."""
    missing = [f"{quoted(name)} IS NULL" for name in columns]
    match k.take("ignore_row_if", default):
        case "both_values_are_missing" | "all_values_are_missing":
            return f"({' AND '.join(missing)})"
        case "either_value_is_missing" | "any_value_is_missing":
            return f"({' OR '.join(missing)})"
        case "never":
            return "false"
        case other:
            raise NoCounterpartError(f"ignore_row_if is {other!r}")


def _pair(k: Arguments, sign: str) -> Expectation:
    columns = [k.text("column_A"), k.text("column_B")]
    passed = _ignored(k, columns, default="both_values_are_missing")
    if _mostly(k) != 1:
        raise NoCounterpartError("mostly of pairs")
    first, second = (quoted(name) for name in columns)
    return Expectation(sql=f"{passed} OR {first} {sign} {second}")


def _pair_greater(k: Arguments) -> Expectation:
    return _pair(k, ">=" if k.flag("or_equal") else ">")


def _unique_together(k: Arguments) -> Expectation:
    columns = k.names("column_list")
    if _mostly(k) != 1 or not columns:
        raise NoCounterpartError("mostly of combinations, or no columns")
    passed = _ignored(k, columns, default="all_values_are_missing")
    return repeated(columns, present=f"NOT {passed}")


def _sum_is(k: Arguments) -> Expectation:
    columns, total = k.names("column_list"), k.number("sum_total")
    passed = _ignored(k, columns, default="all_values_are_missing")
    if _mostly(k) != 1 or not columns:
        raise NoCounterpartError("mostly of sums, or no columns")
    added = " + ".join(f"coalesce({quoted(name)}, 0)" for name in columns)
    return Expectation(sql=f"{passed} OR {added} = {total!r}")


def _unexpected_rows(k: Arguments) -> Expectation:
    asked = k.text("unexpected_rows_query").strip().rstrip(";")
    return Expectation(sql=f"SELECT count(*) FROM ({asked.replace('{batch}', 'dataset')})")


_NAMED: dict[str, _Convert] = {
    "column_to_exist": _exists,
    "table_row_count_to_be_between": _row_count,
    "table_row_count_to_equal": _row_count_is,
    "column_values_to_not_be_null": _not_null,
    "column_values_to_be_null": _null,
    "column_values_to_be_unique": _unique,
    "column_values_to_be_between": _between,
    "column_values_to_be_in_set": _in_set,
    "column_values_to_not_be_in_set": _not_in_set,
    "column_values_to_match_regex": _matching("", ok=True),
    "column_values_to_not_match_regex": _matching("", ok=False),
    "column_values_to_match_regex_list": _matching_some("", ok=True),
    "column_values_to_not_match_regex_list": _matching_some("", ok=False),
    "column_values_to_match_like_pattern": _matching("LIKE", ok=True),
    "column_values_to_not_match_like_pattern": _matching("LIKE", ok=False),
    "column_values_to_match_like_pattern_list": _matching_some("LIKE", ok=True),
    "column_values_to_not_match_like_pattern_list": _matching_some("LIKE", ok=False),
    "column_value_lengths_to_be_between": _lengths,
    "column_value_lengths_to_equal": _length_is,
    "column_values_to_be_of_type": _of_type,
    "column_values_to_be_in_type_list": _of_types,
    "column_values_to_match_strftime_format": _strftime,
    "column_values_to_be_increasing": _sorted(">"),
    "column_values_to_be_decreasing": _sorted("<"),
    "column_min_to_be_between": _figure("min({})"),
    "column_max_to_be_between": _figure("max({})"),
    "column_mean_to_be_between": _figure("avg({})"),
    "column_median_to_be_between": _figure("median({})"),
    "column_sum_to_be_between": _figure("sum({})"),
    "column_stdev_to_be_between": _figure("stddev_samp({})"),
    "column_unique_value_count_to_be_between": _figure("count(DISTINCT {})"),
    "column_proportion_of_unique_values_to_be_between": _figure("count(DISTINCT {0}) / count({0})"),
    "column_quantile_values_to_be_between": _quantiles,
    "column_distinct_values_to_be_in_set": _in_set,
    "column_distinct_values_to_equal_set": _equal_set,
    "column_distinct_values_to_contain_set": _contain_set,
    "column_pair_values_to_be_equal": lambda k: _pair(k, "="),
    "column_pair_values_a_to_be_greater_than_b": _pair_greater,
    "column_pair_values_A_to_be_greater_than_B": _pair_greater,
    "compound_columns_to_be_unique": _unique_together,
    "multicolumn_sum_to_equal": _sum_is,
}  # fmt: skip
_CONVERT = {f"expect_{name}": converted for name, converted in _NAMED.items()} | {
    "unexpected_rows_expectation": _unexpected_rows
}
