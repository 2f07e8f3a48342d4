"""How sensitive a column is, and how anybody knows."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.data.records import Level

LEVELS: tuple[Level, ...] = ("none", "personal", "sensitive", "secret")  # in rising order
How = Literal["declared", "same name", "column", "figure", "sql", "code", "none"]


class ColumnLevel(msgspec.Struct, frozen=True, kw_only=True):
    """How sensitive one column is, and the way that this came, from where it was declared.

    `declared` says so of itself; `same name`, `column`, `figure` and `sql` are derived of known
    columns; `code` is made by code that nobody can look into, so the highest level of all that
    went in holds until something else is declared.
    """

    column: str
    level: Level
    how: How
    path: tuple[str, ...] = ()  # `dataset:customers.email`, ..., the column itself; (): none


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of one thing: a dataset, a split, a feature view, a model or a deployment."""

    ref: Ref
    highest: Level
    columns: tuple[ColumnLevel, ...]

    def of(self, column: str) -> Level:
        """Return the level of a column; of one that is not there, the highest."""
        found = (each.level for each in self.columns if each.column == column)
        return next(found, self.highest)


def highest(levels: Iterable[Level]) -> Level:
    """Return the highest of some levels; of none, `none`."""
    return max(levels, key=LEVELS.index, default="none")


def worst(columns: Iterable[ColumnLevel]) -> ColumnLevel | None:
    """Return the first of the most sensitive columns; None: there is none."""
    return max(columns, key=lambda each: LEVELS.index(each.level), default=None)


def levels_of(ref: Ref, columns: Iterable[ColumnLevel]) -> Levels:
    """Return columns as one thing's."""
    found = tuple(columns)
    return Levels(ref=ref, highest=highest(each.level for each in found), columns=found)
