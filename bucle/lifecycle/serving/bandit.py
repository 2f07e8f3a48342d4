"""Thompson sampling: each version gets traffic by how probable it is that it is the best one.

An outcome in [low, high] counts as that part of a success; the belief in a version's mean is then
a beta distribution (Thompson 1933; Agrawal and Goyal, "Analysis of Thompson Sampling for the
Multi-armed Bandit Problem", 2012, who show that outcomes of a range may be counted so).  Every
version keeps a least share, so that one that was unlucky, or gets better, is still seen.

Pure: figures and a random generator in, shares out.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from bucle.lifecycle.registry import Array

_DRAWS = 4000


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """What is believed of the versions now."""

    best: tuple[float, ...]  # the probability of each to be the best; they sum to 1
    shares: tuple[float, ...]  # of the traffic; they sum to 1


class Tally(msgspec.Struct, frozen=True):
    """What one version achieved: so many of so many rows, in parts of a success."""

    rows: int
    successes: float


def tally_of(values: Array, *, low: float, high: float, higher_is_better: bool) -> Tally:
    """Count outcomes; one outside of the range counts as its nearer end."""
    parts = np.clip((values - low) / (high - low), 0.0, 1.0)
    if not higher_is_better:
        parts = 1.0 - parts
    return Tally(len(values), float(parts.sum()))


def odds_of(tallies: Sequence[Tally], rng: np.random.Generator, *, floor: float) -> Odds:
    """Return how probable it is of each version to be the best, and its share of the traffic."""
    count = len(tallies)
    draws = np.column_stack(
        [
            rng.beta(1.0 + each.successes, 1.0 + each.rows - each.successes, _DRAWS)
            for each in tallies
        ]
    )
    best = np.bincount(draws.argmax(axis=1), minlength=count) / _DRAWS
    least = min(floor, 1.0 / count)
    shares = least + (1.0 - least * count) * best
    return Odds(best=tuple(best.tolist()), shares=tuple((shares / shares.sum()).tolist()))
