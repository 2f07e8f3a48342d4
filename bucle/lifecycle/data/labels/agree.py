"""How far labellers agree beyond chance: Cohen's kappa and Krippendorff's alpha.

J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
Measurement 20 (1960), 37-46.  K. Krippendorff, "Computing Krippendorff's alpha-reliability"
(2011): any number of labellers, missing answers, and a distance that fits the scale.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, TypeVar

T = TypeVar("T", bound=Hashable)
Scale = Literal["nominal", "ordinal", "interval"]
_PAIR = 2


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Return Cohen's kappa of two labellers over the items that both answered.

    None where there are no items, or both always say the same one thing: chance is then 1.
    """
    if not pairs:
        return None
    number = len(pairs)
    observed = sum(one == other for one, other in pairs) / number
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(first[value] * second[value] for value in first) / number**2
    return (observed - expected) / (1 - expected) if expected < 1 else None


def alpha(items: Sequence[Sequence[T]], scale: Scale = "nominal") -> float | None:
    """Return Krippendorff's alpha of the answers to each item, whoever gave them.

    Items with one answer or none count for nothing.  None where nothing can be paired or all
    answers are one value.  Ordinal values are ordered as Python orders them; interval ones are
    numbers.
    """
    paired = [list(answers) for answers in items if len(answers) >= _PAIR]
    totals = Counter(value for answers in paired for value in answers)
    number = sum(totals.values())
    if len(totals) < _PAIR:
        return None
    distance = _distances(totals, scale)
    observed = 0.0
    for answers in paired:
        counts = Counter(answers)
        within = sum(
            counts[one] * counts[other] * distance[one, other] for one in counts for other in counts
        )
        observed += within / (len(answers) - 1)
    expected = sum(
        totals[one] * totals[other] * distance[one, other] for one in totals for other in totals
    ) / (number - 1)
    return 1 - observed / expected if expected else None


def alpha_by_class(items: Sequence[Sequence[Hashable]]) -> dict[str, float | None]:
    """Return the alpha of each class against all others together."""
    classes = sorted({str(value) for answers in items for value in answers})
    return {
        name: alpha([[str(value) == name for value in answers] for answers in items])
        for name in classes
    }


def _distances(totals: Mapping[T, int], scale: Scale) -> dict[tuple[T, T], float]:
    """Return the squared distance of any two values."""
    values = list(totals)
    if scale == "nominal":
        return {(one, other): float(one != other) for one in values for other in values}
    if scale == "interval":
        return {
            (one, other): (float(one) - float(other)) ** 2  # type: ignore[arg-type]
            for one in values
            for other in values
        }
    ordered = sorted(values)  # type: ignore[type-var]
    found: dict[tuple[T, T], float] = {}
    for low, one in enumerate(ordered):
        for high in range(low, len(ordered)):
            other = ordered[high]
            between = sum(totals[ordered[place]] for place in range(low, high + 1))
            ranks = between - (totals[one] + totals[other]) / 2
            found[one, other] = found[other, one] = ranks**2 if low != high else 0.0
    return found
