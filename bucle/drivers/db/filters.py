"""Conditions of a search as SQL expressions; every key and every value is a bound parameter.

A room describes where each field lies, as a `Column` of the searched table or as a `Beside`: a
table with one row per name and owner.  Nothing of a search string ever becomes SQL text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from bucle.base.filters import Condition, Operator


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Values that lie in a table beside the searched one.

    A condition holds if any row of the owner fulfils it; `IS NULL` if the owner has no such row.
    """

    owner: ColumnElement[Any]  # of the searched table: what the rows beside belong to
    of: ColumnElement[Any]  # of the table beside: the owner's id
    value: ColumnElement[Any]
    where: Sequence[ColumnElement[bool]]  # which rows: the project's, those of that name


# Tells, for the key of a condition, where its value lies.
Place = Callable[[str], ColumnElement[Any] | Beside]


def compile_filter(
    conditions: Sequence[Condition], places: Mapping[str, Place], dialect: str
) -> list[ColumnElement[bool]]:
    """Return what has to hold for a row of the searched table, all of it together."""
    return [_compiled(one, places[one.group](one.key), dialect) for one in conditions]


def _compiled(
    condition: Condition, place: ColumnElement[Any] | Beside, dialect: str
) -> ColumnElement[bool]:
    operator, value = condition.operator, condition.value
    if not isinstance(place, Beside):
        return compare(place, operator, value, dialect)
    rows = select(place.of).where(*place.where)
    if operator == "IS NULL":
        return place.owner.not_in(rows)
    if operator == "IS NOT NULL":
        return place.owner.in_(rows)
    return place.owner.in_(rows.where(compare(place.value, operator, value, dialect)))


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


def _no_escape(dialect: str) -> str | None:
    return None if dialect == "sqlite" else ""
