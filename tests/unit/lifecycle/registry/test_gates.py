"""Gates are decided from plain numbers: a table of cases is their specification."""

import pytest

from bucle.base.digest import digest_value
from bucle.base.errors import Invalid
from bucle.base.verdict import Verdict
from bucle.lifecycle.registry import (
    BetterThan,
    GateSpec,
    Latency,
    Measured,
    Stability,
    Threshold,
    check_gates,
    judge_metrics,
)
from bucle.lifecycle.registry.gates import digest_of

AT_MOST = GateSpec(thresholds=(Threshold(metric="mae", max=10),))
AT_LEAST = GateSpec(thresholds=(Threshold(metric="auc", min=0.8),))
BETWEEN = GateSpec(thresholds=(Threshold(metric="recall", min=0.5, max=0.9),))
SLICE = GateSpec(thresholds=(Threshold(metric="mae", max=10, slice="hour < 6"),))
LOWER = GateSpec(better_than_champion=BetterThan(metric="mae"))
HIGHER = GateSpec(better_than_champion=BetterThan(metric="auc"))
BY_TWO = GateSpec(better_than_champion=BetterThan(metric="mae", margin=2))
LENIENT = GateSpec(better_than_champion=BetterThan(metric="mae", margin=-1))
QUICK = GateSpec(latency_ms=50)
STEADY = GateSpec(stability=Stability(metric="auc", max_spread=0.02))
TESTED = GateSpec(data_tests=True)
HOLDS = Verdict(name="rows", ok=True, note="9 rows")
FAILS = Verdict(name="heat not null", ok=False, note="3 of 9 rows")


def measured(champion: dict[str, float] | None = None, **challenger: float) -> Measured:
    return Measured(rows={"": 9}, challenger={"": challenger}, champion=champion)


def quick(p95_ms: float) -> Latency:
    return Latency(
        p95_ms=p95_ms,
        wall_p95_ms=130,
        cpu_p95_ms=p95_ms,
        rows=40,
        rounds=5,
        load=6.5,
        processors=2,
    )


@pytest.mark.parametrize(
    ("gates", "found", "passes"),
    [
        (AT_MOST, measured(mae=10), True),
        (AT_MOST, measured(mae=10.01), False),
        (AT_MOST, measured(rmse=1), False),
        (AT_LEAST, measured(auc=0.8), True),
        (AT_LEAST, measured(auc=0.79), False),
        (BETWEEN, measured(recall=0.4), False),
        (BETWEEN, measured(recall=0.95), False),
        (BETWEEN, measured(recall=0.7), True),
        (SLICE, measured(mae=1), False),
        (SLICE, Measured(rows={"hour < 6": 3}, challenger={"hour < 6": {"mae": 2}}), True),
        (SLICE, Measured(challenger={"": {"mae": 1}}, notes={"hour < 6": "no such column"}), False),
        (LOWER, measured(mae=5), True),
        (LOWER, measured({"mae": 5}, mae=5), False),
        (LOWER, measured({"mae": 5}, mae=4.9), True),
        (LOWER, measured({"rmse": 5}, mae=4.9), False),
        (HIGHER, measured({"auc": 0.7}, auc=0.71), True),
        (HIGHER, measured({"auc": 0.7}, auc=0.69), False),
        (BY_TWO, measured({"mae": 10}, mae=8.5), False),
        (BY_TWO, measured({"mae": 10}, mae=7.5), True),
        (LENIENT, measured({"mae": 10}, mae=10.5), True),
        (LENIENT, measured({"mae": 10}, mae=11.5), False),
        (QUICK, Measured(latency=quick(49)), True),
        (QUICK, Measured(latency=quick(51)), False),
        (QUICK, Measured(), False),
        (STEADY, Measured(by_seed={"1": 0.81, "2": 0.82, "3": 0.83}), True),
        (STEADY, Measured(by_seed={"1": 0.80, "2": 0.82, "3": 0.83}), False),
        (STEADY, Measured(by_seed={"1": 0.81, "2": 0.82}), False),
        (STEADY, Measured(notes={"stability": "no such parameter"}), False),
        (TESTED, Measured(datasets={"dataset:a@1": (HOLDS,)}), True),
        (TESTED, Measured(datasets={"dataset:a@1": (HOLDS, FAILS)}), False),
        (TESTED, Measured(datasets={"dataset:a@1": ()}), False),
        (TESTED, Measured(notes={"data": "it names no dataset"}), False),
    ],
)
def test_a_gate_passes_what_it_should_and_nothing_else(
    gates: GateSpec, found: Measured, *, passes: bool
) -> None:
    (verdict,) = judge_metrics(gates, found)
    assert verdict.ok is passes
    assert verdict.note


def test_each_dataset_has_its_verdict_and_tells_what_failed() -> None:
    found = Measured(datasets={"dataset:a@1": (HOLDS,), "dataset:b@4": (HOLDS, FAILS)})
    good, bad = judge_metrics(TESTED, found)
    assert (good.name, good.ok) == ("data tests of dataset:a@1", True)
    assert (bad.name, bad.ok, bad.value) == ("data tests of dataset:b@4", False, 1.0)
    assert bad.note == "1 of 2 expectations hold; heat not null: 3 of 9 rows"


def test_gates_that_use_nothing_new_are_identified_as_they_always_were() -> None:
    before = {
        "thresholds": [{"metric": "mae", "min": None, "max": 10.0, "slice": ""}],
        "better_than_champion": None,
        "latency_ms": None,
    }
    assert digest_of(GateSpec(thresholds=(Threshold(metric="mae", max=10.0),))) == digest_value(
        before
    )
    assert digest_of(TESTED) != digest_of(GateSpec())


def test_a_metric_that_could_not_be_measured_says_why() -> None:
    (verdict,) = judge_metrics(AT_MOST, Measured(notes={"": "there are no rows"}))
    assert (verdict.ok, verdict.value) == (False, None)
    assert verdict.note == "not measured: there are no rows"


def test_a_champion_that_could_not_be_measured_fails_the_comparison() -> None:
    found = Measured(challenger={"": {"mae": 1}}, notes={"champion": "it takes a column 'wind'"})
    (verdict,) = judge_metrics(LOWER, found)
    assert not verdict.ok
    assert "wind" in verdict.note


def test_a_verdict_carries_value_limit_and_the_rows_that_gave_it() -> None:
    (verdict,) = judge_metrics(AT_MOST, measured(mae=12))
    assert (verdict.name, verdict.value, verdict.limit) == ("mae", 12, 10)
    assert "9 rows" in verdict.note


def test_a_latency_verdict_tells_clock_cpu_and_the_machines_load() -> None:
    (verdict,) = judge_metrics(QUICK, Measured(latency=quick(51)))
    assert (verdict.value, verdict.limit) == (51, 50)
    assert "130 ms by the clock, 51 ms of CPU" in verdict.note
    assert "load was 6.5 on 2 processors, more than it has" in verdict.note


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        (GateSpec(thresholds=(Threshold(metric="mea", max=1),)), "'mea' is no metric"),
        (GateSpec(better_than_champion=BetterThan(metric="mea")), "'mea' is no metric"),
        (GateSpec(stability=Stability(metric="mea", max_spread=1)), "'mea' is no metric"),
        (GateSpec(stability=Stability(metric="mae", max_spread=1, seeds=1)), "1 seeds show no"),
        (GateSpec(stability=Stability(metric="mae", max_spread=-1)), "no spread is below 0"),
        (GateSpec(thresholds=(Threshold(metric="mae"),)), "has no limit"),
        (GateSpec(thresholds=(Threshold(metric="mae", min=2, max=1),)), "min 2 above max 1"),
        (GateSpec(latency_ms=0), "latency_ms is 0"),
    ],
)
def test_gates_that_could_never_be_passed_are_refused(gates: GateSpec, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check_gates(gates)
