"""Demand for rental bikes: a model of 2011 decays in 2012, and the loop does something about it.

Nobody steers: the test is the world.  It asks for every hour of 2012, says a day later what
came, moves the clock, and once kills the control plane.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bucle.base.refs import Ref
from bucle.governance.audit.records import Event
from bucle.interfaces.client import Client
from bucle.lifecycle import feedback, registry, serving
from tests.story.bike_replay import (
    DAY,
    END,
    FEATURES,
    START,
    TARGET,
    Served,
    before,
    read_hours,
    replay_days,
)
from tests.story.installation import Installation, installation

PROJECT = Path(__file__).parent / "bike"
# The control plane is dead from here, for so long.
KILLED_AT = datetime(2012, 6, 10, tzinfo=UTC)
DEAD_FOR = timedelta(days=2)
STORM = datetime(2012, 10, 29, tzinfo=UTC)
AT_MOST = 0.65  # of the error of the first model left alone

pytestmark = [pytest.mark.story, pytest.mark.service, pytest.mark.timeout(2400)]


@pytest.fixture(params=["sqlite_lmdb", "postgresql_redis"])
def urls(request) -> dict[str, str]:
    if request.param == "sqlite_lmdb":
        return {}
    return {
        "BUCLE_DATABASE_URL": request.getfixturevalue("postgresql_url"),
        "BUCLE_ONLINE_URL": request.getfixturevalue("redis_url"),
    }


def test_the_loop_keeps_up_with_a_growing_city(urls, tmp_path, shared_data, record_property):
    hours = read_hours(shared_data("bike_hour.csv"))
    with installation(tmp_path, PROJECT, "bikes", START, urls) as there, there.client() as client:
        client.dataset("rentals").commit(before(hours, START), message="2011")
        served = _year(there, client, hours)
        events = _events(client)
        alone = _error_of_first(there, hours)
        record_property("figures", _figures(served, alone, events))

        promoted = [event for event in events if event.type == "model.promoted"]
        assert len(promoted) >= 3, "it retrained and promoted more than once"
        assert all(event.actor == "control" for event in promoted[1:])
        assert served.error <= AT_MOST * alone
        assert _volume_alerts(events) == [STORM + DAY]
        _assert_nothing_lost(there, served)
        _assert_chain_is_whole(client, events)
        assert client.call("audit.verify").ok


def _year(there: Installation, client: Client, hours: pa.Table) -> Served:
    """Replay 2012; in June the control plane is killed, and comes back two days later."""
    replay = there.replay(client, "demand")
    client.call("control.fire", name="train")
    replay.settle(START)

    def each_day(day: datetime) -> None:
        if day == KILLED_AT:
            there.kill_control_plane()
        elif day == KILLED_AT + DEAD_FOR:
            there.up()

    def alive(day: datetime) -> bool:
        return not KILLED_AT <= day < KILLED_AT + DEAD_FOR

    try:
        return replay_days(replay, hours, START, END, each_day=each_day, alive=alive)
    finally:
        replay.close()


def _error_of_first(there: Installation, hours: pa.Table) -> float:
    """Return the mean absolute error over 2012 of the first version, had it been left alone."""
    house = there.house()
    session = house.session()
    try:
        with session.begin(write=False) as scope:
            first = registry.get_version(scope, Ref("model", "demand", 1))
        predictor = registry.open_version(session, first)
        year = hours.filter(pc.greater_equal(hours["at"], pa.scalar(START, hours["at"].type)))
        columns = {name: year[name].to_numpy() for name in FEATURES}
        said = predictor.predict(columns)["prediction"]
        predictor.close()
        return float(np.abs(said - year[TARGET].to_numpy()).mean())
    finally:
        house.close()


def _assert_nothing_lost(there: Installation, served: Served) -> None:
    house = there.house()
    session = house.session()
    try:
        logged = serving.read_predictions(session, "demand", START, END, columns=["id"])
        assert sorted(logged["id"].to_pylist()) == sorted(served.ids)
        labels = feedback.labels_table(session, "demand", START, END - DAY)
        known = dict(zip(served.ids, served.came, strict=True))
        labelled = labels["prediction_id"].to_pylist()
        assert labelled == sorted(
            id_ for id_, at in zip(served.ids, served.at, strict=True) if at < END - DAY
        )
        assert labels["label"].to_pylist() == [known[id_] for id_ in labelled]
    finally:
        house.close()


def _assert_chain_is_whole(client: Client, events: list[Event]) -> None:
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    left = Counter(event.type for event in events)
    waiting = len(client.call("control.jobs", status="queued").items)
    assert left["job.queued"] == left["job.finished"] + left["job.failed"] + waiting


def _events(client: Client) -> list[Event]:
    """Return every event of the project, oldest first."""
    found: list[Event] = []
    token = None
    while True:
        page = client.call("audit.events", limit=1000, token=token)
        found.extend(page.items)
        token = page.next_token
        if token is None:
            return found[::-1]


def _volume_alerts(events: list[Event]) -> list[datetime]:
    return [
        event.at
        for event in events
        if event.type == "alert.raised" and event.body["cause"] == "volume"
    ]


def _figures(served: Served, alone: float, events: list[Event]) -> str:
    counts = Counter(event.type for event in events)
    shown = {name: counts[name] for name in (
        "trigger.fired", "model.registered", "model.refused", "model.promoted",
        "rollout.started", "rollout.aborted", "alert.raised", "feedback.folded")}  # fmt: skip
    return (
        f"2012: the loop errs by {served.error:.1f} rentals an hour, the first model left alone "
        f"by {alone:.1f} (ratio {served.error / alone:.2f}); {shown}"
    )
