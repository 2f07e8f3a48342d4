"""Rollouts go on by themselves, also of a deployment that no file declares."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bucle.base.refs import Ref
from bucle.control.rollout import check_rollout
from bucle.control.watched import check_watch
from bucle.governance.audit.read import last_of
from bucle.governance.session import House, Session
from bucle.lifecycle import charter, feedback, serving
from bucle.testing.houses import open_test_house
from tests.support.answers import Answering
from tests.support.control import settle
from tests.support.linear import make_home, model

DEMAND = Ref("deployment", "demand")
HOUR = timedelta(hours=1)
HEATS = [float(heat) for heat in range(1, 61)]
STEPS = serving.Rollout(steps=(0.2, 0.5), each="1h", min_requests=20)


@pytest.fixture(scope="module")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def house(linear_home: Path, tmp_path: Path) -> Iterator[House]:
    """Yield an installation without declarations, `demand` served in its first version."""
    opened = open_test_house(shutil.copytree(linear_home, tmp_path / "home"))
    with opened.session().begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    return house.session()


@pytest.fixture
def answer(house: House, tmp_path: Path) -> Answering:
    return Answering(house, tmp_path / "log")


def declare(session: Session, rollout: serving.Rollout) -> None:
    with session.begin() as scope:
        spec = serving.get_deployment(scope, DEMAND).spec
        serving.deploy(scope, msgspec.structs.replace(spec, rollout=rollout))


def later(house: House, by: timedelta = HOUR) -> None:
    house.drivers.clock.advance(by)
    settle(house)


def deployment(session: Session) -> serving.Deployment:
    with session.begin(write=False) as scope:
        return serving.get_deployment(scope, DEMAND)


def served(session: Session) -> list[str]:
    return [f"{one.role} {one.model.version} {one.weight:g}" for one in
            deployment(session).variants]  # fmt: skip


def begin(session: Session, house: House, rollout: serving.Rollout) -> None:
    declare(session, rollout)
    with session.begin() as scope:
        serving.start_canary(scope, "demand", model(2))
    settle(house)


def test_a_canary_that_nobody_declared_is_judged_too(
    session: Session, house: House, answer: Answering
) -> None:
    begin(session, house, STEPS)
    answer(1, "champion", HEATS)
    answer(2, "canary", HEATS)
    later(house)
    assert served(session) == ["champion 1 0.5", "canary 2 0.5"]
    answer(2, "canary", HEATS, error="it fails")
    later(house)
    now = deployment(session)
    assert served(session) == ["champion 1 1"]
    assert (now.action, now.reason) == ("rollout.aborted", "60 of 60 requests failed")
    assert [one.name for one in now.evidence if not one.ok] == ["errors"]
    with session.begin(write=False) as scope:
        event = last_of(scope, "rollout.aborted")
    assert event is not None
    assert event.body["reason"] == now.reason
    assert event.body["verdicts"]


def test_a_restarted_control_plane_goes_on_where_the_killed_one_was(
    session: Session, house: House, answer: Answering
) -> None:
    begin(session, house, STEPS)
    answer(1, "champion", HEATS)
    answer(2, "canary", HEATS)
    house.drivers.clock.advance(HOUR)
    at = house.drivers.clock.now()
    check_rollout(session, "demand")  # done, and the process dies before it can say so
    assert served(session)[1] == "canary 2 0.5"
    again = open_test_house(house.settings.home_path, start=at)
    settle(again)  # the job is there still, and is tried again
    assert served(session)[1] == "canary 2 0.5"
    again.close()


@pytest.mark.parametrize(
    ("gates", "predictions", "said"),
    [
        (serving.RolloutGates(max_drift=0.3), None, "psi of its predictions"),
        (serving.RolloutGates(max_drift=0.3, measure="ks"), None, "ks of its predictions"),
        (serving.RolloutGates(max_drift=0.3), HEATS, ""),
    ],
)
def test_predictions_that_drift_from_the_champions_end_a_canary(
    session: Session,
    house: House,
    answer: Answering,
    gates: serving.RolloutGates,
    predictions: list[float] | None,
    said: str,
) -> None:
    begin(session, house, msgspec.structs.replace(STEPS, gates=gates))
    answer(1, "champion", HEATS)
    answer(2, "canary", HEATS, predictions=predictions)
    later(house)
    now = deployment(session)
    assert now.action == ("rollout.aborted" if said else "rollout.advanced")
    assert said in now.reason


def test_a_canary_that_costs_the_business_more_is_taken_back(
    session: Session, house: House, answer: Answering
) -> None:
    with session.begin() as scope:
        charter.set_charter(
            scope,
            problem="How many are needed?",
            kpi=charter.Kpi(name="waste", unit="EUR"),
            costs=charter.ErrorCosts(unit="EUR", over=2.0, under=1.0),
            stop_rule="",
            sponsor="",
        )
    gates = serving.RolloutGates(max_cost_rise=0.5)
    begin(session, house, msgspec.structs.replace(STEPS, gates=gates))
    ids = answer(1, "champion", HEATS) + answer(2, "canary", HEATS)
    with session.begin() as scope:
        feedback.add_labels(scope, "demand", ids, HEATS + HEATS)
    later(house)
    now = deployment(session)
    assert now.action == "rollout.aborted"
    assert "cost of a case: champion 0, canary 61" in now.reason


WATCHED = msgspec.structs.replace(STEPS, steps=(0.5,), gates=serving.RolloutGates(watch="1d"))


def test_a_champion_that_fails_after_its_rollout_gives_way_to_the_one_before(
    session: Session, house: House, answer: Answering
) -> None:
    begin(session, house, WATCHED)
    answer(1, "champion", HEATS)
    answer(2, "canary", HEATS)
    later(house)
    assert served(session) == ["champion 2 1"]
    answer(2, "champion", HEATS)
    later(house)
    assert served(session) == ["champion 2 1"]
    answer(2, "champion", HEATS * 2, error="it fails")
    later(house)
    now = deployment(session)
    assert served(session) == ["champion 1 1"]
    assert now.action == "deployment.rolled_back"
    assert now.reason.startswith("it failed after its rollout: 120 of 180 requests failed")
    assert check_watch(session, "demand") == {"outcome": "no champion is watched"}


def test_a_champion_that_does_well_has_proved_itself(
    session: Session, house: House, answer: Answering
) -> None:
    begin(session, house, WATCHED)
    answer(1, "champion", HEATS)
    answer(2, "canary", HEATS)
    later(house)
    for _ in range(24):
        answer(2, "champion", HEATS)
        later(house)
    with session.begin(write=False) as scope:
        assert last_of(scope, "rollout.proved") is not None
    assert served(session) == ["champion 2 1"]


def test_an_ab_test_concludes_by_itself(session: Session, house: House, answer: Answering) -> None:
    trial = serving.Trial(min_effect=1.0)
    declare(session, serving.Rollout(kind="ab", metric="mae", each="1h", min_requests=50,
                                     trial=trial))  # fmt: skip
    with session.begin() as scope:
        serving.start_trial(scope, "demand", (model(2), model(3)))
    settle(house)
    rng = np.random.default_rng(44)
    for _ in range(2):
        truth = [2 * heat for heat in HEATS]
        ids = []
        for version, spread in ((1, 30.0), (2, 1.0), (3, 29.0)):
            said = (np.array(truth) + rng.normal(0, spread, len(truth))).tolist()
            role = "champion" if version == 1 else "challenger"
            ids += answer(version, role, HEATS, predictions=said)
        with session.begin() as scope:
            feedback.add_labels(scope, "demand", ids, truth * 3)
        later(house)
    now = deployment(session)
    assert served(session) == ["champion 2 1"]
    assert "model:demand@2 is" in now.reason
    assert "better than model:demand@1" in now.reason
    assert now.evidence


def test_a_bandit_moves_traffic_by_itself(
    session: Session, house: House, answer: Answering
) -> None:
    trial = serving.Trial(floor=0.1, certainty=0.99)
    declare(session, serving.Rollout(kind="bandit", metric="reward", each="1h",
                                     min_requests=1000, trial=trial))  # fmt: skip
    with session.begin() as scope:
        serving.start_trial(scope, "demand", (model(2),))
    settle(house)
    bad, good = answer(1, "champion", HEATS), answer(2, "challenger", HEATS)
    with session.begin() as scope:
        feedback.add_labels(scope, "demand", bad + good, [0.0] * 60 + [1.0] * 60)
    later(house)
    assert served(session) == ["champion 1 0.1", "challenger 2 0.9"]
    assert deployment(session).action == "rollout.reweighed"


@pytest.mark.parametrize(("steps", "follows"), [((0.5,), "rollout.started"),
                                                ((), "rollout.shadow_started")])  # fmt: skip
def test_a_version_leaves_the_shadow_for_its_canary_if_steps_are_declared(
    session: Session,
    house: House,
    answer: Answering,
    steps: tuple[float, ...],
    follows: str,
) -> None:
    declare(session, serving.Rollout(kind="shadow", each="1h", min_requests=20, steps=steps))
    with session.begin() as scope:
        serving.start_shadow(scope, "demand", model(2))
    settle(house)
    ids = answer(1, "champion", HEATS)
    answer.shadow(2, ids, [2 * heat for heat in HEATS])
    later(house)
    assert deployment(session).action == follows
    with session.begin(write=False) as scope:
        proved = last_of(scope, "rollout.shadow_proved")
    assert (proved is None) == bool(steps)


def test_the_differences_of_a_shadow_are_reported(
    session: Session, house: House, answer: Answering
) -> None:
    with session.begin() as scope:
        serving.start_shadow(scope, "demand", model(2))
    ids = answer(1, "champion", [1.0, 2.0, 3.0, 4.0])
    answer.shadow(2, ids, [1.0, 2.5, 3.0, 9.0])
    found = serving.compare(session, "demand", limit=1)
    assert (found.copied, found.compared, found.failed) == (4, 4, 0)
    seen = found.differences
    assert seen is not None
    assert (seen.agreement, seen.mean_difference) == (0.5, pytest.approx(5.5 / 4))
    assert seen.worst[0].id == ids[3]
    assert (seen.worst[0].answered, seen.worst[0].shadow) == (4.0, 9.0)
    assert (seen.answered_p50_ms, seen.shadow_p50_ms) == pytest.approx((0.1, 0.2))


def test_control_leaves_what_was_killed_alone(session: Session, house: House) -> None:
    begin(session, house, STEPS)
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(2))
        serving.kill(scope, "demand", reason="wrong")
    later(house)
    assert served(session) == ["champion 1 1"]
    assert deployment(session).killed is not None
