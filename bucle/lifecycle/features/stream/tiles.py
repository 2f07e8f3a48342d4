"""Partial aggregates and how they merge: pure arithmetic on arrays, no store and no view.

An aggregate of one column is eight words of eight bytes (`COUNT` ... `LAST`).  Means and sums of
squared deviations are merged by Chan's formulas, so that no large number is ever subtracted from
another one: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm
for computing sample variances" (1979).
"""

from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

COUNT, SUM, MEAN, SQUARES, MIN, MAX, LAST_AT, LAST = range(8)
WORDS = 8  # of an aggregate
ROWS, CHUNKS = 0, 1  # the first words of a tile; its columns' aggregates follow
TILE_WORDS = 2
TIME, PRESENT = 0, 1  # the first words of an event; its columns' values follow
EVENT_WORDS = 2

# Infinite values have no deviation: their words say so, and nobody needs to be warned.
_quiet = np.errstate(invalid="ignore", over="ignore")

Words: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]


class Cover(msgspec.Struct, frozen=True):
    """What a stretch of time is made of: whole tiles, and stretches to be read event by event."""

    tiles: tuple[tuple[int, int, int], ...]  # level, first and last tile
    rest: tuple[tuple[int, int], ...]  # first and last microsecond


def cover(low: int, high: int, hops: tuple[int, ...]) -> Cover:
    """Cover `low <= time <= high` by the longest tiles that fit in."""
    tiles: list[tuple[int, int, int]] = []
    rest: list[tuple[int, int]] = []
    open_: list[tuple[int, int, int]] = [(len(hops) - 1, low, high)]
    while open_:
        level, start, end = open_.pop()
        if start > end:
            continue
        if level < 0:
            rest.append((start, end))
            continue
        hop = hops[level]
        first, last = -(-start // hop), (end + 1) // hop - 1
        if first > last:
            open_.append((level - 1, start, end))
            continue
        tiles.append((level, first, last))
        open_.append((level - 1, start, first * hop - 1))
        open_.append((level - 1, (last + 1) * hop, end))
    return Cover(tuple(tiles), tuple(rest))


@_quiet
def summed(groups: Words, number: int, times: Words, values: Words, kind: str) -> Words:
    """Aggregate values per group; `groups` ascends, and within a group `times` does.

    Returns `number` aggregates; groups without a value have a count of 0.
    """
    made = np.zeros((number, WORDS), np.int64)
    if not len(groups):
        return made
    floats = made.view(np.float64)
    starts, lengths = _runs(groups)
    there = groups[starts]
    ends = starts + lengths - 1
    made[there, COUNT] = lengths
    made[there, LAST_AT] = times[ends]
    made[there, LAST] = values[ends]
    if kind in {"other", "text"}:
        return made
    if is_fraction(kind):
        fractions = values.view(np.float64)
        floats[there, SUM] = np.add.reduceat(fractions, starts)
        floats[there, MIN] = np.fmin.reduceat(fractions, starts)
        floats[there, MAX] = np.maximum.reduceat(fractions, starts)
    else:
        fractions = values.astype(np.float64)
        made[there, SUM] = np.add.reduceat(values, starts)
        made[there, MIN] = np.minimum.reduceat(values, starts)
        made[there, MAX] = np.maximum.reduceat(values, starts)
    begins = fractions[starts]
    apart = fractions - np.repeat(begins, lengths)
    means = begins + np.add.reduceat(apart, starts) / lengths
    floats[there, MEAN] = means
    apart = fractions - np.repeat(means, lengths)
    floats[there, SQUARES] = np.add.reduceat(apart * apart, starts)
    return made


@_quiet
def merged(old: Words, new: Words, kind: str) -> Words:
    """Merge aggregates pairwise; of equal times, the new one's value is the last."""
    made = np.empty_like(old)
    floats, olds, news = made.view(np.float64), old.view(np.float64), new.view(np.float64)
    counts = old[:, COUNT] + new[:, COUNT]
    share = new[:, COUNT] / np.maximum(counts, 1)
    apart = news[:, MEAN] - olds[:, MEAN]
    made[:, COUNT] = counts
    floats[:, MEAN] = olds[:, MEAN] + apart * share
    floats[:, SQUARES] = olds[:, SQUARES] + news[:, SQUARES] + apart * apart * share * old[:, COUNT]
    if is_fraction(kind):
        floats[:, SUM] = olds[:, SUM] + news[:, SUM]
        floats[:, MIN] = np.fmin(olds[:, MIN], news[:, MIN])
        floats[:, MAX] = np.maximum(olds[:, MAX], news[:, MAX])
    else:
        made[:, SUM] = old[:, SUM] + new[:, SUM]
        made[:, MIN] = np.minimum(old[:, MIN], new[:, MIN])
        made[:, MAX] = np.maximum(old[:, MAX], new[:, MAX])
    later = new[:, LAST_AT] >= old[:, LAST_AT]
    made[:, LAST_AT] = np.where(later, new[:, LAST_AT], old[:, LAST_AT])
    made[:, LAST] = np.where(later, new[:, LAST], old[:, LAST])
    # An aggregate of nothing has no minimum and no last value: the other one is the answer.
    for empty, other in ((old, new), (new, old)):
        nothing = empty[:, COUNT] == 0
        made[nothing] = other[nothing]
    return made


@_quiet
def merged_runs(groups: Words, number: int, parts: Words, kind: str) -> Words:
    """Merge all aggregates of each group at once; their times do not overlap."""
    made = np.zeros((number, WORDS), np.int64)
    present = parts[:, COUNT] > 0
    groups, parts = groups[present], parts[present]
    if not len(groups):
        return made
    order = np.lexsort((parts[:, LAST_AT], groups))
    groups, parts = groups[order], np.ascontiguousarray(parts[order])
    starts, lengths = _runs(groups)
    there, ends = groups[starts], starts + lengths - 1
    floats, fractions = made.view(np.float64), parts.view(np.float64)
    counts = np.add.reduceat(parts[:, COUNT], starts)
    made[there, COUNT] = counts
    made[there, LAST_AT] = parts[ends, LAST_AT]
    made[there, LAST] = parts[ends, LAST]
    begins = fractions[starts, MEAN]
    apart = parts[:, COUNT] * (fractions[:, MEAN] - np.repeat(begins, lengths))
    means = begins + np.add.reduceat(apart, starts) / counts
    floats[there, MEAN] = means
    apart = fractions[:, MEAN] - np.repeat(means, lengths)
    between = np.add.reduceat(parts[:, COUNT] * apart * apart, starts)
    floats[there, SQUARES] = np.add.reduceat(fractions[:, SQUARES], starts) + between
    if is_fraction(kind):
        floats[there, SUM] = np.add.reduceat(fractions[:, SUM], starts)
        floats[there, MIN] = np.fmin.reduceat(fractions[:, MIN], starts)
        floats[there, MAX] = np.maximum.reduceat(fractions[:, MAX], starts)
    else:
        made[there, SUM] = np.add.reduceat(parts[:, SUM], starts)
        made[there, MIN] = np.minimum.reduceat(parts[:, MIN], starts)
        made[there, MAX] = np.maximum.reduceat(parts[:, MAX], starts)
    return made


def is_fraction(kind: str) -> bool:
    """Whether values of a kind are written as fractions, not as whole numbers."""
    return kind in {"fraction", "decimal"}


def aggregate_of(tiles: Words, column: int) -> Words:
    """Return one column's aggregates of tiles."""
    start = TILE_WORDS + WORDS * column
    return np.ascontiguousarray(tiles[:, start : start + WORDS])


def _runs(groups: Words) -> tuple[Words, Words]:
    """Return where each run of equal numbers starts, and how long it is."""
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    return starts, np.diff(starts, append=len(groups))
