"""Refuse an expectation that can not be judged, when it is declared."""

import re

from bucle.base.code import Code
from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.lifecycle.data.by_python import check_code
from bucle.lifecycle.data.records import Expectation
from bucle.lifecycle.data.refer import referenced

_OF_A_COLUMN = (
    "type", "not_null", "min", "max", "among", "regex", "unique", "fresh_within", "references",
    "like",
)  # fmt: skip
_OF_THE_TABLE = ("sql", "min_rows", "max_rows", "python")
# What no row by itself can break: there is nothing to set apart.
_OF_NO_ROW = ("type", "fresh_within", "like", "min_rows", "max_rows")


def check_expectation(expectation: Expectation) -> None:
    """Refuse an expectation that can not be judged.

    Raises:
        Invalid: it expects nothing, lacks its column, or has a limit of no sense.
    """
    empty = Expectation()
    of_column = [name for name in _OF_A_COLUMN if _given(expectation, name, empty)]
    of_table = [name for name in _OF_THE_TABLE if _given(expectation, name, empty)]
    about = expectation.name or expectation.column or "an expectation"
    if not of_column and not of_table:
        raise Invalid(
            f"{about!r} expects nothing",
            hint=f"give one of {', '.join((*_OF_A_COLUMN, *_OF_THE_TABLE))}",
        )
    if of_column and not expectation.column:
        raise Invalid(f"the expectation {of_column[0]!r} names no column", hint="add column: ...")
    if not 0 <= expectation.tolerance < 1:
        raise Invalid(
            f"{about!r} tolerates a share of {expectation.tolerance:g} of bad rows",
            hint="write a share from 0 to less than 1, such as 0.01",
        )
    if expectation.python:
        _check_python(expectation, expectation.python, about)
    if expectation.references:
        referenced(expectation.references)
    if expectation.action == "quarantine":
        _require_rows(expectation, about, of_column + of_table)
    if expectation.fresh_within:
        parse_duration(expectation.fresh_within)
    if expectation.regex:
        _check_pattern(expectation.regex, about)


def _check_pattern(regex: str, about: str) -> None:
    try:
        re.compile(regex)
    except re.error as error:
        raise Invalid(f"{about!r}: {regex!r} is no pattern: {error}") from error


def _check_python(expectation: Expectation, code: Code, about: str) -> None:
    check_code(code, about)
    if expectation.python_of == "table" and expectation.tolerance:
        raise Invalid(
            f"{about!r} tolerates some bad rows, but its Python answers once for the table",
            hint="leave the tolerance out, or answer for each row",
        )


def _require_rows(expectation: Expectation, about: str, given: list[str]) -> None:
    wrong = [name for name in given if name in _OF_NO_ROW]
    if expectation.sql.lower().split(maxsplit=1)[:1] in (["select"], ["with"]):
        wrong.append("sql of the whole table")
    if expectation.python and expectation.python_of == "table":
        wrong.append("python of the whole table")
    if wrong:
        raise Invalid(
            f"{about!r} is to set rows apart, but {wrong[0]} is of the table and of no row",
            hint="write action: fail or warn, or put it into an expectation of its own",
        )


def _given(expectation: Expectation, name: str, empty: Expectation) -> bool:
    return bool(getattr(expectation, name) != getattr(empty, name))
