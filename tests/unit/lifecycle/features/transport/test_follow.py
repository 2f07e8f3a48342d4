"""Events from the topic into features: what is counted, put aside, sent again and waited for."""

from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.governance.audit.read import events_after
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import online_view, register_view
from bucle.lifecycle.features.stream import read_stream
from bucle.lifecycle.features.transport import (
    follow,
    list_dead,
    replay_dead,
    seed_stream,
    send,
)
from bucle.lifecycle.features.transport.lease import following
from tests.unit.lifecycle.features.payments import SCHEMA, SPENDING

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = msgspec.structs.replace(SPENDING, stream="payments")


def payment(card: int, amount: float, *, hours: float = 1) -> dict[str, object]:
    at = (NOW - timedelta(hours=hours)).isoformat()
    return {"card": card, "at": at, "amount": amount, "fraud": False}


@pytest.fixture
def view(session):
    with session.begin() as scope:
        return register_view(scope, VIEW)


def features(session, view, *cards):
    online = online_view(view.view, view.ref, session.project)
    return read_stream(session.drivers.online, online, [(card,) for card in cards], NOW)


def dead(session, view):
    with session.begin(write=False) as scope:
        return list_dead(scope, view.ref).items


def facts(session):
    with session.begin(write=False) as scope:
        return [event.type for event in events_after(scope, 0)]


def test_events_that_were_sent_are_in_the_features(session, view):
    sent = send(session, "payments", [payment(1, 10), payment(1, 20), payment(2, 5)])
    done = follow(session, "spending")
    assert (done.applied, done.dead, done.late, done.position) == (3, 0, 0, sent.position)
    one, two = features(session, view, 1, 2)
    assert (one["count_1d"], one["amount_sum_1d"], two["amount_max_7d"]) == (2, 30.0, 5.0)


def test_what_was_counted_is_not_counted_again(session, view):
    send(session, "payments", [payment(1, 10)])
    follow(session, "spending")
    assert follow(session, "spending").applied == 0
    send(session, "payments", [payment(1, 7)])
    assert follow(session, "spending").applied == 1
    assert features(session, view, 1)[0]["amount_sum_1d"] == 17.0


def test_more_events_than_one_batch_are_all_counted(session, view):
    send(session, "payments", [payment(1, 1.0) for _ in range(2_500)])
    assert follow(session, "spending").applied == 2_500
    assert features(session, view, 1)[0]["count_1d"] == 2_500


def test_an_event_of_no_use_is_put_aside_and_the_others_are_counted(session, view):
    bad = payment(1, 10) | {"amount": "ten"}
    send(session, "payments", [payment(1, 1), bad, {"hello": 1}, payment(1, 2)])
    done = follow(session, "spending")
    assert (done.applied, done.dead) == (2, 2)
    first, second = dead(session, view)
    assert "'amount' is \"ten\"" in first.reason
    assert msgspec.json.decode(first.body) == bad
    assert "no 'card'" in second.reason
    assert follow(session, "spending").dead == 0
    assert len(dead(session, view)) == 2


def test_a_batch_of_nothing_but_bad_events_does_not_stop_those_behind_it(session, view):
    send(session, "payments", [{"n": number} for number in range(1_500)])
    done = follow(session, "spending")
    assert (done.applied, done.dead) == (0, 1_500)
    send(session, "payments", [payment(1, 3)])
    assert follow(session, "spending").applied == 1
    assert features(session, view, 1)[0]["amount_sum_1d"] == 3.0


def test_what_another_program_wrote_and_is_no_json_is_put_aside(session, view):
    session.drivers.streams.append(f"{session.project}/payments", [b"\xff{", b""])
    assert follow(session, "spending").dead == 2
    assert [letter.body for letter in dead(session, view)] == ["\\xff{", ""]


def test_a_dead_letter_is_sent_again_corrected_and_counted_once_by_its_view_only(session, view):
    other = msgspec.structs.replace(VIEW, name="other")
    with session.begin() as scope:
        second = register_view(scope, other)
    bad = payment(1, 10) | {"fraud": "no"}
    send(session, "payments", [bad, payment(1, 0.5), payment(1, 0.5)])
    follow(session, "spending")
    (letter,) = dead(session, view)
    replay_dead(session, "spending", position=letter.position, event=payment(1, 10))
    assert dead(session, view) == ()
    done = follow(session, "spending")
    assert (done.applied, done.dead) == (1, 0)
    assert features(session, view, 1)[0]["amount_sum_1d"] == 11.0
    done = follow(session, "other")
    assert (done.applied, done.dead, done.passed) == (2, 1, 1)
    assert features(session, second, 1)[0]["amount_sum_1d"] == 1.0
    with pytest.raises(NotFound, match="waits"):
        replay_dead(session, "spending", position=letter.position)
    assert "feature.replayed" in facts(session)


def test_all_dead_letters_are_sent_as_they_came_and_die_again_if_nothing_changed(session, view):
    send(session, "payments", [payment(1, 1), {"x": 1}, {"x": 2}])
    follow(session, "spending")
    assert replay_dead(session, "spending").events == 2
    assert replay_dead(session, "spending").events == 0
    assert follow(session, "spending").dead == 2
    assert len(dead(session, view)) == 2
    replay_dead(session, "spending")
    assert follow(session, "spending").dead == 2


def test_whole_amounts_of_the_first_events_do_not_make_later_fractions_wrong(session, view):
    send(session, "payments", [payment(1, 10)])
    follow(session, "spending")
    send(session, "payments", [payment(1, 0.5)])
    assert follow(session, "spending").dead == 0


def test_only_one_process_follows_at_a_time(session, view):
    with following(session, view.ref), pytest.raises(Conflict, match="another process"):
        follow(session, "spending")
    assert follow(session, "spending").applied == 0


def test_a_follower_that_says_nothing_for_a_minute_is_replaced_and_told(session, view):
    with following(session, view.ref) as lease:
        session.drivers.clock.advance(timedelta(minutes=2))
        send(session, "payments", [payment(1, 1)])
        assert follow(session, "spending").applied == 1
        with pytest.raises(Conflict, match="another process"):
            lease.keep()


def test_a_view_without_a_stream_is_not_followed(session):
    with session.begin() as scope:
        register_view(scope, SPENDING)
    with pytest.raises(Invalid, match="no stream"):
        follow(session, "spending")


def test_an_event_that_no_stream_can_hold_is_refused_and_nothing_is_sent(session, view):
    for events, reason in (
        ([{"x": "y" * 600_000}], "bytes"),
        ([payment(1, 1), {"bucle:only_for": "x"}], "reserved"),
        ([{}] * 10_001, "too many"),
    ):
        with pytest.raises(Invalid, match=reason):
            send(session, "payments", events)
    assert session.drivers.streams.count(f"{session.project}/payments") == 0


def test_sending_and_following_leave_facts(session, view):
    send(session, "payments", [payment(1, 1)])
    follow(session, "spending")
    follow(session, "spending")
    assert facts(session)[-2:] == ["topic.extended", "feature.followed"]


def test_a_stream_begins_with_the_rows_of_the_dataset_and_events_come_on_top(session, view):
    row = payment(1, 10, hours=2)
    rows = [row | {"at": NOW - timedelta(hours=2)}, row | {"at": NOW + timedelta(hours=1)}]
    commit_table(session, "payments", pa.Table.from_pylist(rows, schema=SCHEMA))
    assert seed_stream(session, "spending", NOW) == 2
    assert seed_stream(session, "spending", NOW) == 2
    send(session, "payments", [payment(1, 5)])
    follow(session, "spending")
    assert features(session, view, 1)[0]["amount_sum_1d"] == 15.0
    with pytest.raises(Conflict, match="counted events"):
        seed_stream(session, "spending", NOW + timedelta(hours=2))
    assert "feature.seeded" in facts(session)
