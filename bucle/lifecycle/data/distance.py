"""Distances between two windows counted in the same bins.  Pure: counts in, numbers out.

Every bin of both windows gets half a row more than was counted (the Jeffreys prior of a
multinomial), so that an empty bin has a finite distance.  Two samples of one distribution
differ by chance; that part is taken off: for PSI its mean is (bins - 1) * (1/n + 1/m)
(Yurdakul, "Statistical Properties of Population Stability Index", 2018), and for the
Jensen-Shannon divergence, which is an eighth of PSI for near windows, an eighth of that.
"""

import math
from collections.abc import Sequence

_PRIOR = 0.5


def psi(reference: Sequence[int], window: Sequence[int]) -> float:
    """Return the population stability index: sum of (w - r) * ln(w / r) over the bins, in nats."""
    first, second = shares(reference), shares(window)
    found = sum((w - r) * math.log(w / r) for r, w in zip(first, second, strict=True))
    return max(0.0, found - _chance(reference, window))


def js(reference: Sequence[int], window: Sequence[int]) -> float:
    """Return the Jensen-Shannon divergence in bits: from 0 (same) to 1 (nothing in common)."""
    first, second = shares(reference), shares(window)
    found = 0.0
    for r, w in zip(first, second, strict=True):
        middle = (r + w) / 2
        found += (r * math.log2(r / middle) + w * math.log2(w / middle)) / 2
    return max(0.0, found - _chance(reference, window) / 8 / math.log(2))


def shares(counts: Sequence[int]) -> list[float]:
    """Return each bin's share of the rows, with half a row added to each."""
    whole = sum(counts) + _PRIOR * len(counts)
    return [(count + _PRIOR) / whole for count in counts]


def _chance(reference: Sequence[int], window: Sequence[int]) -> float:
    """Return the PSI that two samples of these sizes have on average by chance alone."""
    used = sum(1 for r, w in zip(reference, window, strict=True) if r or w)
    n, m = sum(reference), sum(window)
    return (used - 1) * (1 / n + 1 / m) if n and m and used > 1 else 0.0
