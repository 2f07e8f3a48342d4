"""Who uses a dataset, and a column of it, as far as anybody knows."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.search.find import search
from bucle.governance.session import House, Session
from bucle.interfaces.operations.data_reindex import Reindex, reindex
from bucle.interfaces.operations.data_usage import usage
from bucle.lifecycle import data, features, registry, serving, tracking
from bucle.testing.houses import open_test_house
from tests.support.linear import register_linear

TABLE = pa.table({"id": [1, 2], "heat": [1.0, 2.0], "city": ["a", "b"],
                  "at": pa.array([0, 1], pa.timestamp("us", "UTC"))})  # fmt: skip


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    house: House = open_test_house(tmp_path)
    yield house.session()
    house.close()


def _view(name: str, **more: object) -> features.FeatureView:
    return features.FeatureView(
        name=name, entity=features.Entity(name="station", keys=("id",)), source="rentals",
        time="at", owner="ana", description="what it does", **more,
    )  # fmt: skip


@pytest.fixture
def used(session: Session) -> Session:
    version = data.commit_table(session, "rentals", TABLE)
    with session.begin() as scope:
        features.register_view(scope, _view("warm", columns=("heat",)))
        features.register_view(scope, _view("where", columns=("city",)))
        features.register_view(scope, _view("any", columns=("x",), sql="SELECT *, 1 x FROM source"))
        reader = tracking.start_run(scope, tracking.RunStart(name="reader"))
        tracking.add_input(scope, reader.ref, version.ref, rows=2)
        trainer = tracking.start_run(scope, tracking.RunStart(name="trainer"))
        tracking.add_input(scope, trainer.ref, version.ref)
        tracking.add_input(scope, trainer.ref, Ref("feature_view", "where", 1))
    model = register_linear(session, "demand", 1.0)
    with session.begin() as scope:
        tracking.add_output(scope, reader.ref, model.ref)
        serving.deploy(scope, serving.DeploymentSpec(name="live", model="demand", target="count"))
        scope.link(model.ref, Ref("deployment", "live", 2), "served_by")
    return session


def _found(session: Session, column: str = "") -> dict[str, str]:
    with session.begin(write=False) as scope:
        uses = usage(scope, "rentals", column).uses
        names = {}
        for use in uses:
            name = tracking.get_run(scope, use.ref).name if use.ref.kind == "run" else use.ref.name
            names[name] = use.level
    return names


def test_everything_that_was_made_of_a_dataset_or_is_defined_upon_it_uses_it(used) -> None:
    assert _found(used) == dict.fromkeys(
        ("warm", "where", "any", "reader", "trainer", "demand", "live"), "dataset"
    )


def test_a_column_is_used_by_who_names_it_and_may_be_by_who_read_the_table(used) -> None:
    assert _found(used, "heat") == {
        "warm": "column", "any": "dataset", "reader": "dataset", "demand": "column",
        "live": "dataset",
    }  # fmt: skip
    assert _found(used, "city")["trainer"] == "column"
    assert "warm" not in _found(used, "city")


def test_a_column_that_is_not_there_is_an_error_and_not_unused(used) -> None:
    with used.begin(write=False) as scope:
        with pytest.raises(NotFound, match="no column 'nope'"):
            usage(scope, "rentals", "nope")
        with pytest.raises(NotFound, match="dataset:nix"):
            usage(scope, "nix")


def test_what_rooms_register_is_found_and_what_is_retired_is_not(used) -> None:
    def found(text: str) -> list[str]:
        with used.begin(write=False) as scope:
            return sorted(str(hit.ref) for hit in search(scope, text).items)

    assert found("owner:ana kind:view") == [
        "feature_view:any", "feature_view:warm", "feature_view:where",
    ]  # fmt: skip
    assert found("column:heat") == ["dataset:rentals", "feature_view:warm", "model:demand"]
    assert "deployment:live" in found("live")
    with used.begin() as scope:
        registry.catalog.describe_model(scope, "demand", "How many bikes leave")
        serving.retire(scope, "live")
    assert found("bikes") == ["model:demand"]
    assert found("column:heat kind:model") == ["model:demand"]
    assert found("live") == []


def test_all_of_it_can_be_written_anew(used) -> None:
    with used.begin() as scope:
        before = [str(hit.ref) for hit in search(scope, "").items]
        done = reindex(scope, Reindex())
        assert [str(hit.ref) for hit in search(scope, "").items] == before
    assert (done.datasets, done.feature_views, done.models, done.deployments) == (1, 3, 1, 1)
