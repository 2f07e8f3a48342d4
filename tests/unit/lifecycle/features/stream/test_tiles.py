import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.lifecycle.features.stream.tiles import (
    COUNT,
    LAST,
    LAST_AT,
    MAX,
    MEAN,
    MIN,
    SQUARES,
    SUM,
    Words,
    cover,
    merged,
    merged_runs,
    summed,
)

FRACTIONS = st.floats(-1e6, 1e6, allow_nan=False)


def aggregate(values: Sequence[float], first: int = 0) -> Words:
    """Return the aggregate of values that came one microsecond after the other."""
    times = np.arange(first, first + len(values))
    words = np.array(values, np.float64).view(np.int64)
    return summed(np.zeros(len(values), np.int64), 1, times, words, "fraction")


def std_of(words: Words) -> float:
    return math.sqrt(words.view(np.float64)[0, SQUARES] / (words[0, COUNT] - 1))


def assert_aggregates(words: Words, values: Sequence[float]) -> None:
    floats = words.view(np.float64)[0]
    assert words[0, COUNT] == len(values)
    if not values:
        return
    assert floats[MIN] == min(values)
    assert floats[MAX] == max(values)
    assert floats[LAST] == values[-1]
    assert words[0, LAST_AT] == len(values) - 1
    assert math.isclose(floats[MEAN], statistics.fmean(values), rel_tol=1e-12, abs_tol=1e-9)
    assert math.isclose(floats[SUM], math.fsum(values), rel_tol=1e-12, abs_tol=1e-7)
    if len(values) > 1:
        assert math.isclose(std_of(words), statistics.stdev(values), rel_tol=1e-9, abs_tol=1e-8)


@given(st.lists(FRACTIONS, max_size=30), st.integers(0, 30))
def test_two_parts_merge_to_the_whole(values: list[float], cut: int) -> None:
    parts = aggregate(values[:cut]), aggregate(values[cut:], len(values[:cut]))
    assert_aggregates(merged(*parts, "fraction"), values)


@given(st.lists(st.lists(FRACTIONS, max_size=5), max_size=8))
def test_many_parts_merge_at_once_to_the_whole(parts: list[list[float]]) -> None:
    made, first = [np.zeros((0, 8), np.int64)], 0
    for part in parts:
        made.append(aggregate(part, first))
        first += len(part)
    words = np.concatenate(made)
    whole = merged_runs(np.zeros(len(words), np.int64), 1, words, "fraction")
    assert_aggregates(whole, [value for part in parts for value in part])


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_neighbours_of_a_billion_have_a_deviation_of_one(cut: int) -> None:
    values = [1e9 + 1, 1e9 + 2, 1e9 + 3]
    assert std_of(merged(aggregate(values[:cut]), aggregate(values[cut:], cut), "fraction")) == 1.0


def test_large_whole_numbers_are_summed_exactly() -> None:
    values = np.array([2**60 + 1, 2**60 + 3, -5])
    words = summed(np.zeros(3, np.int64), 1, np.arange(3), values, "whole")
    assert words[0, [COUNT, SUM, MIN, MAX, LAST]].tolist() == [3, 2**61 - 1, -5, 2**60 + 3, -5]


def test_a_group_without_values_counts_none() -> None:
    groups, values = np.array([0, 2, 2]), np.array([5, 7, 6])
    assert summed(groups, 4, np.arange(3), values, "whole")[:, COUNT].tolist() == [1, 0, 2, 0]


def test_the_last_is_the_latest_in_either_order_and_of_equal_times_the_new_one() -> None:
    early, late, same = (aggregate([number], at) for number, at in ((1.0, 3), (2.0, 9), (3.0, 9)))
    for one, other, last in ((early, late, 2.0), (late, early, 2.0), (late, same, 3.0)):
        assert merged(one, other, "fraction").view(np.float64)[0, LAST] == last


def test_a_value_that_is_no_number_is_no_minimum_but_the_greatest() -> None:
    floats = merged(aggregate([math.nan]), aggregate([4.0], 1), "fraction").view(np.float64)[0]
    assert floats[MIN] == 4.0
    assert math.isnan(floats[MAX])


@given(
    st.integers(-10_000, 10_000),
    st.integers(-1, 3_000),
    st.sampled_from([(7,), (5, 20), (3, 12, 96)]),
)
def test_a_cover_is_every_moment_once(low: int, length: int, hops: tuple[int, ...]) -> None:
    found = cover(low, low + length, hops)
    moments = [moment for first, last in found.rest for moment in range(first, last + 1)]
    for level, first, last in found.tiles:
        moments += range(first * hops[level], (last + 1) * hops[level])
    assert sorted(moments) == list(range(low, low + length + 1))


@given(st.integers(0, 100_000))
def test_a_cover_takes_few_tiles_and_few_single_events(low: int) -> None:
    found = cover(low, low + 6_000, (3, 96))
    assert sum(last - first + 1 for _, first, last in found.tiles) <= 6_000 // 96 + 2 * 32
    assert sum(last - first + 1 for first, last in found.rest) <= 2 * 3
