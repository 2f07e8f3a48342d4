"""Compare features value by value.

Whole numbers, texts and times are equal or not; fractions may differ in their last digits.
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from bucle.lifecycle.features.online import Row
from bucle.lifecycle.features.records import FeatureParity

_NUMBERS = (int, float, Decimal)


def compare(
    features: Sequence[str],
    wanted: Sequence[Row],
    found: Sequence[Row],
    tolerance: float,
    say: Callable[[int], str],
) -> tuple[FeatureParity, ...]:
    """Return how each feature of `found` differs from `wanted`, row by row.

    `say` names a row in an example.
    """
    if len(wanted) != len(found):
        raise AssertionError(f"{len(found)} rows beside {len(wanted)}")
    return tuple(
        _compared(name, [row[name] for row in wanted], [row[name] for row in found], tolerance, say)
        for name in features
    )


def gap(one: Any, other: Any) -> float | None:  # noqa: ANN401 - values of features
    """Return by how much two values differ, relative to the larger one and at least to 1.

    0.0: they are the same.  None: they are not, and can not be subtracted.
    """
    if one is None or other is None:
        return 0.0 if one is other else None
    if isinstance(one, list) and isinstance(other, list):
        return _gap_of_lists(one, other)
    if not isinstance(one, _NUMBERS) or not isinstance(other, _NUMBERS):
        return 0.0 if one == other else None
    if one == other:
        return 0.0
    if isinstance(one, float) or isinstance(other, float):
        one, other = float(one), float(other)
        if not (math.isfinite(one) and math.isfinite(other)):
            return 0.0 if math.isnan(one) and math.isnan(other) else None
    return float(abs(one - other) / max(1, abs(one), abs(other)))


def _gap_of_lists(one: Sequence[Any], other: Sequence[Any]) -> float | None:
    """Compare lists of values and their counts; what differs can not be subtracted."""
    if len(one) != len(other):
        return None
    same = all(
        first.keys() == second.keys() and all(gap(first[n], second[n]) == 0.0 for n in first)
        if isinstance(first, dict) and isinstance(second, dict)
        else gap(first, second) == 0.0
        for first, second in zip(one, other, strict=True)
    )
    return 0.0 if same else None


def _compared(
    name: str,
    wanted: Sequence[Any],
    found: Sequence[Any],
    tolerance: float,
    say: Callable[[int], str],
) -> FeatureParity:
    worst: float | None = None
    place, lacks, different = -1, False, 0
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        between = gap(one, other)
        if between is None:
            different += 1
            if not lacks:
                place, lacks = number, True
            continue
        is_exact = not (isinstance(one, float) or isinstance(other, float))
        is_different = between > (0.0 if is_exact else tolerance)
        different += is_different
        if is_different and not lacks and between >= (worst or 0.0):
            place = number
        worst = max(worst or 0.0, between)
    example = ""
    if place >= 0:
        example = f"{say(place)}: {wanted[place]!r} offline, {found[place]!r} here"
    return FeatureParity(feature=name, different=different, worst=worst, example=example)
