"""A gate is waived by two people, for one version, under the gates as they stand."""

from datetime import timedelta

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.registry import (
    GateSpec,
    ModelLog,
    Threshold,
    ask_waiver,
    declare_gates,
    get_version,
    grant_waiver,
    history,
    judge,
    log_model,
    promote,
)
from tests.unit.lifecycle.registry import models

STRICT = GateSpec(
    thresholds=(Threshold(metric="mae", max=0.001), Threshold(metric="rmse", max=0.002))
)
REF = Ref("model", "demand", 1)


@pytest.fixture
def ana(house: House) -> Session:
    return session_of(house, "ana", "scientist")


@pytest.fixture
def bo(house: House) -> Session:
    return session_of(house, "bo", "engineer")


@pytest.fixture
def refused(house: House, rentals: pa.Table, bo: Session) -> Ref:
    """A version that failed both of its gates."""
    with bo.begin() as scope:
        declare_gates(scope, "demand", STRICT)
    log = ModelLog(example=rentals[:5], target="count", evaluation=rentals)
    version = log_model(house.session(), models.linear(rentals), "demand", log)
    assert judge(bo, version.ref).action == "refused"
    return version.ref


def session_of(house: House, name: str, role: str) -> Session:
    return house.session(Principal(name=name, grants=(Grant(role=role, project="*"),)))


def asked(session: Session, gate: str, reason: str = "only for the fair") -> None:
    with session.begin() as scope:
        ask_waiver(scope, REF, gate=gate, reason=reason)


def granted(session: Session, gate: str) -> None:
    with session.begin() as scope:
        grant_waiver(scope, REF, gate=gate, reason="agreed")


def test_a_version_passes_once_every_gate_that_it_failed_is_waived(
    refused: Ref, ana: Session, bo: Session
) -> None:
    asked(ana, "mae")
    granted(bo, "mae")
    with bo.begin() as scope, pytest.raises(Refused, match="refused by the gates"):
        promote(scope, refused)
    asked(ana, "rmse")
    granted(bo, "rmse")
    with bo.begin() as scope:
        moved = promote(scope, refused)
        assert get_version(scope, refused).status == "accepted"
    assert [verdict.ok for verdict in moved.verdicts] == [False, False]
    assert "waived: ana asked (only for the fair), bo granted" in moved.verdicts[0].note
    with bo.begin(write=False) as scope:
        told = [event for event in list_events(scope).items if event.type == "model.accepted"]
    assert len(told) == 1


def test_who_asked_may_not_grant(refused: Ref, bo: Session) -> None:
    asked(bo, "mae")
    with pytest.raises(Denied, match="'bo' asked to waive 'mae', and may not grant it"):
        granted(bo, "mae")


def test_who_may_not_promote_may_not_grant(refused: Ref, ana: Session, bo: Session) -> None:
    asked(bo, "mae")
    with pytest.raises(Denied, match="model:promote"):
        granted(ana, "mae")


def test_history_shows_who_asked_who_granted_and_who_was_champion_then(
    house: House, refused: Ref, ana: Session, bo: Session
) -> None:
    clock = house.drivers.clock
    for gate in ("mae", "rmse"):
        asked(ana, gate)
        clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
        granted(bo, gate)
    before = clock.now()
    clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    with bo.begin() as scope:
        promote(scope, refused, reason="the fair")
    clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    with ana.begin(write=False) as scope:
        then, now = history(scope, "demand", at=before), history(scope, "demand")
    assert (then.holder, now.holder) == (None, refused)
    assert now.decided is not None
    assert (now.decided.actor, now.decided.reason) == ("bo", "the fair")
    assert all("waived" in verdict.note for verdict in now.decided.verdicts)
    assert [(each.action, each.actor, each.gate) for each in reversed(now.decisions)] == [
        ("refused", "bo", ""),
        ("waiver_asked", "ana", "mae"),
        ("waiver_granted", "bo", "mae"),
        ("waiver_asked", "ana", "rmse"),
        ("waiver_granted", "bo", "rmse"),
        ("accepted", "bo", ""),
        ("promoted", "bo", ""),
    ]
    assert [each.action for each in then.decisions] == [
        each.action for each in now.decisions if each.at <= before
    ]


def test_judging_again_keeps_a_waiver_and_other_gates_end_it(
    refused: Ref, ana: Session, bo: Session
) -> None:
    for gate in ("mae", "rmse"):
        asked(ana, gate)
        granted(bo, gate)
    again = judge(bo, refused)
    assert again.action == "accepted"
    assert "waived" in again.verdicts[0].note
    with bo.begin() as scope:
        declare_gates(scope, "demand", GateSpec(thresholds=(Threshold(metric="mae", max=0.0001),)))
    assert judge(bo, refused).action == "refused"


def test_asking_twice_is_asking_once(refused: Ref, ana: Session, bo: Session) -> None:
    asked(ana, "mae")
    asked(bo, "mae", "me too")
    with bo.begin(write=False) as scope:
        wishes = [each for each in history(scope, "demand").decisions if each.gate]
    assert [(each.actor, each.reason) for each in wishes] == [("ana", "only for the fair")]
    granted(bo, "mae")


def test_what_can_not_be_waived_is_told_with_what_can(refused: Ref, ana: Session) -> None:
    with pytest.raises(Invalid, match="did not fail a gate 'auc'") as caught:
        asked(ana, "auc")
    assert caught.value.hint == "it failed 'mae', 'rmse'"
    with pytest.raises(Invalid, match="needs a reason"):
        asked(ana, "mae", " ")


def test_nothing_is_granted_that_nobody_asked_for(refused: Ref, bo: Session) -> None:
    with pytest.raises(NotFound, match="nobody asked to waive 'mae'"):
        granted(bo, "mae")


def test_a_version_that_the_present_gates_have_not_judged_has_nothing_to_waive(
    refused: Ref, ana: Session, bo: Session
) -> None:
    with bo.begin() as scope:
        declare_gates(scope, "demand", GateSpec(thresholds=(Threshold(metric="mae", max=99),)))
    with pytest.raises(Conflict, match="has not been judged by the gates"):
        asked(ana, "mae")
    assert judge(bo, refused).action == "accepted"
    with pytest.raises(Invalid, match="nothing to waive"):
        asked(ana, "mae")
