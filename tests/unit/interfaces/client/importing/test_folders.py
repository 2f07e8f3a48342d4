import math

import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.client.importing.open import open_source
from tests.unit.interfaces.client.importing.conftest import CHILD, MODEL, RUN


@pytest.fixture
def source(root):
    return open_source(str(root))


def test_experiments_of_the_trash_are_deleted(source):
    assert {one.name: one.stage for one in source.experiments()} == {
        "Default": "active", "churn": "active", "gone": "deleted",
    }  # fmt: skip


def test_a_run_is_read_with_all_that_it_said(source):
    churn = next(one for one in source.experiments() if one.name == "churn")
    run = next(one for one in source.runs(churn) if one.id == RUN)
    assert (run.name, run.status, run.user, run.ended_ms) == ("first", "FINISHED", "ana",
                                                              1700000005000)  # fmt: skip
    assert run.params == {"a/b c": "ñ"}
    assert [(one.name, one.tags) for one in run.datasets] == [
        ("trips", {"mlflow.data.context": "training"})
    ]
    points = sorted(source.points(run), key=lambda point: point[2])
    assert [point[:3] for point in points] == [
        ("loss", 1700000000001, 0), ("loss", 1700000000002, 1), ("loss", 1700000000003, 2),
    ]  # fmt: skip
    assert math.isnan(points[1][3])
    assert points[2][3] == math.inf


def test_runs_of_every_stage_are_read(source):
    churn = next(one for one in source.experiments() if one.name == "churn")
    assert {run.id: run.stage for run in source.runs(churn)} == {RUN: "active", CHILD: "deleted"}


def test_files_of_a_store_that_was_moved_are_found_beside_what_is_said_of_them(source):
    churn = next(one for one in source.experiments() if one.name == "churn")
    model = next(iter(source.logged_models(churn)))
    assert [file.path for file in source.files_of_logged_model(model).list()] == ["MLmodel"]
    assert [(one.name, one.value, one.dataset_name) for one in model.points] == [
        ("auc", 0.9, "trips")
    ]


def test_models_are_read_with_aliases_and_versions(source):
    model = next(iter(source.models()))
    assert (model.aliases, model.tags) == ({"champion": "3"}, {"owner": "ana"})
    assert [(one.version, one.logged_model) for one in source.versions(model)] == [
        ("1", ""), ("3", MODEL),
    ]  # fmt: skip


def test_the_folder_above_will_do(root):
    assert open_source(str(root.parent)).where == str(root)


def test_a_folder_that_is_no_store_is_told(tmp_path):
    with pytest.raises(Invalid, match="is not a store of MLflow"):
        open_source(str(tmp_path))


def test_a_damaged_description_is_told_by_its_file(root, source):
    (root / "0" / "meta.yaml").write_text("a: [")
    with pytest.raises(Invalid, match=r"0/meta\.yaml can not be read"):
        list(source.experiments())
