"""What is known of rows without reading them again: their files' footers, and a look when written.

It proves that expectations hold, never that one does not: whoever can not be proven is asked of
the rows, so that the verdict is the same and only its price differs.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.lifecycle.data.records import ColumnStats, DataFile, Expectation

_FIRST = 64  # rows, after which most columns have shown that they do not rise


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of the rows of one file while they were in memory."""

    without_nan: frozenset[str]  # fractions, none of which is a NaN
    rising: Mapping[str, tuple[Any, Any]]  # each greater than the one before: the first, the last


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """The files that a commit wrote, by their digests, and their columns."""

    schema: pa.Schema
    seen: Mapping[str, Seen]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the rows of some files together."""

    schema: pa.Schema
    rows: int
    nulls: Mapping[str, int] = {}
    limits: Mapping[str, tuple[float, float]] = {}  # least, greatest; a NaN is not counted
    without_nan: frozenset[str] = frozenset()
    rising: frozenset[str] = frozenset()

    def figure(self, claim: Expectation | None, key: Sequence[str]) -> float | None:
        """Return how many rows break a claim, or are there; None: nothing known says it."""
        if claim and (claim.min_rows is not None or claim.max_rows is not None):
            return float(self.rows)
        return 0.0 if self._proves(claim, key) else None

    def _proves(self, claim: Expectation | None, key: Sequence[str]) -> bool:
        """Tell whether no row can break a claim: of a value, a limit, or being unique."""
        # One column without two equal values is enough; nulls have no place in a rising one.
        if any(name in self.rising for name in key):
            return True
        if claim is None or claim.column not in self.nulls:
            return False
        name, type_ = claim.column, self.schema.field(claim.column).type
        if pa.types.is_floating(type_) and name not in self.without_nan:
            return False
        if claim.not_null:
            return not self.nulls[name]
        if claim.unique:
            return name in self.rising
        return _is_number(type_) and self._within(name, claim)

    def _within(self, name: str, claim: Expectation) -> bool:
        if name not in self.limits:
            return False
        least, greatest = self.limits[name]
        return (isinstance(claim.min, int | float) and least >= claim.min) or (
            isinstance(claim.max, int | float) and greatest <= claim.max
        )


def look(rows: pa.Table) -> Seen:
    """Look at rows in one piece for what their file's footer will not say."""
    without_nan, rising = set(), {}
    for field in rows.schema:
        column = rows.column(field.name)
        if column.num_chunks != 1:
            continue
        values = column.chunk(0)
        if pa.types.is_floating(field.type):
            if not pc.any(pc.is_nan(values)).as_py():
                without_nan.add(field.name)
        elif not column.null_count and (ends := _rising(values)):
            rising[field.name] = ends
    return Seen(without_nan=frozenset(without_nan), rising=rising)


def known_of(brought: Brought | None, files: Sequence[DataFile]) -> Known | None:
    """Return what is known of files in this order; None: nobody looked at one of them."""
    if brought is None or not files or any(file.digest not in brought.seen for file in files):
        return None
    seen = [brought.seen[file.digest] for file in files]
    stats = [{each.name: each for each in file.stats} for file in files]
    names = [name for name in brought.schema.names if all(name in each for each in stats)]
    said = {name: [each[name] for each in stats] for name in names}
    return Known(
        schema=brought.schema,
        rows=sum(file.rows for file in files),
        nulls={name: sum(each.nulls for each in of) for name, of in said.items()},
        limits={name: limits for name, of in said.items() if (limits := _limits(of))},
        without_nan=frozenset.intersection(*(each.without_nan for each in seen)),
        rising=frozenset(name for name in seen[0].rising if _rises(name, seen)),
    )


def _rises(name: str, seen: Sequence[Seen]) -> bool:
    """Tell whether a column goes on rising from each file to the next."""
    ends = [each.rising.get(name) for each in seen]
    return None not in ends and all(a[1] < b[0] for a, b in pairwise(ends) if a and b)


def _limits(of: Sequence[ColumnStats]) -> tuple[float, float] | None:
    """Return the least and the greatest number of several files; None: one does not say."""
    least = [each.minimum for each in of if isinstance(each.minimum, int | float)]
    greatest = [each.maximum for each in of if isinstance(each.maximum, int | float)]
    if len(least) < len(of) or len(greatest) < len(of):
        return None
    return min(least), max(greatest)


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _rising(values: pa.Array) -> tuple[Any, Any] | None:
    """Return the ends of values each of which is greater than the one before; None: they are not.

    Times are given as their numbers, which compare as the times do.
    """
    if pa.types.is_string(values.type):
        short, whole = values.slice(0, _FIRST), values
        if not _texts_rise(short) or not _texts_rise(whole):
            return None
        return whole[0].as_py(), whole[-1].as_py()
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    if not pa.types.is_integer(values.type):
        return None
    numbers = values.to_numpy()
    if not _numbers_rise(numbers[:_FIRST]) or not _numbers_rise(numbers):
        return None
    return int(numbers[0]), int(numbers[-1])


def _numbers_rise(numbers: np.ndarray) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())


def _texts_rise(texts: pa.Array) -> bool:
    if len(texts) < 2:  # noqa: PLR2004 - one text rises
        return True
    return bool(pc.all(pc.less(texts.slice(0, len(texts) - 1), texts.slice(1))).as_py())
