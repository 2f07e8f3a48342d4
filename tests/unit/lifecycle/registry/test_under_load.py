"""A model is judged by how long callers wait at a load; what a batch takes is said by the test."""

import os
from typing import Any

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.governance.session import House
from bucle.lifecycle.registry import (
    GateSpec,
    Load,
    ModelLog,
    ModelVersion,
    UnderLoad,
    check_gates,
    declare_gates,
    judge,
    judge_metrics,
    log_model,
    measure_under_load,
)
from bucle.lifecycle.registry.gates import Measured, digest_of
from bucle.lifecycle.registry.records import LoadLatency
from bucle.lifecycle.registry.under_load import latency_of, wait_at_rate, wait_in_turn
from tests.unit.lifecycle.registry import models

AT_RATE = UnderLoad(p99_ms=50, at_rps=200)


def never() -> bool:
    return False


def test_a_request_that_comes_alone_waits_for_its_own_answer() -> None:
    assert wait_at_rate([0.0, 1.0], lambda rows: 0.1 * rows, never) == pytest.approx([0.1, 0.1])


def test_requests_that_came_meanwhile_go_to_the_model_together() -> None:
    batches: list[int] = []

    def answer(rows: int) -> float:
        batches.append(rows)
        return 1.0

    waits = wait_at_rate([0.0, 0.2, 0.4, 0.9], answer, never)
    assert batches == [1, 3]
    assert waits == pytest.approx([1.0, 1.8, 1.6, 1.1])


def test_a_model_that_can_not_keep_up_makes_callers_wait_longer_and_longer() -> None:
    waits = wait_at_rate([place / 10 for place in range(50)], lambda rows: 0.5 * rows, never)
    assert max(waits[:10]) < max(waits[10:30]) < max(waits[30:])


def test_whoever_still_waits_when_the_patience_ends_is_counted() -> None:
    turns = iter([False, True])
    waits = wait_at_rate([0.0, 0.5, 0.7, 9.0], lambda _rows: 1.0, lambda: next(turns))
    assert waits == pytest.approx([1.0, 0.5, 0.3])


def test_callers_in_turn_wait_for_the_batch_before_theirs() -> None:
    batches: list[int] = []

    def answer(rows: int) -> float:
        batches.append(rows)
        return 0.01

    assert wait_in_turn(8, 32, answer, never) == pytest.approx([0.01] * 32)
    assert batches == [8, 8, 8, 8]


def test_the_best_round_counts() -> None:
    calls = iter(range(10_000))
    found = latency_of(Load(callers=1), lambda _rows: 0.1 if next(calls) < 1020 else 0.001)
    assert found.p99_ms == pytest.approx(1)
    assert found.requests == 1000


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (UnderLoad(at_rps=100), "under_load has no limit"),
        (UnderLoad(p99_ms=0, at_rps=100), "under_load has 0 ms"),
        (UnderLoad(p99_ms=5, at_rps=-1), "a load of -1 requests a second"),
        (UnderLoad(p99_ms=5, at_rps=100, callers=3), "a load is a rate, or callers"),
    ],
)
def test_a_limit_that_nothing_could_pass_is_refused(asked: UnderLoad, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check_gates(GateSpec(under_load=asked))


def test_each_percentile_with_a_limit_gets_a_verdict() -> None:
    found = LoadLatency(load=AT_RATE.load, p50_ms=1, p95_ms=4, p99_ms=60, requests=1000, rounds=3,
                        machine_load=0.5, processors=2)  # fmt: skip
    asked = UnderLoad(p95_ms=5, p99_ms=50, at_rps=200)
    verdicts = judge_metrics(GateSpec(under_load=asked), Measured(under_load=found))
    assert [(each.name, each.ok, each.value) for each in verdicts] == [
        ("latency_p95_ms at 200/s", True, 4),
        ("latency_p99_ms at 200/s", False, 60),
    ]
    assert "1000 requests in the best of 3 rounds" in verdicts[0].note


def test_gates_without_a_load_are_what_they_were() -> None:
    assert digest_of(GateSpec(latency_ms=5.0)) != digest_of(
        GateSpec(latency_ms=5.0, under_load=AT_RATE)
    )


def logged(house: House, rentals: pa.Table) -> ModelVersion:
    log = ModelLog(example=rentals[:9], target="count", evaluation=rentals)
    return log_model(house.session(), models.linear(rentals), "demand", log)


def test_a_version_that_keeps_its_objective_is_accepted_and_one_that_can_not_is_refused(
    house: House, rentals: pa.Table
) -> None:
    session, version = house.session(), logged(house, rentals)
    for limit_ms, status in ((10_000.0, "accepted"), (1e-6, "refused")):
        gates = GateSpec(under_load=UnderLoad(p99_ms=limit_ms, at_rps=50))
        with session.begin() as scope:
            declare_gates(scope, "demand", gates)
        decision = judge(session, version.ref)
        assert decision.action == status
        assert decision.verdicts[0].name == "latency_p99_ms at 50/s"
        assert decision.verdicts[0].value is not None


def test_a_package_that_fails_in_a_process_of_its_own_says_why(
    house: House, rentals: pa.Table
) -> None:
    session, maker = house.session(), os.getpid()

    def double(columns: dict[str, Any]) -> Any:
        if os.getpid() != maker and len(columns["heat"]) > 3:
            raise ValueError("no more than three at a time")
        return columns["heat"] * 2

    log = ModelLog(example=rentals.select(["heat"])[:9], allow_pickle=True)
    version = log_model(session, double, "narrow", log)
    assert measure_under_load(house.drivers, version.manifest, Load(callers=3)).requests >= 1000
    with pytest.raises(Refused, match="fresh process: ValueError: no more than three at a time"):
        measure_under_load(house.drivers, version.manifest, Load(callers=4))


def test_a_package_that_is_not_there_is_refused(house: House) -> None:
    with pytest.raises(Refused, match="missing"):
        measure_under_load(house.drivers, "00" * 32, Load())
