"""Verdicts on figures: a table of cases for each signal."""

import pytest

from bucle.lifecycle.data import ColumnProfile, Profile
from bucle.lifecycle.monitoring import DriftRule, MissingRule, PerformanceRule, VolumeRule
from bucle.lifecycle.monitoring.signals import (
    judge_drift,
    judge_missing,
    judge_performance,
    judge_types,
    judge_volume,
)

LEARNED = VolumeRule(min_share=0.5)
DECLARED = VolumeRule(expected_per_hour=10, min_share=0.5, max_share=2)


def numbers(name: str, counts: tuple[int, ...], nulls: int = 0) -> ColumnProfile:
    """Return a column of numbers with these counts between the edges 1, 2, 3, ..."""
    return ColumnProfile(
        name=name,
        kind="number",
        count=sum(counts),
        nulls=nulls,
        distinct=len(counts),
        edges=tuple(float(edge) for edge in range(1, len(counts))),
        counts=counts,
    )


def profile(*columns: ColumnProfile) -> Profile:
    """Return a profile of these columns."""
    return Profile(rows=max((c.count + c.nulls for c in columns), default=0), columns=columns)


@pytest.mark.parametrize(
    ("rule", "count", "history", "ok", "limit"),
    [
        (LEARNED, 50, (100, 100, 100), True, 50),
        (LEARNED, 49, (100, 100, 100), False, 50),
        (LEARNED, 0, (100, 90, 110), False, 50),
        (LEARNED, 9999, (100, 100, 100), True, 50),
        (LEARNED, 40, (100, 100, 100, 1), False, 50),  # one bad day does not move the usual
        (LEARNED, 0, (100, 100), True, None),  # two days are no history
        (LEARNED, 0, (), True, None),
        (LEARNED, 0, (0, 0, 0), True, None),  # nothing is usual: silence is no news
        (DECLARED, 240, (), True, 120),
        (DECLARED, 119, (), False, 120),
        (DECLARED, 480, (), True, 120),
        (DECLARED, 481, (), False, 480),
        (DECLARED, 240, (1, 1, 1, 1), True, 120),  # what is declared counts, not history
    ],
)
def test_volume(
    *, rule: VolumeRule, count: int, history: tuple[int, ...], ok: bool, limit: float | None
) -> None:
    verdict = judge_volume(rule, count, history, 24)
    assert (verdict.ok, verdict.value, verdict.limit) == (ok, count, limit)
    assert str(count) in verdict.note


@pytest.mark.parametrize(
    ("usual", "now", "ok"),
    [(0, 5, True), (0, 6, False), (20, 25, True), (20, 26, False), (0, 100, False)],
)
def test_missing_counts_above_the_references_own_share(*, usual: int, now: int, ok: bool) -> None:
    old = profile(numbers("heat", (100 - usual,), usual))
    new = profile(numbers("heat", (100 - now,), now))
    (verdict,) = judge_missing(MissingRule(max_share=0.05), old, new)
    assert (verdict.name, verdict.ok, verdict.value) == ("missing:heat", ok, now / 100)


def test_missing_speaks_of_features_only_and_not_of_an_empty_window() -> None:
    columns = numbers("heat", (10,)), numbers("prediction", (10,))
    found = judge_missing(MissingRule(), profile(*columns), profile(*columns))
    assert [verdict.name for verdict in found] == ["missing:heat"]
    assert judge_missing(MissingRule(), profile(*columns), profile(numbers("heat", (0,)))) == ()


def test_drift_names_what_moved_and_how_far() -> None:
    old = profile(numbers("heat", (500, 500)), numbers("prediction", (500, 500)))
    new = profile(numbers("heat", (100, 900)), numbers("prediction", (500, 500)))
    verdicts, moved = judge_drift(DriftRule(limit=0.2), old, new)
    heat, answer = verdicts
    assert (heat.name, heat.ok, heat.limit) == ("drift:heat", False, 0.2)
    assert heat.value == moved["heat"] == pytest.approx(0.87, abs=0.02)
    assert (answer.name, answer.ok, answer.value) == ("prediction_drift:prediction", True, 0)


def test_a_declared_column_list_leaves_the_others_out_but_not_the_answers() -> None:
    columns = [numbers(name, (500, 500)) for name in ("heat", "rain", "prediction")]
    verdicts, _ = judge_drift(DriftRule(columns=("rain",)), profile(*columns), profile(*columns))
    assert [one.name for one in verdicts] == ["drift:rain", "prediction_drift:prediction"]


def test_too_few_rows_say_nothing_and_say_so() -> None:
    old, new = profile(numbers("heat", (500, 500))), profile(numbers("heat", (0, 199)))
    (verdict,), moved = judge_drift(DriftRule(min_rows=200), old, new)
    assert (verdict.ok, verdict.limit, moved) == (True, None, {})
    assert "199 rows say nothing of drift; 200 are needed" in verdict.note


def test_a_column_without_values_is_told_not_measured() -> None:
    old, new = profile(numbers("heat", (500, 500))), profile(numbers("heat", (0, 0), nulls=900))
    (verdict,), moved = judge_drift(DriftRule(), old, new)
    assert (verdict.name, verdict.ok, verdict.limit, moved) == ("drift:heat", True, None, {})
    assert "0 values of heat" in verdict.note


@pytest.mark.parametrize(
    ("rule", "value", "registered", "ok", "limit"),
    [
        (PerformanceRule(metric="mae", max_ratio=1.5), 15, 10, True, 15),
        (PerformanceRule(metric="mae", max_ratio=1.5), 15.1, 10, False, 15),
        (PerformanceRule(metric="mae", limit=12), 12.1, 10, False, 12),
        (PerformanceRule(metric="mae", max_ratio=1.5, limit=12), 13, 10, False, 12),
        (PerformanceRule(metric="mae", max_ratio=1.1, limit=12), 11.5, 10, False, 11),
        (PerformanceRule(metric="auc", max_ratio=1.25), 0.72, 0.9, True, 0.72),
        (PerformanceRule(metric="auc", max_ratio=1.25), 0.71, 0.9, False, 0.72),
        (PerformanceRule(metric="auc", limit=0.8), 0.79, 0.9, False, 0.8),
        (PerformanceRule(metric="auc", max_ratio=1.25, limit=0.8), 0.75, 0.9, False, 0.8),
        (PerformanceRule(metric="mae", max_ratio=1.5), 99, None, True, None),
        (PerformanceRule(metric="mae", max_ratio=1.5), 0.1, 0, True, None),  # no ratio to 0
        (PerformanceRule(metric="r2", max_ratio=1.5), -0.2, -0.1, True, None),
        (PerformanceRule(metric="mae"), 99, 1, True, None),
    ],
)
def test_performance(
    *,
    rule: PerformanceRule,
    value: float,
    registered: float | None,
    ok: bool,
    limit: float | None,
) -> None:
    verdict = judge_performance(rule, {rule.metric: value}, 50, registered)
    assert (verdict.ok, verdict.value) == (ok, value)
    assert verdict.limit == (None if limit is None else pytest.approx(limit))


def test_too_few_labels_say_nothing() -> None:
    rule = PerformanceRule(metric="mae", limit=1, min_labels=50)
    for metrics, labels in (({"mae": 99.0}, 49), ({}, 50), ({}, 0)):
        verdict = judge_performance(rule, metrics, labels, 1)
        assert (verdict.ok, verdict.value, verdict.limit) == (True, None, None)
        assert "50 are needed" in verdict.note


def test_values_of_another_type_are_counted_by_column() -> None:
    assert judge_types({}).ok
    verdict = judge_types({"heat": 3})
    assert (verdict.ok, verdict.value) == (False, 3)
    assert "3 values of heat" in verdict.note
