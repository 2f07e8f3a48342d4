import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle import registry, serving
from tests.support.linear import model


def test_a_version_that_is_served_gets_everything(session: Session) -> None:
    with session.begin() as scope:
        after = serving.serve_version(scope, "demand", model(1), reason="first")
        version = registry.get_version(scope, model(1))
    (champion,) = after.variants
    assert (champion.role, champion.model, champion.weight) == ("champion", model(1), 1.0)
    assert (champion.manifest, champion.signature) == (version.manifest, version.signature)
    assert (after.revision, after.reason) == (2, "first")


def test_serving_the_same_again_makes_no_revision(session: Session) -> None:
    with session.begin() as scope:
        first = serving.serve_version(scope, "demand", model(1))
        assert serving.serve_version(scope, "demand", model(1)) == first


def test_an_alias_is_pinned_to_its_number(session: Session) -> None:
    with session.begin() as scope:
        served = serving.serve_version(scope, "demand", model("latest"))
    assert served.variants[0].model == model(3)


def test_the_version_of_another_model_is_refused(session: Session) -> None:
    with session.begin() as scope, pytest.raises(Invalid, match="serves model 'demand'"):
        serving.serve_version(scope, "demand", Ref("model", "fraud", 1))


def test_an_unknown_version_is_not_found(session: Session) -> None:
    with session.begin() as scope, pytest.raises(NotFound, match="model:demand@9"):
        serving.serve_version(scope, "demand", model(9))


def test_who_has_not_seen_the_newest_revision_is_told(session: Session) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        with pytest.raises(Conflict, match="at revision 2, not 1"):
            serving.serve_version(scope, "demand", model(2), if_revision=1)


def test_a_viewer_may_not_serve(house: House, session: Session) -> None:
    viewer = Principal(name="vera", grants=(Grant(role="viewer", project="default"),))
    with house.session(viewer).begin() as scope, pytest.raises(Denied, match="serving:write"):
        serving.serve_version(scope, "demand", model(1))


def test_rolling_back_serves_the_champion_before(session: Session) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        serving.serve_version(scope, "demand", model(2))
        serving.start_canary(scope, "demand", model(3))
        after = serving.roll_back(scope, "demand", reason="it is worse")
    assert [variant.model for variant in after.variants] == [model(1)]
    assert after.rollout_state is None


def test_there_is_nothing_to_roll_back_to_at_first(session: Session) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        with pytest.raises(Invalid, match="no champion before model:demand@1"):
            serving.roll_back(scope, "demand", reason="why not")


def test_a_model_leads_on_to_the_revisions_that_served_it(session: Session) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        serving.start_canary(scope, "demand", model(2))
    with session.begin(write=False) as scope:
        found = trace(scope, model(2), up=False)
    assert found.nodes == ("model:demand@2", "deployment:demand@3")
    assert found.edges[0].detail == {"role": "canary", "weight": 0.2}


def test_another_model_is_not_put_behind_a_deployment_in_use(session: Session) -> None:
    with session.begin() as scope:
        serving.serve_version(scope, "demand", model(1))
        with pytest.raises(Invalid, match="their callers expect other columns"):
            serving.deploy(scope, serving.DeploymentSpec(name="demand", model="fraud"))
