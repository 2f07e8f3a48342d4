from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.ids import counted_on
from bucle.drivers.streams import Record
from bucle.governance.session import Session
from bucle.lifecycle import serving
from bucle.lifecycle.features import transport
from bucle.lifecycle.serving.scoring.records import ScoringSpec
from bucle.lifecycle.serving.scoring.stream import score_topic
from tests.support.linear import model

HOUR = timedelta(hours=1)
SPEC = ScoringSpec(name="hot", model="demand@2", topic="trips", output="told")


def event(heat: object, **more: object) -> dict[str, object]:
    return {"heat": heat, "city": "here", **more}


def told(session: Session, topic: str = "told") -> list[dict[str, Any]]:
    records = session.drivers.streams.read(f"{session.project}/{topic}", "", 10_000)
    return [msgspec.json.decode(record.value) for record in records]


def logged(session: Session) -> Any:
    now = session.drivers.clock.now()
    return serving.read_predictions(session, "demand", now - HOUR, now + HOUR)


def test_each_event_gives_a_prediction_that_names_it(session: Session) -> None:
    transport.send(session, "trips", [event(1.0, trip="a"), event(2.5, trip="b")])
    done = score_topic(session, SPEC)
    assert (done.events, done.failed, done.model) == (2, 0, model(2))
    first, second = told(session)
    assert (first["prediction"], second["prediction"]) == (2.0, 5.0)
    assert first["event"] == event(1.0, trip="a")
    assert counted_on(first["id"], 2)[1] == second["id"]
    assert second["position"] == done.position
    assert score_topic(session, SPEC).events == 0


def test_an_event_that_the_model_does_not_take_says_why_and_stops_no_other(
    session: Session,
) -> None:
    events = [event(1.0), {"city": "here"}, event("warm"), event(666.0), event(2.0)]
    transport.send(session, "trips", events)
    session.drivers.streams.append(f"{session.project}/trips", [b"{", b"[1]"])
    done = score_topic(session, SPEC)
    assert (done.events, done.failed) == (7, 5)
    said = [one.get("error", one.get("prediction")) for one in told(session)]
    assert said[0] == 2.0
    assert said[4] == 4.0
    for place, why in ((1, "'heat' is missing"), (2, "takes float64"), (3, "too hot"),
                       (5, "no JSON"), (6, "no JSON object")):  # fmt: skip
        assert why in said[place]


def test_predictions_are_in_the_log_as_its_policy_says(session: Session) -> None:
    with session.begin() as scope:
        spec = serving.DeploymentSpec(
            name="demand", model="demand", log=serving.LogPolicy(columns="model")
        )
        serving.deploy(scope, spec)
    transport.send(session, "trips", [event(float(heat), note="x") for heat in range(5)])
    score_topic(session, msgspec.structs.replace(SPEC, output="", log="demand"))
    table = logged(session)
    assert table["in_heat"].to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert table["out_prediction"].to_pylist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert set(table["variant"].to_pylist()) == {"stream"}
    assert "in_note" not in table.column_names


class Dying:
    """A stream store that stops a follower at a certain call."""

    def __init__(self, inner: Any, dies: Callable[[str], bool]) -> None:
        self._inner = inner
        self._dies = dies

    def read(self, topic: str, after: str, limit: int, wait_s: float = 0) -> list[Record]:
        found: list[Record] = self._inner.read(topic, after, limit, wait_s)
        return found

    def append(self, topic: str, values: list[bytes]) -> str:
        if self._dies("before"):
            raise KeyboardInterrupt
        if self._dies("half"):
            self._inner.append(topic, values[:3])
            raise KeyboardInterrupt
        position: str = self._inner.append(topic, values)
        if self._dies("after"):
            raise KeyboardInterrupt
        return position


@pytest.mark.parametrize("moment", ["before", "half", "after"])
def test_whoever_goes_on_after_a_kill_writes_each_prediction_once(
    moment: str, session: Session
) -> None:
    transport.send(session, "trips", [event(float(heat)) for heat in range(6)])
    both = msgspec.structs.replace(SPEC, log="demand")
    inner = session.drivers.streams
    session.drivers.__dict__["streams"] = Dying(inner, moment.__eq__)
    with pytest.raises(KeyboardInterrupt):
        score_topic(session, both)
    session.drivers.__dict__["streams"] = inner
    transport.send(session, "trips", [event(6.0)])
    score_topic(session, both)
    said = told(session)
    assert [one["prediction"] for one in said] == [2.0 * heat for heat in range(7)]
    assert logged(session)["id"].to_pylist() == [one["id"] for one in said]


def test_only_one_follower_scores_a_topic_under_a_name(session: Session) -> None:
    transport.send(session, "trips", [event(1.0)])
    inner = session.drivers.streams

    def again(_: str) -> bool:
        session.drivers.__dict__["streams"] = inner
        with pytest.raises(Conflict, match="counted by another process"):
            score_topic(session, SPEC)
        return False

    session.drivers.__dict__["streams"] = Dying(inner, again)
    score_topic(session, SPEC)
    assert len(told(session)) == 1


def test_two_scorings_of_a_topic_do_not_disturb_each_other(session: Session) -> None:
    transport.send(session, "trips", [event(1.0)])
    for name, version in (("one", 1), ("three", 3)):
        score_topic(session, msgspec.structs.replace(SPEC, name=name, model=f"demand@{version}"))
    assert [one["prediction"] for one in told(session)] == [1.0, 3.0]


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"output": ""}, Invalid, "would go nowhere"),
        ({"output": "trips"}, Invalid, "scored again"),
        ({"topic": ""}, Invalid, "neither a dataset nor a topic"),
        ({"model": "nothing@1"}, NotFound, "nothing"),
        ({"log": "nobody"}, NotFound, "deployment:nobody"),
    ],
)
def test_what_can_not_be_followed_is_refused(
    changed: dict[str, str], kind: type[Exception], said: str, session: Session
) -> None:
    with pytest.raises(kind, match=said):
        score_topic(session, msgspec.structs.replace(SPEC, **changed))
