from pathlib import Path

import pytest

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.lifecycle import serving
from bucle.testing.houses import open_test_house

SPEC = serving.DeploymentSpec(name="demand", model="demand")


def test_a_new_deployment_serves_nothing_yet(tmp_path: Path) -> None:
    session = open_test_house(tmp_path).session()
    with session.begin() as scope:
        made = serving.deploy(scope, SPEC)
    assert made.ref == Ref("deployment", "demand", 1)
    assert made.variants == ()
    with session.begin(write=False) as scope:
        assert serving.get_deployment(scope, Ref("deployment", "demand")) == made


def test_the_same_specification_makes_no_revision(tmp_path: Path) -> None:
    session = open_test_house(tmp_path).session()
    with session.begin() as scope:
        first = serving.deploy(scope, SPEC)
        assert serving.deploy(scope, SPEC) == first


def test_a_changed_specification_is_the_next_revision(tmp_path: Path) -> None:
    session = open_test_house(tmp_path).session()
    changed = serving.DeploymentSpec(
        name="demand", model="demand", rollout=serving.Rollout(steps=(0.2,))
    )
    with session.begin() as scope:
        serving.deploy(scope, SPEC)
        assert serving.deploy(scope, changed).revision == 2
        assert [item.revision for item in serving.history(scope, "demand").items] == [2, 1]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"rollout": serving.Rollout(steps=(0.5, 0.2))}, "rising"),
        ({"rollout": serving.Rollout(steps=(0.5, 1.0))}, "between 0 and 1"),
        ({"rollout": serving.Rollout(each="soon")}, "'soon' is not a duration"),
        ({"rollout": serving.Rollout(min_requests=0)}, "min_requests is 0"),
        ({"rollout": serving.Rollout(max_error_ratio=0)}, "max_error_ratio is 0"),
        ({"objectives": serving.Objectives(p95_ms=-1)}, "p95_ms is -1"),
        ({"name": "a/b"}, "holds a slash"),
        ({"name": ""}, "a name is empty"),
    ],
)
def test_a_specification_that_makes_no_sense_is_refused(spec: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        serving.check_spec(serving.DeploymentSpec(**({"name": "d", "model": "m"} | spec)))
