"""Challenger and champion are measured on the same rows, and an alias moves by their verdicts."""

from datetime import timedelta

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.governance.session import House, Session
from bucle.lifecycle.charter import ErrorCosts, Kpi, set_charter
from bucle.lifecycle.registry import (
    BetterThan,
    Decision,
    GateSpec,
    ModelLog,
    ModelVersion,
    Threshold,
    declare_gates,
    get_version,
    history,
    judge,
    log_model,
    promote,
    roll_back,
)
from tests.unit.lifecycle.registry import models

GATES = GateSpec(
    thresholds=(
        Threshold(metric="mae", max=10),
        Threshold(metric="mae", max=10, slice="city = 'lima' AND hour >= 12"),
    ),
    better_than_champion=BetterThan(metric="mae"),
    latency_ms=1000,
)


def logged(session: Session, rows: pa.Table, make: str, **more: object) -> ModelVersion:
    log = ModelLog(example=rows[:5], target="count", **({"evaluation": rows} | more))  # type: ignore[arg-type]
    return log_model(session, getattr(models, make)(rows), "demand", log)


def gated(session: Session, gates: GateSpec = GATES) -> None:
    with session.begin() as scope:
        declare_gates(scope, "demand", gates)


def promoted(session: Session, ref: Ref, reason: str = "better") -> Decision:
    with session.begin() as scope:
        return promote(scope, ref, reason=reason)


def failed(decision: Decision) -> list[str]:
    return [verdict.name for verdict in decision.verdicts if not verdict.ok]


def test_a_good_first_version_is_accepted_with_a_verdict_per_gate(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    gated(session)
    version = logged(session, rentals, "linear")
    decision = judge(session, version.ref)
    assert decision.action == "accepted"
    assert [verdict.name for verdict in decision.verdicts] == [
        "mae",
        "mae where city = 'lima' AND hour >= 12",
        "mae better than champion",
        "latency_p95_ms",
    ]
    with session.begin(write=False) as scope:
        assert get_version(scope, version.ref).status == "accepted"
        (told,) = [e for e in list_events(scope).items if e.type == "model.accepted"]
        assert len(told.body["verdicts"]) == 4


def test_a_worse_challenger_is_refused_and_can_not_be_promoted(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    gated(session, GateSpec(better_than_champion=BetterThan(metric="mae")))
    champion = logged(session, rentals, "linear")
    judge(session, champion.ref)
    promoted(session, champion.ref)
    challenger = logged(session, rentals, "poor")
    decision = judge(session, challenger.ref)
    assert (decision.action, decision.previous) == ("refused", 1)
    assert failed(decision) == ["mae better than champion"]
    with pytest.raises(Refused, match="refused by the gates") as caught:
        promoted(session, challenger.ref)
    assert [verdict.name for verdict in caught.value.because] == ["mae better than champion"]
    with session.begin(write=False) as scope:
        assert get_version(scope, Ref("model", "demand", "champion")).number == 1


def test_an_unjudged_version_and_one_judged_by_older_gates_are_not_promoted(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    gated(session)
    version = logged(session, rentals, "linear")
    with pytest.raises(Refused, match="has not been judged"):
        promoted(session, version.ref)
    judge(session, version.ref)
    gated(session, GateSpec(thresholds=(Threshold(metric="mae", max=0.001),)))
    with pytest.raises(Refused, match="the gates changed after"):
        promoted(session, version.ref)
    assert failed(judge(session, version.ref)) == ["mae"]


def test_a_gate_that_can_not_be_measured_refuses(house: House, rentals: pa.Table) -> None:
    session = house.session()
    gated(
        session,
        GateSpec(
            thresholds=(
                Threshold(metric="mae", max=10, slice="wind > 3"),
                Threshold(metric="mae", max=10, slice="hour > 99"),
                Threshold(metric="auc", min=0.1),
            )
        ),
    )
    decision = judge(session, logged(session, rentals, "linear").ref)
    assert len(failed(decision)) == 3
    assert "wind" in decision.verdicts[0].note
    assert decision.verdicts[1].note == "not measured: 0 rows of the evaluation do not give mae"
    without = logged(session, rentals, "forest", evaluation=None)
    assert "without evaluation rows" in judge(session, without.ref).verdicts[0].note


def test_a_model_without_gates_is_promoted_by_the_word_of_a_person(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    version = logged(session, rentals, "poor")
    assert promoted(session, version.ref, "we know").reason == "we know"


def test_the_charters_costs_are_a_metric_of_the_gates(house: House, rentals: pa.Table) -> None:
    session = house.session()
    with session.begin() as scope:
        set_charter(
            scope,
            problem="bikes are missing",
            kpi=Kpi(name="missed", unit="rentals"),
            costs=ErrorCosts(unit="EUR", over=1, under=3),
            stop_rule="",
            sponsor="",
        )
    gated(session, GateSpec(thresholds=(Threshold(metric="cost_per_case", max=5.5),)))
    assert judge(session, logged(session, rentals, "linear").ref).action == "accepted"
    assert judge(session, logged(session, rentals, "poor").ref).action == "refused"


def test_the_champion_at_a_moment_is_known_with_who_decided_and_why(
    house: House, rentals: pa.Table
) -> None:
    session, clock = house.session(), house.drivers.clock
    gated(session, GateSpec(thresholds=(Threshold(metric="mae", max=100),)))
    before = clock.now()
    moments = []
    for make in ("poor", "linear"):
        version = logged(session, rentals, make)
        judge(session, version.ref)
        clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
        promoted(session, version.ref, f"the {make} one")
        moments.append(clock.now())
        clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    with session.begin() as scope:
        roll_back(scope, "demand", reason="complaints")
    with session.begin(write=False) as scope:
        assert history(scope, "demand", at=before).holder is None
        first, second = (history(scope, "demand", at=moment) for moment in moments)
        now = history(scope, "demand")
    assert (first.holder, second.holder) == (Ref("model", "demand", 1), Ref("model", "demand", 2))
    assert second.decided is not None
    assert second.decided.reason == "the linear one"
    assert second.decided.actor == session.actor.name
    assert [verdict.name for verdict in second.decided.verdicts] == ["mae"]
    assert now.holder == Ref("model", "demand", 1)
    assert [each.action for each in now.decisions] == [
        "rolled_back",
        "promoted",
        "accepted",
        "promoted",
        "accepted",
    ]


def test_rolling_back_twice_goes_two_versions_back(house: House, rentals: pa.Table) -> None:
    session = house.session()
    for make in ("poor", "forest", "linear"):
        promoted(session, logged(session, rentals, make).ref)
    seen = []
    for _ in range(2):
        with session.begin() as scope:
            seen.append(roll_back(scope, "demand").version)
    assert seen == [2, 1]
    with session.begin() as scope, pytest.raises(NotFound, match="only model:demand@1 ever bore"):
        roll_back(scope, "demand")


def test_promoting_what_is_champion_already_changes_nothing(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    version = logged(session, rentals, "linear")
    first = promoted(session, version.ref)
    assert promoted(session, version.ref, "again") == first
    with session.begin(write=False) as scope:
        told = [e for e in list_events(scope).items if e.type == "model.promoted"]
    assert len(told) == 1


@pytest.mark.parametrize("alias", ["7", "latest", "a@b", " "])
def test_an_alias_that_names_a_version_already_is_refused(
    house: House, rentals: pa.Table, alias: str
) -> None:
    session = house.session()
    version = logged(session, rentals, "linear")
    with session.begin() as scope, pytest.raises(Invalid):
        promote(scope, version.ref, alias=alias)


def test_gates_declared_twice_are_told_once(house: House) -> None:
    session = house.session()
    gated(session)
    gated(session)
    with session.begin(write=False) as scope:
        told = [e for e in list_events(scope).items if e.type == "model.gates_declared"]
    assert len(told) == 1
