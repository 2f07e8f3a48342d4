"""How far one version's predictions are from another's, on the requests of one window.  Pure."""

from collections import Counter
from typing import Literal

import numpy as np

from bucle.lifecycle.data.distance import psi
from bucle.lifecycle.registry import Array

_BINS = 10


def drift_of(champion: Array, other: Array, measure: Literal["psi", "ks"]) -> float | None:
    """Return a distance between two samples of predictions; None: one of them is empty.

    `psi`: the population stability index over the champion's tenths (or over the classes), less
    what chance alone would give.  `ks`: the greatest gap between the two distributions, in 0..1
    (Kolmogorov-Smirnov; of classes, half the sum of the gaps between their shares).
    """
    if not len(champion) or not len(other):
        return None
    if champion.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        first, second = champion.astype(np.float64), other.astype(np.float64)
        first, second = first[np.isfinite(first)], second[np.isfinite(second)]
        if not len(first) or not len(second):
            return None
        return _psi_of(first, second) if measure == "psi" else _ks_of(first, second)
    counted, beside = Counter(map(str, champion.tolist())), Counter(map(str, other.tolist()))
    names = sorted({*counted, *beside})
    if measure == "psi":
        return psi([counted[name] for name in names], [beside[name] for name in names])
    gaps = (abs(counted[name] / len(champion) - beside[name] / len(other)) for name in names)
    return sum(gaps) / 2


def _psi_of(first: Array, second: Array) -> float:
    edges = np.unique(np.quantile(first, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = (
        np.bincount(np.searchsorted(edges, each, side="right"), minlength=len(edges) + 1).tolist()
        for each in (first, second)
    )
    return psi(*counts)


def _ks_of(first: Array, second: Array) -> float:
    grid = np.sort(np.concatenate([first, second]))
    below = [
        np.searchsorted(np.sort(each), grid, side="right") / len(each) for each in (first, second)
    ]
    return float(np.max(np.abs(below[0] - below[1])))
