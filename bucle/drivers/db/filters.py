"""Conditions of a search as SQL expressions; every key and every value is a bound parameter.

A room describes where each field lies, as a `Column` of the searched table or as a `Beside`: a
table with one row per name and owner.  Nothing of a search string ever becomes SQL text.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    not_,
    or_,
    select,
)

from bucle.base.filters import PRESENT, Condition, Operator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 2, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_FIRST_MS = (_FIRST - _EPOCH) / timedelta(milliseconds=1)
_LAST_MS = (_LAST - _EPOCH) / timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Values that lie in a table beside the searched one.

    A condition holds if any row of the owner fulfils it; `IS NULL` if the owner has no such row.
    """

    owner: ColumnElement[Any]  # of the searched table: what the rows beside belong to
    of: ColumnElement[Any]  # of the table beside: the owner's id
    value: ColumnElement[Any]
    where: Sequence[ColumnElement[bool]]  # which rows: the project's, those of that name
    short: tuple[ColumnElement[Any], int] | None = (
        None  # the first letters, where an index has them
    )
    null_differs: bool = False  # whether NULL is a value that is not equal to any other


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A column of datetimes that is asked for in milliseconds since 1970 (UTC)."""

    column: ColumnElement[Any]


Lies = ColumnElement[Any] | Beside | Moment
# Tells, for the key of a condition, where its value lies.
Place = Callable[[str], Lies]


def compile_filter(
    conditions: Sequence[Condition], places: Mapping[str, Place], dialect: str
) -> list[ColumnElement[bool]]:
    """Return what has to hold for a row of the searched table, all of it together."""
    return [_compiled(one, places[one.group](one.key), dialect) for one in conditions]


def owners(condition: Condition, place: Beside, dialect: str) -> Select[Any]:
    """Return the owners that have a row which fulfils a condition, one by one."""
    rows = select(place.of).where(*place.where)
    if condition.operator in PRESENT:
        return rows
    holds = compare(place.value, condition.operator, condition.value, dialect)
    if place.short:
        holds = _by_short(condition, holds, place.short, dialect)
    if place.null_differs and condition.operator == "!=":
        holds = or_(holds, place.value.is_(None))
    return rows.where(holds)


def _by_short(
    condition: Condition,
    holds: ColumnElement[bool],
    short: tuple[ColumnElement[Any], int],
    dialect: str,
) -> ColumnElement[bool]:
    """Compare by the letters that an index has, and by the whole text where they are not all."""
    column, letters = short
    if condition.operator == "=":
        text = str(condition.value)
        has_all = len(text) < letters
        return column == text if has_all else and_(column == text[:letters], holds)
    if dialect != "sqlite":
        return holds
    # A text that has fewer bytes than letters are kept lies in the index whole; SQLite fetches
    # the row of a longer one only.
    is_whole = func.length(cast(column, LargeBinary)) < letters
    by_short = compare(column, condition.operator, condition.value, dialect)
    by_either = case((is_whole, by_short), else_=holds)
    if condition.operator != "LIKE":
        return by_either
    start = re.split("[%_]", str(condition.value), maxsplit=1)[0][:letters]
    return and_(_like(column, f"{start}%", dialect), by_either) if start else by_either


def _compiled(condition: Condition, place: Lies, dialect: str) -> ColumnElement[bool]:
    if isinstance(place, Moment):
        return _at(place.column, condition.operator, condition.value)
    if not isinstance(place, Beside):
        return compare(place, condition.operator, condition.value, dialect)
    # Row by row: who wants the owners first takes them by `owners`.
    found = owners(condition, place, dialect).where(place.of == place.owner).exists()
    return not_(found) if condition.operator == "IS NULL" else found


def compare(
    column: ColumnElement[Any],
    operator: Operator,
    value: Any,  # noqa: ANN401 - of the column's own type
    dialect: str,
) -> ColumnElement[bool]:
    """Compare a column with a value; LIKE minds the case on both databases, ILIKE does not."""
    if operator == "LIKE":
        return _like(column, str(value), dialect)
    if operator == "ILIKE":
        # Without an escape sign on either, so that a backslash means itself.
        return func.lower(column).like(func.lower(str(value)), escape=_no_escape(dialect))
    if operator == "RLIKE":
        return column.regexp_match(str(value))
    test: dict[Operator, Callable[[], ColumnElement[bool]]] = {
        "=": lambda: column == value,
        "!=": lambda: column != value,
        "<": lambda: column < value,
        "<=": lambda: column <= value,
        ">": lambda: column > value,
        ">=": lambda: column >= value,
        "IN": lambda: column.in_(value),
        "NOT IN": lambda: column.not_in(value),
        "IS NULL": lambda: column.is_(None),
        "IS NOT NULL": lambda: column.is_not(None),
    }
    return test[operator]()


def _like(column: ColumnElement[Any], pattern: str, dialect: str) -> ColumnElement[bool]:
    if dialect != "sqlite":
        return column.like(pattern, escape=_no_escape(dialect))
    # SQLite's LIKE takes A for a, its GLOB does not: the same pattern in GLOB's signs.
    signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return column.op("GLOB")("".join(signs.get(sign, sign) for sign in pattern))


def _at(column: ColumnElement[Any], operator: Operator, value: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a number
    """Compare whole milliseconds: a moment counts as the last one that it has reached."""
    exact = float(value).is_integer() if math.isfinite(value) else False
    this = _moment(math.floor(value) if math.isfinite(value) else value)
    next_ = _moment(math.floor(value) + 1 if math.isfinite(value) else value)
    from_, to = (this, next_) if exact else (next_, next_)
    if operator in {"=", "!="}:
        is_it = and_(column >= this, column < next_) if exact else false()
        return is_it if operator == "=" else and_(column.is_not(None), not_(is_it))
    test: dict[Operator, ColumnElement[bool]] = {
        "<": column < from_,
        "<=": column < to,
        ">": column >= to,
        ">=": column >= from_,
    }
    return test[operator]


def _moment(milliseconds: float) -> datetime:
    """Return a moment, the nearest that a database can hold."""
    if milliseconds <= _FIRST_MS:
        return _FIRST
    if milliseconds >= _LAST_MS:
        return _LAST
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _no_escape(dialect: str) -> str | None:
    return None if dialect == "sqlite" else ""
