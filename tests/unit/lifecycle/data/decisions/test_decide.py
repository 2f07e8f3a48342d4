"""Decisions on data: signed, superseded and never overwritten, inherited, and due one day."""

from datetime import date, timedelta

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Denied, Invalid, NotFound
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    CheckedDecision,
    Commit,
    Condition,
    DataDecision,
    Readiness,
    commit,
    commit_table,
    decide,
    decision_of,
    list_decisions,
)
from bucle.lifecycle.data.decisions import store

TRIPS = pa.table({"id": [1, 2, 3], "fare": [1.0, 2.0, 3.0]})
MORE = pa.table({"id": [4], "fare": [4.0]})


@pytest.fixture(autouse=True)
def trips(session: Session) -> None:
    commit_table(session, "trips", TRIPS)


def decided(
    session: Session, decision: str = "go", ref: str = "trips", *conditions: Condition
) -> DataDecision:
    with session.begin() as scope:
        return decide(scope, ref, decision, reasons=["looked at"], conditions=conditions)  # type: ignore[arg-type]


def ready(session: Session, ref: str = "trips") -> Readiness:
    with session.begin(write=False) as scope:
        return decision_of(scope, ref)


def listed(session: Session, ref: str = "trips") -> tuple[CheckedDecision, ...]:
    with session.begin(write=False) as scope:
        return list_decisions(scope, ref)


def test_a_version_that_nobody_decided_on_is_not_ready(session: Session) -> None:
    found = ready(session)
    assert (found.ok, found.outcome, found.decision) == (False, "undecided", None)
    assert listed(session) == ()


def test_a_decision_is_signed_dated_and_a_fact(house: House, session: Session) -> None:
    made = decided(session)
    assert (made.number, made.by, made.reasons) == (1, session.actor.name, ("looked at",))
    assert made.key == house.keys.public_hex
    (checked,) = listed(session)
    assert (checked.decision, checked.ok) == (made, True)
    assert ready(session).ok
    with session.begin(write=False) as scope:
        (event,) = [e for e in list_events(scope).items if e.type == "dataset.decided"]
    assert (event.ref, event.body["decision"]) == ("dataset:trips@1", "go")
    assert event.body["signature"] == made.signature


def test_a_later_decision_supersedes_and_the_earlier_one_stays(session: Session) -> None:
    first, second = decided(session, "no-go"), decided(session, "go")
    assert second.supersedes == first.number == 1
    newest, oldest = listed(session)
    assert (newest.superseded_by, oldest.superseded_by) == (None, 2)
    assert oldest.decision == first
    assert ready(session).decision == second


def test_a_decision_that_was_tampered_with_is_none(session: Session) -> None:
    made = decided(session, "no-go")
    forged = msgspec.structs.replace(made, decision="go", number=2)
    stolen = msgspec.structs.replace(made, number=3, key="ab" * 32)
    with session.begin() as scope:
        store.add(scope.tx, forged)
        store.add(scope.tx, stolen)
    by_number = {one.decision.number: one for one in listed(session)}
    assert {number: one.ok for number, one in by_number.items()} == {1: True, 2: False, 3: False}
    assert "signature" in by_number[2].note
    assert "not this installation's" in by_number[3].note
    assert ready(session).outcome == "no-go"


def test_a_conditional_decision_is_a_go_until_a_condition_is_due(
    house: House, session: Session
) -> None:
    today = house.drivers.clock.now().date()
    soon = Condition(text="label the rest", due=today + timedelta(days=3), receiver="ana")
    decided(session, "conditional", "trips", soon)
    assert ready(session).ok
    house.drivers.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    assert ready(session).ok
    house.drivers.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    late = ready(session)
    assert (late.ok, late.outcome) == (False, "conditional")
    assert "label the rest" in late.why
    assert "ana" in late.why


def test_a_later_version_has_the_decision_of_its_nearest_ancestor(session: Session) -> None:
    decided(session, "go")
    commit_table(session, "trips", MORE, mode="append")
    commit_table(session, "trips", TRIPS.slice(0, 2))
    found = ready(session)
    assert (found.ok, found.inherited, str(found.dataset)) == (True, True, "dataset:trips@3")
    decided(session, "no-go", "trips@2")
    assert ready(session).outcome == "no-go"
    assert ready(session, "trips@1").outcome == "go"


def test_a_go_is_not_inherited_by_other_columns_and_a_no_go_is(session: Session) -> None:
    decided(session, "go")
    wider = TRIPS.append_column("zone", pa.array(["a", "b", "c"]))
    content = pa.BufferOutputStream()
    pq.write_table(wider, content)
    digest = store_bytes(session.drivers.blobs, content.getvalue().to_pybytes())
    commit(session, Commit(name="trips", files=(digest,), evolve=True))
    found = ready(session)
    assert (found.ok, found.outcome) == (False, "undecided")
    assert "other columns than dataset:trips@1" in found.why
    decided(session, "no-go", "trips@1")
    assert ready(session).outcome == "no-go"


def test_the_same_rows_again_have_the_same_decision(session: Session) -> None:
    decided(session, "go")
    commit_table(session, "trips", MORE)
    decided(session, "no-go")
    commit_table(session, "trips", TRIPS)
    found = ready(session, "trips@3")
    assert (found.outcome, found.inherited) == ("go", False)


def test_who_may_only_write_may_not_decide(house: House, session: Session) -> None:
    for role, may in (("scientist", False), ("viewer", False), ("engineer", True)):
        actor = Principal(name=role, grants=(Grant(role=role, project=session.project),))
        if may:
            assert decided(house.session(actor)).by == role
        else:
            with pytest.raises(Denied):
                decided(house.session(actor))


BAD = [
    ("go", [], (), "needs a reason"),
    ("go", ["  "], (), "needs a reason"),
    ("conditional", ["x"], (), "no condition"),
    ("go", ["x"], (Condition(text="a", due=date(2099, 1, 1), receiver="b"),), "has no conditions"),
    ("conditional", ["x"], (Condition(text="a", due=date(2001, 1, 1), receiver="b"),), "was due"),
]


@pytest.mark.parametrize(("decision", "reasons", "conditions", "words"), BAD)
def test_a_decision_without_sense_is_refused_and_says_why(
    session: Session, decision: str, reasons: list[str], conditions: tuple[Condition, ...],
    words: str,
) -> None:  # fmt: skip
    with pytest.raises(Invalid, match=words), session.begin() as scope:
        decide(scope, "trips", decision, reasons=reasons, conditions=conditions)  # type: ignore[arg-type]
    assert listed(session) == ()


def test_what_is_not_there_is_not_decided_on(session: Session) -> None:
    with pytest.raises(NotFound):
        decided(session, "go", "trips@7")
