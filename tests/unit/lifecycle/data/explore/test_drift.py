"""Distances between two windows, against scipy, and what chance alone would give."""

import numpy as np
import pytest

from bucle.base.refs import Ref
from bucle.lifecycle.data.explore.drift import (
    apart,
    column_drift,
    judged,
    ks_by_chance,
    schema_verdicts,
)
from bucle.lifecycle.data.records import Column, ColumnProfile

RNG = np.random.default_rng(3)
REFS = (Ref("dataset", "trips", 1), Ref("dataset", "trips", 2))


def binned(counts: tuple[int, ...], *, nulls: int = 0) -> ColumnProfile:
    edges = tuple(float(place) for place in range(len(counts) - 1))
    return ColumnProfile(
        name="x", kind="number", count=sum(counts), nulls=nulls, distinct=9, edges=edges,
        counts=counts,
    )  # fmt: skip


def test_ks_and_wasserstein_are_scipys() -> None:
    stats = pytest.importorskip("scipy.stats", reason="no scipy to compare with")
    one, other = RNG.normal(size=700), RNG.normal(0.3, 1.2, size=400)
    distance, area = apart(one, other)
    assert distance == pytest.approx(stats.ks_2samp(one, other).statistic, abs=1e-12)
    assert area == pytest.approx(stats.wasserstein_distance(one, other), abs=1e-12)


def test_what_chance_gives_is_exceeded_about_as_often_as_it_says() -> None:
    limit = ks_by_chance(300, 200, alpha=0.05)
    found = [apart(RNG.random(300), RNG.random(200))[0] > limit for _ in range(400)]
    assert 0.01 < np.mean(found) < 0.08


def test_a_column_that_stayed_is_within_the_limit_and_one_that_moved_is_not() -> None:
    stayed = column_drift(binned((100, 100, 100)), binned((98, 104, 98)), None)
    moved = column_drift(binned((100, 100, 100)), binned((10, 40, 250)), None)
    assert judged(REFS, [], [stayed]).ok
    drift = judged(REFS, [], [moved])
    assert not drift.ok
    assert drift.verdicts[0].name == "drift:x"
    assert drift.verdicts[0].value == moved.psi > 0.2


def test_what_is_missing_more_often_is_a_verdict_unless_chance_would_do_as_much() -> None:
    more = column_drift(binned((500, 400), nulls=100), binned((500, 300), nulls=200), None)
    assert [one.name for one in judged(REFS, [], [more]).verdicts if not one.ok] == ["missing:x"]
    few = column_drift(binned((5, 4), nulls=1), binned((5, 3), nulls=2), None)
    assert judged(REFS, [], [few]).ok


def test_columns_that_went_or_changed_their_type_break_and_a_new_one_does_not() -> None:
    before = (Column(name="a", type="int64"), Column(name="b", type="int64"))
    after = (Column(name="b", type="string"), Column(name="c", type="double"))
    found = {one.name: one.ok for one in schema_verdicts(before, after)}
    assert found == {"schema:a": False, "schema:b": False, "schema:c": True}


def test_the_share_of_values_that_the_reference_does_not_know_is_told() -> None:
    before = ColumnProfile(name="zone", kind="category", count=100, nulls=0, distinct=2,
                           top=(("n", 60), ("s", 40)))  # fmt: skip
    after = ColumnProfile(name="zone", kind="category", count=100, nulls=0, distinct=3,
                          top=(("n", 50), ("s", 20)), other=30)  # fmt: skip
    assert column_drift(before, after, None).new_values == 0.3
