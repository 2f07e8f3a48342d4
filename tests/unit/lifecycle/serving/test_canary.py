import pytest

from bucle.base.errors import Conflict, Invalid
from bucle.governance.audit.read import events_after
from bucle.governance.session import Session
from bucle.lifecycle import serving
from tests.support.linear import model


def shares(deployment: serving.Deployment) -> dict[str, float]:
    return {str(one.model): one.weight for one in deployment.variants}


@pytest.fixture
def served(session: Session) -> Session:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    return session


def test_a_canary_goes_from_its_first_share_to_everything(served: Session) -> None:
    with served.begin() as scope:
        started = serving.start_canary(scope, "demand", model(2))
        assert shares(started) == {"model:demand@1": 0.8, "model:demand@2": 0.2}
        assert started.rollout_state is not None
        advanced = serving.advance_canary(scope, "demand", 0.5)
        assert shares(advanced) == {"model:demand@1": 0.5, "model:demand@2": 0.5}
        assert advanced.rollout_state is not None
        assert (started.rollout_state.step, advanced.rollout_state.step) == (0, 1)
        finished = serving.finish_canary(scope, "demand")
    assert shares(finished) == {"model:demand@2": 1.0}
    assert finished.rollout_state is None
    with served.begin(write=False) as scope:
        recorded = [event.type for event in events_after(scope, 0)]
    assert recorded[-3:] == ["rollout.started", "rollout.advanced", "rollout.finished"]


def test_an_aborted_canary_leaves_the_champion_alone(served: Session) -> None:
    with served.begin() as scope:
        serving.start_canary(scope, "demand", model(2))
        aborted = serving.abort_canary(scope, "demand", reason="worse")
    assert shares(aborted) == {"model:demand@1": 1.0}
    assert (aborted.action, aborted.reason) == ("rollout.aborted", "worse")


def test_starting_the_same_canary_twice_changes_nothing(served: Session) -> None:
    with served.begin() as scope:
        first = serving.start_canary(scope, "demand", model(2))
        assert serving.start_canary(scope, "demand", model(2)) == first


def test_a_second_canary_has_to_wait(served: Session) -> None:
    with served.begin() as scope:
        serving.start_canary(scope, "demand", model(2))
        with pytest.raises(Conflict, match="model:demand@2 is the canary"):
            serving.start_canary(scope, "demand", model(3))


def test_the_champion_can_not_be_its_own_canary(served: Session) -> None:
    with served.begin() as scope, pytest.raises(Conflict, match="is the champion"):
        serving.start_canary(scope, "demand", model(1))


def test_a_canary_needs_a_champion(session: Session) -> None:
    with session.begin() as scope, pytest.raises(Conflict, match="serves no version yet"):
        serving.start_canary(scope, "demand", model(1))


@pytest.mark.parametrize("weight", [0.1, 0.2, 1.0])
def test_a_share_only_rises_and_stays_below_everything(served: Session, weight: float) -> None:
    with served.begin() as scope:
        serving.start_canary(scope, "demand", model(2))
        with pytest.raises(Invalid, match="no step forward"):
            serving.advance_canary(scope, "demand", weight)


def test_without_a_canary_there_is_nothing_to_finish(served: Session) -> None:
    with served.begin() as scope, pytest.raises(Conflict, match="has no canary"):
        serving.finish_canary(scope, "demand")


def test_serving_the_canary_at_once_finishes_its_rollout(served: Session) -> None:
    with served.begin() as scope:
        serving.start_canary(scope, "demand", model(2))
        after = serving.serve_version(scope, "demand", model(2))
    assert shares(after) == {"model:demand@2": 1.0}
    with served.begin(write=False) as scope:
        recorded = [event.type for event in events_after(scope, 0)]
    assert recorded[-2:] == ["rollout.finished", "deployment.served"]
