"""The target's balance, and which columns know too much of it.  Pure: arrays in, records out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bucle.lifecycle.data.explore.records import Leak, Share, TargetFacts
from bucle.lifecycle.data.explore.sample import SEED, Array, Sample
from bucle.lifecycle.data.records import ColumnProfile

_MOST_CLASSES = 20  # a number of more values is a quantity
_FOLDS = 5
_BINS = 50
_PRIOR = 1.0  # rows that each bin has of the whole sample's mean, so that an empty bin has one
_PURE = 0.99
_FEWEST_PURE = 20  # rows of a bin that is said to decide
_FEWEST_ROWS = 50
_RARE = 0.5  # only a class with less than half of the rows can be decided: the other one is usual


class Goal(NamedTuple):
    """What is to be predicted, of the sample's rows that have it."""

    there: Array  # which rows of the sample
    classes: tuple[str, ...]  # (): a quantity
    values: Array  # the quantity, or the number of the class


def facts_of(profile: ColumnProfile, sample: Sample) -> tuple[TargetFacts, Goal]:
    """Tell a class from a quantity, and count the classes in the whole version."""
    rows = profile.count + profile.nulls
    missing = profile.nulls / rows if rows else 0.0
    goal = goal_of(profile, sample)
    if not goal.classes:
        facts = TargetFacts(column=profile.name, task="regression", missing_share=missing)
        return facts, goal
    counted = list(profile.top) or [
        (label, int(count))
        for label, count in zip(goal.classes, np.bincount(goal.values), strict=True)
    ]
    if profile.kind == "number" and len(profile.counts) == len(profile.edges) + 1:
        counted = [
            (_number(edge), count)
            for edge, count in zip(profile.edges, profile.counts, strict=False)
        ]
    if profile.other:
        counted.append(("…", profile.other))
    whole = sum(count for _, count in counted) or 1
    classes = tuple(
        Share(value=value, rows=count, share=count / whole)
        for value, count in sorted(counted, key=lambda pair: (-pair[1], pair[0]))
        if count
    )
    facts = TargetFacts(
        column=profile.name, task="classification", classes=classes, missing_share=missing
    )
    return facts, goal


def goal_of(profile: ColumnProfile, sample: Sample) -> Goal:
    """Return the target of the rows that have one."""
    name = profile.name
    if name in sample.categories:
        category = sample.categories[name]
        there = category.codes >= 0
        used, values = np.unique(category.codes[there], return_inverse=True)
        return Goal(there, tuple(category.labels[one] for one in used), values)
    array = sample.numbers.get(name)
    if array is None:
        array = sample.times[name]
    there = np.isfinite(array)
    few = np.unique(array[there])
    if len(few) <= _MOST_CLASSES and np.array_equal(few, np.rint(few)):
        return Goal(there, tuple(_number(one) for one in few), np.searchsorted(few, array[there]))
    return Goal(there, (), array[there])


def leaks_of(sample: Sample, goal: Goal, names: Sequence[str], target: str) -> tuple[Leak, ...]:
    """Return how well each column alone predicts the target, the best first."""
    if len(goal.values) < _FEWEST_ROWS or len(np.unique(goal.values)) < 2:  # noqa: PLR2004 - to tell apart
        return ()
    found = [_leak(name, sample, goal, target) for name in names if name != target]
    return tuple(sorted(found, key=lambda leak: (-leak.value, leak.column)))


def _leak(name: str, sample: Sample, goal: Goal, target: str) -> Leak:
    bins = bins_of(sample, name)[goal.there]
    decides, decided = _decided(bins, goal)
    return Leak(
        column=name,
        measure="auc" if goal.classes else "r2",
        value=_round(_score(bins, goal)),
        equal_share=_round(_equal(sample, goal, name, target)),
        decides=_round(decides),
        decided=decided,
    )


def bins_of(sample: Sample, name: str) -> Array:
    """Cut a column into bins, a category into its values; what is missing is a bin of its own."""
    if name in sample.categories:
        codes: Array = sample.categories[name].codes + 1
        return codes
    values = sample.numbers.get(name, sample.times.get(name))
    assert values is not None
    there = np.isfinite(values)
    few = np.unique(values[there])
    if len(few) > _BINS:
        few = np.unique(np.quantile(values[there], np.linspace(0, 1, _BINS + 1)[1:]))
    return np.where(there, np.searchsorted(few, np.where(there, values, 0.0)) + 1, 0)


def _score(bins: Array, goal: Goal) -> float:
    """Return the AUC or R2 of a bin's mean, on rows that it was not taken from."""
    folds = np.random.default_rng(SEED).permutation(len(bins)) % _FOLDS
    if not goal.classes:
        guessed = _means(bins, goal.values, folds)
        rest = float(((goal.values - guessed) ** 2).sum())
        whole = float(((goal.values - goal.values.mean()) ** 2).sum())
        return max(0.0, 1 - rest / whole) if whole else 0.0
    places = range(1, 2) if len(goal.classes) == 2 else range(len(goal.classes))  # noqa: PLR2004 - one says the other
    scores = []
    for place in places:
        is_it = (goal.values == place).astype(np.float64)
        scores.append(_mean_auc(_means(bins, is_it, folds), is_it, folds))
    return float(np.mean(scores))


def _mean_auc(guessed: Array, is_it: Array, folds: Array) -> float:
    """Return the mean of the folds' AUCs: of all folds at once their means would count too."""
    parts = [folds == fold for fold in range(_FOLDS)]
    both = [part for part in parts if 0 < is_it[part].sum() < part.sum()]
    return float(np.mean([auc(guessed[part], is_it[part]) for part in both])) if both else 0.5


def _means(bins: Array, values: Array, folds: Array) -> Array:
    """Return for each row the mean of its bin in the other folds."""
    width = int(bins.max()) + 1
    guessed = np.empty(len(bins))
    for fold in range(_FOLDS):
        fitted = folds != fold
        mean = values[fitted].mean() if fitted.any() else 0.0
        counts = np.bincount(bins[fitted], minlength=width)
        sums = np.bincount(bins[fitted], weights=values[fitted], minlength=width)
        by_bin = (sums + _PRIOR * mean) / (counts + _PRIOR)
        guessed[~fitted] = by_bin[bins[~fitted]]
    return guessed


def auc(guessed: Array, is_it: Array) -> float:
    """Return the chance that a row of the class is guessed higher than another; ties are half."""
    _, place, counts = np.unique(guessed, return_inverse=True, return_counts=True)
    positive = np.bincount(place, weights=is_it)
    ones, whole = float(is_it.sum()), float(len(is_it))
    if ones in {0.0, whole}:
        return 0.5
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((positive @ rank - ones * (ones + 1) / 2) / (ones * (whole - ones)))


def _decided(bins: Array, goal: Goal) -> tuple[float, str]:
    """Return the largest share of a rarer class that lies in bins of nothing else."""
    best, decided = 0.0, ""
    for share, label in _shares_decided(bins, goal):
        if share > best:
            best, decided = share, label
    return best, decided


def _shares_decided(bins: Array, goal: Goal) -> Iterator[tuple[float, str]]:
    counts = np.bincount(bins)
    large = counts >= _FEWEST_PURE
    if not large.any():
        return
    for place, label in enumerate(goal.classes):
        is_it = goal.values == place
        ones = int(is_it.sum())
        if not ones or ones >= _RARE * len(goal.values):
            continue
        inside = np.bincount(bins, weights=is_it, minlength=len(counts))
        pure = large & (inside >= _PURE * counts)
        yield float(inside[pure].sum() / ones), label


def _equal(sample: Sample, goal: Goal, name: str, target: str) -> float:
    """Return the share of rows in which two columns say the same; of classes, the least share.

    A rare class would else be outvoted: nearly every row of two columns of zeros is the same.
    """
    same = _same(sample, name, target)
    if same is None:
        return 0.0
    agree = same[goal.there]
    if not goal.classes:
        return float(agree.mean())
    counts = np.bincount(goal.values, minlength=len(goal.classes))
    inside = np.bincount(goal.values, weights=agree, minlength=len(goal.classes))
    return float((inside[counts > 0] / counts[counts > 0]).min())


def _same(sample: Sample, name: str, target: str) -> Array | None:
    """Return in which rows two columns have the same value; None: they are of two kinds."""
    for columns in (sample.numbers, sample.times):
        if name in columns and target in columns:
            found: Array = columns[name] == columns[target]
            return found
    if name not in sample.categories or target not in sample.categories:
        return None
    one, other = sample.categories[name], sample.categories[target]
    place = {label: number for number, label in enumerate(other.labels)}
    same = np.array([*(place.get(label, -2) for label in one.labels), -2])
    equal: Array = same[one.codes] == other.codes
    return equal


def _number(value: float) -> str:
    return f"{value:g}"


def _round(value: float) -> float:
    return float(f"{float(value):.9g}")
