import msgspec
import pytest

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.governance.audit.read import events_after
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import serving
from tests.support.linear import model

DEMAND = Ref("deployment", "demand")
RULE = serving.Fallback(rule="heat > 30")


@pytest.fixture
def served(session: Session) -> Session:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        serving.serve_version(scope, "demand", model(2))
    return session


def _declare(scope: Scope, fallback: serving.Fallback) -> serving.Deployment:
    spec = serving.get_deployment(scope, DEMAND).spec
    return serving.deploy(scope, msgspec.structs.replace(spec, fallback=fallback))


def models(deployment: serving.Deployment) -> list[str]:
    return [str(one.model) for one in deployment.variants]


def test_without_a_fallback_the_champion_before_answers(served: Session) -> None:
    with served.begin() as scope:
        serving.start_canary(scope, "demand", model(3))
        killed = serving.kill(scope, "demand", reason="it pays out everything")
        assert serving.kill(scope, "demand", reason="pressed twice") == killed
    assert models(killed) == ["model:demand@1"]
    assert killed.killed is not None
    assert (killed.killed.to, killed.reason) == ("previous", "it pays out everything")
    with served.begin(write=False) as scope:
        recorded = [event.type for event in events_after(scope, 0)]
    assert recorded[-2:] == ["rollout.aborted", "deployment.killed"]


def test_a_killed_deployment_is_left_alone_until_it_is_restored(served: Session) -> None:
    with served.begin() as scope:
        serving.kill(scope, "demand", reason="wrong")
        for change in (
            lambda: serving.serve_version(scope, "demand", model(3)),
            lambda: serving.start_canary(scope, "demand", model(3)),
            lambda: serving.start_shadow(scope, "demand", model(3)),
            lambda: serving.roll_back(scope, "demand", reason="again"),
        ):
            with pytest.raises(Conflict, match="was killed by"):
                change()
        restored = serving.restore(scope, "demand", reason="mended")
        assert models(restored) == ["model:demand@2"]
        with pytest.raises(Conflict, match="was not killed"):
            serving.restore(scope, "demand")


def test_with_a_fallback_no_model_answers_and_the_plan_says_so(served: Session) -> None:
    with served.begin() as scope:
        _declare(scope, RULE)
        killed = serving.kill(scope, "demand", reason="wrong")
        (planned,) = serving.current_plan(scope).deployments
    assert killed.variants == ()
    assert planned.killed is True
    assert planned.fallback
    assert planned.fallback.rule == "heat > 30"
    assert [field.name for field in planned.fallback.inputs] == ["heat", "city"]


def test_a_plan_without_anything_new_reads_as_before(served: Session) -> None:
    with served.begin(write=False) as scope:
        (planned,) = serving.current_plan(scope).deployments
    keys = msgspec.to_builtins(planned, enc_hook=str).keys()
    assert keys == {"ref", "target", "p95_ms", "variants", "views", "views_of"}


def test_an_older_server_sends_no_caller_to_a_shadow(served: Session) -> None:
    with served.begin() as scope:
        serving.start_shadow(scope, "demand", model(3))
        (planned,) = serving.current_plan(scope).deployments
    assert [one.role for one in planned.variants] == ["champion"]
    assert planned.shadows
    assert [str(one.model) for one in planned.shadows] == ["model:demand@3"]


def test_the_previous_may_be_asked_for_where_a_fallback_is_declared(served: Session) -> None:
    with served.begin() as scope:
        _declare(scope, RULE)
        assert serving.kill(scope, "demand", reason="wrong").variants == ()
        killed = serving.kill(scope, "demand", reason="the rule too", to="previous")
        assert models(killed) == ["model:demand@1"]
        assert models(serving.restore(scope, "demand")) == ["model:demand@2"]


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        (serving.Fallback(), "neither"),
        (serving.Fallback(rule="heat > 1", constant=1.0), "both"),
        (serving.Fallback(rule="heat >"), "no expression"),
        (serving.Fallback(rule="amount > 900"), "'amount', which model:demand@2 does not take"),
        (serving.Fallback(rule="city > 900"), "can not be applied"),
        (serving.Fallback(constant="warm"), "gives no float64"),
    ],
)
def test_a_fallback_that_could_not_answer_is_refused_when_it_is_declared(
    served: Session, fallback: serving.Fallback, said: str
) -> None:
    with served.begin() as scope, pytest.raises(Invalid, match=said):
        _declare(scope, fallback)


def test_the_fallback_that_answers_can_not_be_taken_away(served: Session) -> None:
    with served.begin() as scope:
        declared = _declare(scope, RULE)
        serving.kill(scope, "demand", reason="wrong")
        spec = msgspec.structs.replace(declared.spec, fallback=msgspec.UNSET)
        with pytest.raises(Conflict, match="its fallback answers now"):
            serving.deploy(scope, spec)


def test_a_kill_needs_a_reason_and_somewhere_to_go(session: Session) -> None:
    with session.begin() as scope:
        with pytest.raises(Conflict, match="serves no version"):
            serving.kill(scope, "demand", reason="x")
        serving.serve_version(scope, "demand", model(1))
        with pytest.raises(Invalid, match="needs a reason"):
            serving.kill(scope, "demand", reason=" ")
        with pytest.raises(Invalid, match="no champion before"):
            serving.kill(scope, "demand", reason="x")
        with pytest.raises(Invalid, match="declares no fallback"):
            serving.kill(scope, "demand", reason="x", to="fallback")
