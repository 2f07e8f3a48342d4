from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import serving
from tests.support.linear import model

DEMAND = Ref("deployment", "demand")
AT = datetime(2026, 3, 1, tzinfo=UTC)
AB = serving.Rollout(kind="ab", metric="mae", min_requests=50,
                     trial=serving.Trial(min_effect=0.5, max_duration="7d"))  # fmt: skip
BANDIT = serving.Rollout(kind="bandit", metric="reward", min_requests=50,
                         trial=serving.Trial(floor=0.1, certainty=0.99))  # fmt: skip


def _declare(scope: Scope, rollout: serving.Rollout) -> serving.Deployment:
    spec = serving.get_deployment(scope, DEMAND).spec
    return serving.deploy(scope, msgspec.structs.replace(spec, rollout=rollout))


@pytest.fixture
def served(session: Session) -> Session:
    with session.begin() as scope:
        _declare(scope, AB)
        serving.serve_version(scope, "demand", model(1))
    return session


def weights(deployment: serving.Deployment) -> dict[str, float]:
    return {str(one.model): round(one.weight, 3) for one in deployment.variants}


def test_several_versions_compete_with_equal_shares(served: Session) -> None:
    with served.begin() as scope:
        started = serving.start_trial(scope, "demand", (model(2), model(3)))
        assert serving.start_trial(scope, "demand", (model(2), model(3))) == started
    assert weights(started) == {
        "model:demand@1": 0.333, "model:demand@2": 0.333, "model:demand@3": 0.333,
    }  # fmt: skip
    assert started.rollout_state is not None
    assert started.rollout_state.kind == "ab"


def test_the_keys_of_each_trial_are_shuffled_anew(served: Session) -> None:
    with served.begin() as scope:
        serving.start_trial(scope, "demand", (model(2),))
        (planned,) = serving.current_plan(scope).deployments
    assert str(planned.salt).startswith("demand 20")


def test_the_winner_serves_everybody_and_the_evidence_is_kept(served: Session) -> None:
    proof = (Verdict(name="mae:2", ok=True, value=1.0),)
    with served.begin() as scope:
        serving.start_trial(scope, "demand", (model(2),))
        done = serving.stop_trial(scope, "demand", winner=model(2), reason="won", evidence=proof)
    assert weights(done) == {"model:demand@2": 1.0}
    assert (done.action, done.evidence) == ("rollout.trial_stopped", proof)


def test_without_a_winner_the_champion_stays(served: Session) -> None:
    with served.begin() as scope:
        serving.start_trial(scope, "demand", (model(2),))
        assert weights(serving.stop_trial(scope, "demand")) == {"model:demand@1": 1.0}
        with pytest.raises(Conflict, match="has no A/B test"):
            serving.stop_trial(scope, "demand")


def test_a_trial_is_refused_that_makes_no_sense(served: Session) -> None:
    with served.begin() as scope:
        for models, error, said in (
            ((), Invalid, "0 challengers"),
            ((model(2), model(2)), Invalid, "2 challengers"),
            ((model(1),), Conflict, "is the champion"),
        ):
            with pytest.raises(error, match=said):
                serving.start_trial(scope, "demand", models)
        serving.start_trial(scope, "demand", (model(2),))
        with pytest.raises(Conflict, match="on trial"):
            serving.start_canary(scope, "demand", model(3))


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        (serving.Rollout(kind="ab", metric="auc"), "row"),
        (serving.Rollout(kind="ab", metric="mae"), "min_effect is 0"),
        (serving.Rollout(kind="bandit", metric="mae", trial=serving.Trial(floor=0.6)), "floor"),
        (serving.Rollout(metric="speed"), "not known"),
        (serving.Rollout(kind="shadow", share=1.5), "share is 1.5"),
        (serving.Rollout(share=0.5), "goes by its steps"),
        (serving.Rollout(gates=serving.RolloutGates(max_drift=-1)), "max_drift"),
    ],
)
def test_a_rollout_that_could_never_conclude_is_refused(
    served: Session, rollout: serving.Rollout, said: str
) -> None:
    with served.begin() as scope, pytest.raises(Invalid, match=said):
        _declare(scope, rollout)


def test_a_bandit_is_shared_out_anew(served: Session) -> None:
    with served.begin() as scope:
        _declare(scope, BANDIT)
        serving.start_trial(scope, "demand", (model(2),))
        moved = serving.reweigh(scope, "demand", {"model:demand@1": 0.2, "model:demand@2": 0.8})
        assert weights(moved) == {"model:demand@1": 0.2, "model:demand@2": 0.8}
        for wrong in ({"model:demand@1": 1.0}, {"model:demand@1": 0.2, "model:demand@2": 0.9}):
            with pytest.raises(Invalid):
                serving.reweigh(scope, "demand", wrong)


def _entrant(version: int, outcomes: np.ndarray, **figures: object) -> serving.Entrant:
    known = {"requests": 1000, "errors": 0, "p95_ms": 2.0, "labelled": len(outcomes), "metric": 1.0}
    stats = serving.VariantStats(role="challenger", model=model(version), **(known | figures))
    return serving.Entrant(stats=stats, outcomes=outcomes, weight=0.5)


def _state(kind: str) -> serving.RolloutState:
    return serving.RolloutState(kind=kind, model=model(2), step=0, weight=0.5, started_at=AT,
                                step_started_at=AT)  # fmt: skip


def _spec(rollout: serving.Rollout) -> serving.DeploymentSpec:
    return serving.DeploymentSpec(name="demand", model="demand", rollout=rollout)


RNG = np.random.default_rng(3)
BAD, GOOD = RNG.normal(5, 1, 500), RNG.normal(3, 1, 500)
DAY = AT + timedelta(days=1)
LATE = AT + timedelta(days=8)


@pytest.mark.parametrize(
    ("first", "second", "figures", "now", "outcome", "winner"),
    [
        (BAD, GOOD, {}, DAY, "stop", "model:demand@2"),
        (GOOD, BAD, {}, DAY, "stop", None),
        (BAD[:20], GOOD[:20], {}, DAY, "wait", None),
        (BAD[:60], BAD[60:120], {}, DAY, "wait", None),
        (BAD[:60], BAD[60:120], {}, LATE, "stop", None),
        (BAD, GOOD, {"errors": 500}, DAY, "stop", None),
        (BAD, GOOD, {"p95_ms": 90.0}, DAY, "stop", None),
    ],
)
def test_an_ab_test_ends_by_evidence_harm_or_time(
    first: np.ndarray, second: np.ndarray, figures: dict[str, object], now: datetime,
    outcome: str, winner: str | None,
) -> None:  # fmt: skip
    entrants = [_entrant(1, first), _entrant(2, second, **figures)]
    found = serving.decide_trial(entrants, _spec(AB), _state("ab"), now)
    assert (found.outcome, found.winner and str(found.winner)) == (outcome, winner)
    assert found.reason
    assert found.verdicts


def test_a_bandit_moves_traffic_and_ends_when_it_is_sure() -> None:
    rng = np.random.default_rng(4)
    close = [_entrant(1, rng.integers(0, 2, 60).astype(float)),
             _entrant(2, np.ones(60) * 0.55)]  # fmt: skip
    found = serving.decide_trial(close, _spec(BANDIT), _state("bandit"), DAY)
    assert found.outcome in {"reweigh", "wait"}
    assert sum(found.weights.values()) == pytest.approx(1.0)
    sure = [_entrant(1, np.zeros(200)), _entrant(2, np.ones(200))]
    found = serving.decide_trial(sure, _spec(BANDIT), _state("bandit"), DAY)
    assert (found.outcome, str(found.winner)) == ("stop", "model:demand@2")
    again = serving.decide_trial(close, _spec(BANDIT), _state("bandit"), DAY)
    assert again == serving.decide_trial(close, _spec(BANDIT), _state("bandit"), DAY)
