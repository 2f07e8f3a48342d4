"""An A/B test that may be looked at as often as one likes: mixture sequential probability ratios.

For the difference d of two means with estimated variance V (s1^2/n1 + s2^2/n2) and a normal
mixture of width tau over the differences that might be true,

    ratio = sqrt(V / (V + tau^2)) * exp(tau^2 * d^2 / (2 * V * (V + tau^2)))

exceeds 1/alpha at any time, under equal means, with a probability of at most alpha (Robbins,
"Statistical Methods Related to the Law of the Iterated Logarithm", 1970; as used for A/B tests:
Johari, Koomen, Pekelis and Walsh, "Always Valid Inference: Continuous Monitoring of A/B Tests",
Operations Research 70(3), 2022).  The interval is its inverse: all differences that were not
rejected.  With estimated variances this holds for large samples; hence the least number of rows
before anything is concluded, and a variance that is never below what the arms show together
would be with one row more.

Pure: figures in, conclusion out.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from bucle.lifecycle.registry import Array

_LEAST = 2  # rows without which there is no variance


class Arm(msgspec.Struct, frozen=True):
    """The outcomes of one version so far."""

    rows: int
    mean: float
    squares: float  # sum of squared distances from the mean


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How much better a challenger is than the champion, at any time that one looks."""

    estimate: float  # above 0: the challenger is better
    low: float
    high: float
    p_value: float  # of equality, always valid
    conclusion: Literal["better", "no better", "undecided"]


def arm_of(values: Array) -> Arm:
    """Return the figures of an arm."""
    if not len(values):
        return Arm(0, 0.0, 0.0)
    mean = float(np.mean(values))
    return Arm(len(values), mean, float(np.sum((values - mean) ** 2)))


def compare_arms(
    champion: Arm,
    challenger: Arm,
    *,
    alpha: float,
    min_effect: float,
    higher_is_better: bool,
) -> Difference:
    """Hold a challenger against the champion.

    `better`: the whole interval is above 0.  `no better`: it ends below the least effect that
    matters, so that to go on would be of no use, whether or not the challenger is better by less.

    Args:
        champion: its outcomes.
        challenger: its outcomes.
        alpha: how often two equal versions may be told apart, however often one looks.
        min_effect: the least difference that matters; also the width of the mixture.
        higher_is_better: whether more is better.
    """
    sign = 1.0 if higher_is_better else -1.0
    estimate = sign * (challenger.mean - champion.mean)
    if min(champion.rows, challenger.rows) < _LEAST:
        return Difference(
            estimate=estimate, low=-math.inf, high=math.inf, p_value=1.0, conclusion="undecided"
        )
    variance, width = _variance(champion, challenger), min_effect**2
    total = variance + width
    if variance > 0:
        log_ratio = 0.5 * math.log(variance / total) + width * estimate**2 / (2 * variance * total)
        needed = math.log(1 / alpha) + 0.5 * math.log(total / variance)
        reach = math.sqrt(2 * variance * total / width * needed)
    else:  # every outcome was the same one, in both
        log_ratio, reach = 0.0, 0.0
    low, high = estimate - reach, estimate + reach
    conclusion: Literal["better", "no better", "undecided"] = "undecided"
    if high < min_effect:
        conclusion = "no better"
    elif low > 0:
        conclusion = "better"
    return Difference(
        estimate=estimate,
        low=low,
        high=high,
        p_value=min(1.0, math.exp(-log_ratio)) if log_ratio > 0 else 1.0,
        conclusion=conclusion,
    )


def shared_alpha(alpha: float, challengers: int) -> float:
    """Return the part of each of several challengers, so that together they err as rarely."""
    return alpha / max(challengers, 1)


def best_of(found: Sequence[Difference]) -> int | None:
    """Return which challenger has won; None: none has yet, or none can."""
    better = [place for place, one in enumerate(found) if one.conclusion == "better"]
    return max(better, key=lambda place: found[place].estimate, default=None)


def _variance(first: Arm, second: Arm) -> float:
    """Return that of the difference; an arm of equal outcomes is not taken to be without any."""
    rows = first.rows + second.rows
    between = first.rows * second.rows / rows * (first.mean - second.mean) ** 2
    pooled = (first.squares + second.squares + between) / rows
    return sum((arm.squares + pooled) / (arm.rows * arm.rows) for arm in (first, second))
