"""A deletion request lists what is affected, takes it out, goes on after a death, and proves it."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.control.privacy.forget import erase as erase_room
from bucle.control.privacy.forget.ask import (
    ask,
    list_deletions,
    show_deletion,
    withdraw,
)
from bucle.control.privacy.forget.certificate import certify
from bucle.control.privacy.forget.erase import erase
from bucle.control.privacy.forget.records import Deletion, Wish
from bucle.control.privacy.forget.search import search
from bucle.governance.audit.read import list_events
from bucle.governance.keys import verify
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle import registry
from bucle.lifecycle.data import DatasetSpec, Expectation, commit_table, declare, read_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    materialize,
    online_view,
    read_online,
    register_view,
)
from bucle.lifecycle.features.stream import absorb, read_stream
from bucle.lifecycle.feedback import add_labels
from bucle.lifecycle.serving import read_predictions
from tests.support.linear import ROWS as HEATS
from tests.support.logged import log_predictions
from tests.unit.control.privacy.conftest import CUSTOMERS

REASON = "request of 3 March"


def wish(**more: object) -> Wish:
    return Wish(**({"dataset": "customers", "key": {"customer": 2}, "reason": REASON} | more))


def names(affected: Deletion) -> dict[str, int]:
    return {str(each.ref): each.rows for each in affected.affected.versions}


def test_a_request_lists_versions_and_changes_nothing(customers: Session) -> None:
    made = ask(customers, wish())
    assert names(made) == {"dataset:customers@2": 1, "dataset:customers@1": 1}
    assert made.affected.versions[1].tags == ("golden",)
    assert (made.state, made.due_at - made.asked_at) == ("open", timedelta(days=30))
    assert read_table(customers, "customers").num_rows == 3


def test_it_is_carried_out_and_a_search_finds_nothing(customers: Session) -> None:
    made = ask(customers, wish())
    done = erase(customers, made.ref)
    assert (done.state, done.left, done.subjects) == ("done", 0, {})
    assert search(customers, made.subjects)[0].rows == 0
    for ref in ("customers", "customers@2", "customers@golden"):
        assert sorted(read_table(customers, ref)["customer"].to_pylist()) == [1, 3]


def test_datasets_that_refer_to_the_key_and_those_that_are_named_are_searched_too(
    customers: Session,
) -> None:
    with customers.begin() as scope:
        expectation = Expectation(column="buyer", references="customers.customer")
        declare(scope, DatasetSpec(name="orders", expectations=(expectation,)))
    commit_table(customers, "orders", pa.table({"buyer": [1, 2, 2], "n": [1, 2, 3]}))
    commit_table(customers, "visits", pa.table({"visitor": ["2", "3"]}))
    commit_table(customers, "other", pa.table({"customer": [2]}))
    made = ask(customers, wish(also={"visits": "visitor"}))
    assert names(made)["dataset:orders@1"] == 2
    assert names(made)["dataset:visits@1"] == 1
    assert made.affected.unsearched == ("other",)
    erase(customers, made.ref)
    assert read_table(customers, "orders")["buyer"].to_pylist() == [1]
    assert read_table(customers, "visits")["visitor"].to_pylist() == ["3"]
    assert read_table(customers, "other").num_rows == 1


def test_what_was_made_of_such_rows_is_followed_by_lineage(customers: Session) -> None:
    copy = commit_table(customers, "copy", CUSTOMERS.select(["customer", "city"]))
    sums = commit_table(customers, "sums", pa.table({"total": [6.0]}))
    with customers.begin() as scope:
        run = Ref("run", scope.new_id())
        scope.link(Ref.parse("dataset:customers@1"), run, "read")
        scope.link(run, copy.ref, "made")
        scope.link(run, sums.ref, "made")
    made = ask(customers, wish())
    assert names(made)["dataset:copy@1"] == 1
    assert made.affected.derived == (sums.ref,)
    assert made.affected.runs == (run,)
    erase(customers, made.ref)
    assert read_table(customers, "copy")["customer"].to_pylist() == [1, 3]


def test_models_are_marked_to_be_trained_again_and_their_evaluation_rows_go(
    customers: Session,
) -> None:
    evaluation = HEATS.append_column("count", pa.array([2.0, 4.0, 6.0, 8.0])).append_column(
        "customer", pa.array([1, 2, 3, 4])
    )
    log = registry.ModelLog(
        example=HEATS, target="count", task="regression", evaluation=evaluation, allow_pickle=True
    )
    version = registry.log_model(
        customers, lambda columns: {"prediction": np.asarray(columns["heat"])}, "demand", log
    )
    with customers.begin() as scope:
        scope.link(Ref.parse("dataset:customers@1"), version.ref, "trained")
    made = ask(customers, wish())
    (model,) = made.affected.models
    assert (model.ref, model.evaluation, model.example) == (version.ref, 1, 0)
    assert model.trained_on == (Ref.parse("dataset:customers@1"),)
    erase(customers, made.ref)
    with customers.begin(write=False) as scope:
        now = registry.get_version(scope, version.ref)
        events = list_events(scope, limit=50).items
    (fact,) = [event for event in events if event.type == "model.data_erased"]
    assert (fact.ref, fact.body["deletion"]) == (str(version.ref), str(made.ref))
    assert now.evaluation != version.evaluation
    assert search(customers, made.subjects)[0].models == ()


def test_online_rows_and_the_state_of_a_stream_go(session: Session, house: House) -> None:
    payments = pa.table({
        "customer": [1, 2, 2], "amount": [1.0, 2.0, 3.0],
        "moment": pa.array([house.drivers.clock.now() - timedelta(hours=n) for n in (3, 2, 1)],
                           pa.timestamp("us", "UTC")),
    })  # fmt: skip
    commit_table(session, "payments", payments)
    fields = {
        "entity": Entity(name="customer", keys=("customer",)), "source": "payments",
        "time": "moment", "owner": "ana", "description": "spent",
        "aggregations": (Aggregation(function="sum", column="amount", window="7d"),),
    }  # fmt: skip
    with session.begin() as scope:
        batch = register_view(scope, FeatureView(name="batch", **fields))
        live = register_view(
            scope, FeatureView(name="live", stream="payments", columns=("amount",), **fields)
        )
    materialize(session, batch.ref)
    now = house.drivers.clock.now()
    absorb(session, live.ref, payments, ("000", "002"), now)
    online = session.drivers.online
    views = [online_view(each.view, each.ref, session.project) for each in (batch, live)]
    before = read_stream(online, views[1], [[1], [2]], now)
    assert before[1] == {"amount": 3.0, "amount_sum_7d": 5.0}
    made = ask(session, wish(dataset="payments"))
    rows = {each.ref.name: (each.row, each.stream > 0) for each in made.affected.views}
    assert rows == {"batch": (True, False), "live": (False, True)}
    erase(session, made.ref)
    assert read_online(online, views[0], [[1], [2]], now) == [
        {"amount_sum_7d": 1.0}, {"amount_sum_7d": None},
    ]  # fmt: skip
    after = read_stream(online, views[1], [[1], [2]], now)
    assert after[0] == before[0]
    assert after[1]["amount"] is None
    assert search(session, made.subjects)[0].rows == 0


def test_predictions_of_somebody_and_their_labels_go(
    customers: Session, house: House, tmp_path: Path
) -> None:
    now = house.drivers.clock.now()
    columns = {"heat": [1.0, 2.0, 3.0], "customer": [1.0, 2.0, 2.0]}
    ids = log_predictions(house, tmp_path, columns, at=now)
    with customers.begin() as scope:
        add_labels(scope, "demand", ids[:2], [1.0, 2.0])
        add_labels(scope, "demand", ids[1:2], [4.0])
    made = ask(customers, wish())
    (logged,) = made.affected.predictions
    assert (logged.deployment, logged.rows, logged.labels) == ("demand", 2, 1)
    erase(customers, made.ref)
    found = read_predictions(customers, "demand", now, now + timedelta(hours=1))
    assert found["id"].to_pylist() == ids[:1]


def test_a_death_after_any_step_is_followed_by_the_rest(
    customers: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ask(customers, wish())
    step = erase_room._step
    acted: list[str] = []

    def dying(session, deletion, which, act):
        def counted():
            acted.append(which[1])
            return act()

        before = len(acted)
        step(session, deletion, which, counted)
        if len(acted) > before:
            raise KeyboardInterrupt

    monkeypatch.setattr(erase_room, "_step", dying)
    for _ in range(10):
        try:
            done = erase(customers, made.ref)
            break
        except KeyboardInterrupt:
            with customers.begin(write=False) as scope:
                assert show_deletion(scope, made.ref).deletion.state == "running"
    assert done.state == "done"
    assert len(acted) == len(set(acted)) == 7  # each step once
    assert erase(customers, made.ref) == done


def test_rows_that_are_committed_again_meanwhile_are_found_and_taken_out(
    customers: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ask(customers, wish())
    content = erase_room._content

    def late(session, deletion):
        monkeypatch.setattr(erase_room, "_content", content)
        commit_table(session, "customers", CUSTOMERS)
        return content(session, deletion)

    monkeypatch.setattr(erase_room, "_content", late)
    assert erase(customers, made.ref).left == 0
    assert read_table(customers, "customers")["customer"].to_pylist() == [1, 3]


def test_rows_that_come_back_each_time_are_told_and_it_is_not_done(
    customers: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ask(customers, wish())
    content = erase_room._content

    def always(session, deletion):
        commit_table(session, "customers", CUSTOMERS)
        return content(session, deletion)

    monkeypatch.setattr(erase_room, "_content", always)
    with pytest.raises(Refused, match="found again after 5 rounds"):
        erase(customers, made.ref)
    with customers.begin(write=False) as scope:
        assert show_deletion(scope, made.ref).deletion.state == "running"


def test_the_certificate_is_signed_and_holds_no_value(customers: Session, house: House) -> None:
    made = ask(customers, wish(key={"email": "bea@x.org"}))
    with customers.begin(write=False) as scope, pytest.raises(Conflict, match="is open"):
        certify(scope, made.ref)
    erase(customers, made.ref)
    with customers.begin(write=False) as scope:
        given = certify(scope, made.ref)
        events = list_events(scope, limit=100).items
    assert verify(given.public_key, given.text.encode(), given.signature)
    assert not verify(given.public_key, given.text.encode() + b" ", given.signature)
    said = json.loads(given.text)
    assert said["deletion"]["left"] == 0
    steps = [step["name"] for step in said["steps"]]
    assert (steps[0], steps[-1]) == ("models", "content")
    assert "bea@x.org" not in given.text
    assert "bea@x.org" not in str([event.body for event in events])
    again = ask(customers, wish(key={"email": "bea@x.org"}))
    assert again.subject_digest == made.subject_digest  # by which it can be recognized


def test_a_request_can_be_withdrawn_until_it_is_begun(customers: Session) -> None:
    made = ask(customers, wish())
    with customers.begin() as scope:
        assert withdraw(scope, made.ref, reason="asked for another").subjects == {}
    with pytest.raises(Conflict, match="withdrawn"):
        erase(customers, made.ref)
    done = erase(customers, ask(customers, wish()).ref)
    with customers.begin() as scope, pytest.raises(Conflict, match="is done"):
        withdraw(scope, done.ref, reason="too late")
    with customers.begin(write=False) as scope:
        states = [each.state for each in list_deletions(scope).items]
        assert sorted(states) == ["done", "withdrawn"]
        assert [each.ref for each in list_deletions(scope, state="done").items] == [done.ref]


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"reason": " "}, Invalid, "reason"),
        ({"key": {}}, Invalid, "whose rows"),
        ({"key": {"costumer": 2}}, Invalid, "no version of dataset:customers has a column"),
        ({"key": {"customer": "two"}}, Invalid, "whole numbers"),
        ({"dataset": "nothing"}, NotFound, "has no version"),
        ({"also": {"nothing": "x"}}, NotFound, "has no version"),
        ({"key": {"customer": 2, "city": "oslo"}, "also": {"x": "y"}}, Invalid, "one value"),
        ({"days": -1}, Invalid, "until it is due"),
    ],
)
def test_a_wish_of_no_sense_is_refused_and_nothing_is_kept(
    customers: Session, more: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        ask(customers, wish(**more))
    with customers.begin(write=False) as scope:
        assert not list_deletions(scope).items


def test_who_may_not_forget_may_not_ask_and_sees_no_values(
    customers: Session, house: House
) -> None:
    made = ask(customers, wish())
    eva = house.session(Principal(name="eva", grants=(Grant(role="auditor", project="*"),)))
    for act in (lambda: ask(eva, wish()), lambda: erase(eva, made.ref)):
        with pytest.raises(Denied):
            act()
    with eva.begin(write=False) as scope:
        assert show_deletion(scope, made.ref).deletion.subjects == {}
