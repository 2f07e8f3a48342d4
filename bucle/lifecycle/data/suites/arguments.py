"""The arguments of one test of another tool, taken one by one: what is left over is not understood.

A converter takes what it knows; an argument that nobody took, or a value of another kind, means
that the test says more than we would, and so has no counterpart.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any, TypeAlias

from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import Expectation
from bucle.lifecycle.data.sql import literal

Scalar: TypeAlias = str | int | float | bool

_ONLY_PYTHON = re.compile(r"\(\?(?:[=!]|<[=!]|P=|\()|\\[1-9]")
_LONGEST_NAME = 200
_MOST = (1 << 64) - 1


class NoCounterpartError(Exception):
    """Why a test of another tool can not be said here."""


class Arguments:
    """What a test was given."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = dict(given)

    def take(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - any JSON value
        """Return an argument of any kind, and count it as understood."""
        return self._given.pop(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether something is so."""
        found = self.take(name, default)
        if not isinstance(found, bool):
            raise NoCounterpartError(f"{name} is {found!r}")
        return found

    def number(self, name: str, default: float | None = None) -> float | None:
        """Return a number; None: there is none."""
        found = self.take(name, default)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise NoCounterpartError(f"{name} is {found!r}, no number")
        return _measured(name, found)

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        found = self.take(name)
        if not isinstance(found, str):
            raise NoCounterpartError(f"{name} is {found!r}")
        return found

    def limit(self, name: str) -> Scalar | None:
        """Return a number or a text (of a time); None: there is no limit."""
        found = plain(self.take(name))
        if found is not None and (isinstance(found, bool) or not isinstance(found, Scalar)):
            raise NoCounterpartError(f"{name} is {found!r}, neither a number nor a text")
        return _measured(name, found) if isinstance(found, int | float) else found

    def names(self, name: str) -> list[str]:
        """Return the names of columns."""
        found = self.take(name)
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise NoCounterpartError(f"{name} is {found!r}, no list of columns")
        return found

    def values(self, name: str) -> tuple[Scalar, ...]:
        """Return the values of a set, without a missing one: it is in no set and breaks none."""
        found = self.take(name)
        if not isinstance(found, list):
            raise NoCounterpartError(f"{name} is {found!r}, no list of values")
        kept = tuple(plain(each) for each in found if each is not None)
        if not kept or not all(isinstance(each, Scalar) for each in kept):
            raise NoCounterpartError(f"{name} has no values that can be compared")
        for each in kept:
            if isinstance(each, int | float):
                _measured(name, each)
        return kept

    def rest(self) -> list[str]:
        """Return the names of what nobody took and that says something."""
        return [name for name, value in self._given.items() if value not in (None, [], {})]


def _measured(name: str, found: float) -> float:
    if abs(found) <= _MOST if isinstance(found, int) else isfinite(found):
        return found
    raise NoCounterpartError(f"{name} is {found!r:.40}, beyond all numbers that are kept")


def plain(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    """Return a date of YAML as the text that SQL compares times with."""
    return value.isoformat() if isinstance(value, date) else value


def listed(values: Sequence[Scalar]) -> str:
    """Write the values of a set in SQL."""
    return ", ".join(literal(value) for value in values)


def pattern(text: str) -> str:
    """Write a pattern in SQL.

    Raises:
        NoCounterpartError: it looks around, or back: our engine's patterns do not.
    """
    try:
        re.compile(text)
    except re.error as error:
        raise NoCounterpartError(f"{text!r} is no pattern: {error}") from error
    if _ONLY_PYTHON.search(text):
        raise NoCounterpartError(f"the pattern {text!r} looks around or back")
    return literal(text)


def titled(about: str, name: str, given: Mapping[str, Any]) -> str:
    """Name an expectation after what the other tool was told."""
    told = ", ".join(f"{key}={value!r}" for key, value in given.items() if value is not None)
    return f"{about} {name} {told}".strip()[:_LONGEST_NAME]


def of_values(column: str, ok: str, *, mostly: float = 1.0) -> Expectation:
    """Expect something of each value that is there, or of a share of those that are."""
    name = quoted(column)
    if mostly == 1:
        return Expectation(sql=f"{name} IS NULL OR ({ok})")
    if not 0 < mostly < 1:
        raise NoCounterpartError(f"mostly is {mostly:g}")
    return Expectation(
        sql=f"SELECT count(*) FILTER (WHERE {name} IS NOT NULL AND ({ok})) >= "
        f"{mostly!r} * count({name}) FROM dataset"
    )


def between(
    figure: str, low: Scalar | None, high: Scalar | None, *, strict: tuple[bool, bool]
) -> str:
    """Write that a figure lies within limits."""
    parts = list(_limits(figure, low, high, strict))
    if not parts:
        raise NoCounterpartError("it has no limit")
    return " AND ".join(parts)


def _limits(
    figure: str, low: Scalar | None, high: Scalar | None, strict: tuple[bool, bool]
) -> Iterator[str]:
    if low is not None:
        yield f"{figure} {'>' if strict[0] else '>='} {literal(low)}"
    if high is not None:
        yield f"{figure} {'<' if strict[1] else '<='} {literal(high)}"


def in_range(
    column: str, low: Scalar | None, high: Scalar | None, *, strict: tuple[bool, bool],
    mostly: float = 1.0,
) -> Expectation:  # fmt: skip
    """Expect each value within limits: in our own words where those can say it exactly."""
    ok = between(quoted(column), low, high, strict=strict)
    if mostly == 1 and not any(strict) and _is_exact(low) and _is_exact(high):
        return Expectation(column=column, min=low, max=high)
    return of_values(column, ok, mostly=mostly)


def _is_exact(limit: Scalar | None) -> bool:
    """Tell whether a limit is the same after it was kept as a number with a fraction."""
    return not isinstance(limit, int) or float(limit) == limit


def repeated(columns: Sequence[str], present: str = "") -> Expectation:
    """Expect no combination of values twice; a missing value equals another."""
    names = ", ".join(quoted(name) for name in columns)
    where = f" WHERE {present}" if present else ""
    return Expectation(
        sql=f"SELECT count(*) FROM (SELECT {names} FROM dataset{where} GROUP BY {names} "
        "HAVING count(*) > 1)"
    )
