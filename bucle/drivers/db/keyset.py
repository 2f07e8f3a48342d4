"""Go on behind a row: pages that neither skip nor double when rows come and go between them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_

# A column, whether it is ordered downwards, and its value in the row after which to go on.
Key = tuple[ColumnElement[Any], bool, Any]


def behind(keys: Sequence[Key]) -> ColumnElement[bool]:
    """Return the condition that a row comes after another one.

    Args:
        keys: the columns by which the rows are ordered, in that order; none of them is ever NULL,
            and all of them together are unique.
    """
    later: ColumnElement[bool] = false()
    for column, descending, value in reversed(keys):
        beyond = column < value if descending else column > value
        later = or_(beyond, and_(column == value, later))
    return later
