"""A dataset collects the events of a topic: each once, and those of no use apart."""

import msgspec
import pytest

from bucle.base.errors import Conflict, Invalid
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.data.sourcing import topic
from tests.unit.lifecycle.data.sourcing.shop import declare, ids, pull, report, rows


def send(session: Session, *events: object) -> None:
    values = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in events]
    session.drivers.streams.append(f"{session.project}/orders", values)


def test_events_become_rows_once_each(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(topic, "_MOST_EVENTS", 2)
    monkeypatch.setattr(topic, "_READ", 2)
    declare(session, "topic:orders")
    assert pull(session).version is None
    send(session, {"id": 1}, {"id": 2}, {"id": 3})
    assert (pull(session).rows, str(pull(session).version)) == (3, "None")
    send(session, {"id": 3})  # an equal event is another one
    assert (pull(session).rows, ids(session)) == (1, [1, 2, 3, 3])


def test_events_of_no_use_go_into_the_quarantine(session: Session):
    declare(session, "topic:orders")
    send(session, {"id": 1}, b"broken", [1], {"id": "x"}, {"id": 2})
    pulled = pull(session)
    assert (pulled.rows, pulled.quarantined, ids(session)) == (2, 3, [1, 2])
    found = data.read_quarantined(session, "orders", 0)
    assert [row.text for row in found.rows] == ["broken", "[1]", '{"id":"x"}']
    send(session, {"id": 3, "extra": 1}, {"id": 4})
    assert (pull(session).quarantined, ids(session)) == (1, [1, 2, 4])


def test_events_without_one_row_wait_for_one(session: Session):
    declare(session, "topic:orders")
    send(session, b"broken")
    with pytest.raises(Invalid, match="no rows"):
        pull(session)
    send(session, {"id": 1})
    assert (pull(session).quarantined, ids(session)) == (1, [1])


def test_with_a_key_the_last_event_of_each_holds(session: Session):
    declare(session, "topic:orders", key=("id",), mode="upsert")
    send(session, {"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 1, "v": "c"})
    pull(session)
    send(session, {"id": 2, "v": "d"})
    pull(session)
    assert {row["id"]: row["v"] for row in rows(session)} == {1: "c", 2: "d"}


def test_a_commit_that_fails_leaves_the_events_where_they_are(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    declare(session, "topic:orders")
    send(session, {"id": 1})
    land = topic.land

    def fails(*_: object) -> None:
        raise Conflict("somebody else committed first")

    monkeypatch.setattr(topic, "land", fails)
    with pytest.raises(Conflict):
        pull(session)
    monkeypatch.setattr(topic, "land", land)
    assert (report(session).total, pull(session).rows, ids(session)) == (0, 1, [1])
