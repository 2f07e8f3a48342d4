"""How a plan goes out: which followers get it when, and what ends it."""

from datetime import timedelta

import pytest

from bucle.base.clock import ManualClock
from bucle.base.refs import Ref
from bucle.governance.audit.read import events_after
from bucle.governance.session import House, Session
from bucle.lifecycle import serving
from bucle.lifecycle.serving import fleet
from bucle.lifecycle.serving.fleet.waves import content_for
from tests.support.linear import model


@pytest.fixture
def clock(house: House) -> ManualClock:
    found = house.drivers.clock
    assert isinstance(found, ManualClock)
    return found


def change(session: Session, version: int) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(version))
    serving.publish(session)


def newest(session: Session) -> fleet.FleetRollout:
    with session.begin(write=False) as scope:
        return fleet.fleet_history(scope).items[0]


def follow(session: Session, count: int, **told: object) -> int:
    """Let followers take what they should have; return how many have the newest plan."""
    with session.begin() as scope:
        found = fleet.releases(scope)
        assert found is not None
        followers = []
        for number in range(count):
            name = f"edge-{number}"
            labels = {"site": "lab"} if number < 3 else {}
            wanted = content_for(found, fleet.place_of(name), fleet.labels_text(labels))
            plan = wanted[0] if wanted else ""
            mine = told if plan == found.target.digest else {}
            followers.append(
                fleet.Follower(id=name, labels=labels, plan=plan, seen_at=scope.now, **mine)  # type: ignore[arg-type]
            )
        fleet.keep_reports(scope, followers)
        return sum(one.plan == found.target.digest for one in followers)


def judge(session: Session) -> fleet.FleetRollout | None:
    with session.begin() as scope:
        return fleet.judge_fleet(scope)


def facts(session: Session) -> list[str]:
    with session.begin(write=False) as scope:
        return [one.type for one in events_after(scope, 0) if one.type.startswith("fleet.")]


@pytest.fixture
def session(house: House) -> Session:
    opened = house.session()
    change(opened, 1)
    follow(opened, 100)
    return opened


def test_a_plan_goes_out_wave_by_wave(session: Session, clock: ManualClock) -> None:
    change(session, 2)
    reached = []
    while newest(session).state == "rolling":
        reached.append(follow(session, 100))
        judge(session)
        clock.advance(timedelta(seconds=3))
        judge(session)
    assert reached == [1, 10, 50, 100]
    assert facts(session) == [
        "fleet.rollout_started",
        *["fleet.wave_opened"] * 3,
        "fleet.rollout_finished",
    ]


def test_a_wave_that_fails_is_taken_back_and_the_next_plan_starts_anew(
    session: Session, clock: ManualClock
) -> None:
    change(session, 2)
    assert follow(session, 100, healthy=False, problem="demand: no room") == 1
    ended = judge(session)
    assert ended is not None
    assert ended.state == "rolled_back"
    assert ended.reason == "1 of 1 followers failed with it: demand: no room"
    assert follow(session, 100) == 0
    assert facts(session)[-1] == "fleet.rolled_back"
    change(session, 3)
    assert newest(session).state == "rolling"
    assert newest(session).stable == 1


def test_labels_choose_a_wave(session: Session) -> None:
    with session.begin() as scope:
        fleet.declare_fleet(scope, fleet.FleetSpec(waves=("site=lab", "0.5")))
    change(session, 2)
    assert newest(session).waves == ("site=lab", "0.5", "1")
    assert follow(session, 100) == 3


def test_what_takes_something_back_goes_to_everybody_at_once(session: Session) -> None:
    change(session, 2)
    assert newest(session).state == "rolling"
    with session.begin() as scope:
        serving.roll_back(scope, "demand", reason="it is wrong")
    serving.publish(session)
    assert newest(session).state == "finished"
    assert follow(session, 100) == 100


def test_without_followers_a_plan_is_out_at_once(house: House) -> None:
    session = house.session()
    change(session, 1)
    change(session, 2)
    assert newest(session).state == "finished"
    assert facts(session) == []


def test_the_fleet_is_summed(session: Session, clock: ManualClock) -> None:
    clock.advance(timedelta(seconds=100))
    follow(session, 40, version="1.0")
    with session.begin(write=False) as scope:
        found = fleet.summarize(scope)
        page = fleet.list_followers(scope, limit=30)
        rest = fleet.list_followers(scope, limit=100, token=page.next_token)
    assert (found.followers, found.healthy, found.lost) == (40, 40, 60)
    assert found.by_version == {"1.0": 40}
    assert len(page.items) + len(rest.items) == 100


def test_followers_of_last_week_are_forgotten(session: Session, clock: ManualClock) -> None:
    clock.advance(timedelta(days=8))
    with session.begin() as scope:
        assert fleet.forget_lost(scope) == 100


def test_publishing_the_same_plan_again_changes_nothing(session: Session) -> None:
    before = newest(session)
    serving.publish(session)
    assert newest(session) == before
    assert before.deployments == (Ref("deployment", "demand", 2),)
