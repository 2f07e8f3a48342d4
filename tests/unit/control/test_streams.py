"""Control counts events: when they were sent, and as often as declared for those nobody told of."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bucle.base.refs import Ref
from bucle.control.actions import ACTIONS
from bucle.control.jobs import Job, list_jobs
from bucle.control.reconcile.apply import apply_project
from bucle.control.spec.project import parse_project
from bucle.control.spec.records import FeaturesSpec
from bucle.control.tick import tick
from bucle.governance.session import House, Session
from bucle.lifecycle.features import online_view
from bucle.lifecycle.features.stream import read_stream
from bucle.lifecycle.features.transport import send
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import SPENDING

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIVE = msgspec.structs.replace(SPENDING, name="live", stream="payments")
TEXT = "version: 1\nproject: default\nreconcile: {every: 30d}\n"


@pytest.fixture
def house(tmp_path: Path):
    opened = open_test_house(tmp_path / "home", start=NOW, online_url="memory:")
    yield opened
    opened.close()


def apply(session: Session, every: str = "") -> None:
    features = FeaturesSpec(views="features:VIEWS", every=every, definitions=(SPENDING, LIVE))
    apply_project(session, msgspec.structs.replace(parse_project(TEXT), features=features), "")
    while tick(session):
        pass


def follow_jobs(session: Session) -> list[Job]:
    with session.begin(write=False) as scope:
        return [job for job in reversed(list_jobs(scope).items) if job.kind == "features.follow"]


def payment() -> dict[str, object]:
    at = (NOW - timedelta(hours=1)).isoformat()
    return {"card": 1, "at": at, "amount": 5.5, "fraud": False}


def test_events_that_were_sent_are_counted_for_the_views_whose_stream_they_are(house: House):
    session = house.session()
    apply(session)
    send(session, "payments", [payment(), payment()])
    send(session, "other", [payment()])
    while tick(session):
        pass
    (job,) = follow_jobs(session)
    assert job.args == {"view": "live"}
    assert ACTIONS[job.kind](session, job)["applied"] == 2
    online = online_view(LIVE, Ref("feature_view", "live", 1), session.project)
    (row,) = read_stream(house.drivers.online, online, [(1,)], NOW)
    assert row["amount_sum_1d"] == 11.0


def test_a_topic_that_others_write_is_looked_at_as_often_as_declared(house: House):
    session = house.session()
    apply(session, every="1h")
    house.drivers.clock.advance(timedelta(hours=1))
    while tick(session):
        pass
    assert [job.args["view"] for job in follow_jobs(session)] == ["live"]
