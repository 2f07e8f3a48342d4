"""How columns go together.  Pure: arrays in, numbers between -1 and 1 out.

Pearson's correlation is of the rows that have both values, computed from centred values.
Spearman's is Pearson's of the ranks that each value has in its own column (ties share their
mean rank); where nothing is missing that is the definition.  Cramér's V is corrected for its
bias (Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", 2013).  The correlation
ratio is the root of the share of a number's variance that lies between categories (Fisher).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from bucle.lifecycle.data.explore.records import MissingPattern, Pair
from bucle.lifecycle.data.explore.sample import Array, Coded, Sample, folded

_CATEGORIES = 50  # of a column; rarer values count as one
_FEWEST_ROWS = 10
_SHOWN_PATTERNS = 12
_TINY = 1e-12


def pairs_of(sample: Sample, names: Sequence[str]) -> tuple[Pair, ...]:
    """Return how every two of these columns go together, the strongest first."""
    numbers = [name for name in names if name in sample.numbers]
    categories = {
        name: folded(sample.categories[name], _CATEGORIES)
        for name in names
        if name in sample.categories
    }
    found = [*_of_numbers(sample.numbers, numbers)]
    found += [
        Pair(left=a, right=b, measure="v", value=value, rows=rows)
        for a, b in combinations(categories, 2)
        for value, rows in [cramers_v(categories[a], categories[b])]
        if rows >= _FEWEST_ROWS
    ]
    found += [
        Pair(left=a, right=b, measure="ratio", value=value, rows=rows)
        for a, values in categories.items()
        for b in numbers
        for value, rows in [correlation_ratio(values, sample.numbers[b])]
        if rows >= _FEWEST_ROWS
    ]
    return tuple(sorted(found, key=lambda pair: (-abs(pair.value), pair.left, pair.right)))


def _of_numbers(numbers: Mapping[str, Array], names: Sequence[str]) -> list[Pair]:
    if len(names) < 2:  # noqa: PLR2004 - a pair
        return []
    values = np.column_stack([numbers[name] for name in names])
    ranked = np.column_stack([ranks(numbers[name]) for name in names])
    linear, rows = pearson(values)
    rank, _ = pearson(ranked)
    return [
        Pair(
            left=names[i], right=names[j], measure="rank", rows=int(rows[i, j]),
            value=_round(rank[i, j]), pearson=_round(linear[i, j]),
        )
        for i, j in combinations(range(len(names)), 2)
        if rows[i, j] >= _FEWEST_ROWS and np.isfinite(rank[i, j])
    ]  # fmt: skip


def pearson(values: Array) -> tuple[Array, Array]:
    """Return the correlations of every two columns (NaN is missing), and the rows of each.

    A column that does not vary among a pair's rows has no correlation: NaN.
    """
    there = np.isfinite(values)
    counts = there.sum(axis=0)
    means = np.where(there, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
    centred = np.where(there, values - means, 0.0)
    scale = np.sqrt((centred**2).sum(axis=0) / np.maximum(counts, 1))
    centred = centred / np.where(scale > 0, scale, 1.0)
    mask = there.astype(np.float64)
    rows = mask.T @ mask
    sums = centred.T @ mask  # of the first column, over the pair's rows
    squares = (centred**2).T @ mask
    products = centred.T @ centred
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - sums * sums.T / rows
        variance = squares - sums**2 / rows
        variance = np.where(variance > _TINY * rows, variance, np.nan)
        found = covariance / np.sqrt(variance * variance.T)
    return np.clip(found, -1.0, 1.0), rows


def ranks(values: Array) -> Array:
    """Return each value's rank in its column, ties their mean; a missing one stays missing."""
    found = np.full(len(values), np.nan)
    there = np.isfinite(values)
    if there.any():
        _, place, counts = np.unique(values[there], return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        found[there] = (ends - (counts - 1) / 2)[place]
    return found


def cramers_v(one: Coded, other: Coded) -> tuple[float, int]:
    """Return Cramér's V without its bias, and the rows that have both values."""
    both = (one.codes >= 0) & (other.codes >= 0)
    rows = int(both.sum())
    if rows < 2:  # noqa: PLR2004 - nothing goes together in one row
        return 0.0, rows
    width = len(other.labels)
    cells = np.bincount(
        one.codes[both] * width + other.codes[both], minlength=len(one.labels) * width
    ).reshape(len(one.labels), width)
    cells = cells[cells.sum(axis=1) > 0][:, cells.sum(axis=0) > 0].astype(np.float64)
    r, k = cells.shape
    expected = np.outer(cells.sum(axis=1), cells.sum(axis=0)) / rows
    phi2 = float(((cells - expected) ** 2 / expected).sum()) / rows
    phi2 = max(0.0, phi2 - (k - 1) * (r - 1) / (rows - 1))
    least = min(k - (k - 1) ** 2 / (rows - 1), r - (r - 1) ** 2 / (rows - 1)) - 1
    return (_round(np.sqrt(min(phi2 / least, 1.0))) if least > 0 else 0.0), rows


def correlation_ratio(category: Coded, values: Array) -> tuple[float, int]:
    """Return how much of a number's variance lies between categories (its root), and the rows."""
    both = (category.codes >= 0) & np.isfinite(values)
    rows = int(both.sum())
    if rows < 2:  # noqa: PLR2004 - as above
        return 0.0, rows
    codes, centred = category.codes[both], values[both] - values[both].mean()
    counts = np.bincount(codes, minlength=len(category.labels))
    sums = np.bincount(codes, weights=centred, minlength=len(category.labels))
    used = counts > 0
    between = float((sums[used] ** 2 / counts[used]).sum())
    whole = float((centred**2).sum())
    return (_round(np.sqrt(min(between / whole, 1.0))) if whole > 0 else 0.0), rows


def missing_patterns(sample: Sample) -> tuple[MissingPattern, ...]:
    """Return which columns are missing together, the most frequent first."""
    missing = {
        name: ~np.isfinite(array) for name, array in {**sample.numbers, **sample.times}.items()
    }
    missing |= {name: each.codes < 0 for name, each in sample.categories.items()}
    names = sorted(name for name, array in missing.items() if array.any())
    if not names or not sample.rows:
        return ()
    packed = np.packbits(np.column_stack([missing[name] for name in names]), axis=1)
    patterns, counts = np.unique(packed, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_SHOWN_PATTERNS]
    bits = np.unpackbits(patterns[order], axis=1)[:, : len(names)].astype(bool)
    return tuple(
        MissingPattern(
            columns=tuple(name for name, bit in zip(names, row, strict=True) if bit),
            share=_round(count / sample.rows),
        )
        for row, count in zip(bits, counts[order], strict=True)
    )


def _round(value: float) -> float:
    """Keep the digits that do not depend on the machine's way to add up."""
    return float(f"{float(value):.9g}")
