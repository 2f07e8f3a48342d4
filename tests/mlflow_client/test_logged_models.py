import time

import mlflow
import pytest
from mlflow.entities import Metric
from sklearn.linear_model import LinearRegression

from protocol import INVALID, MISSING, refused

pytestmark = pytest.mark.needs3


def line():
    """Return a fitted model."""
    return LinearRegression().fit([[0], [1]], [0, 1])


@pytest.fixture
def model(client, experiment):
    """Return the id of a new logged model."""
    return client.create_logged_model(experiment, name="model").model_id


def test_a_logged_model_is_told_as_it_was_made(client, experiment, run):
    made = client.create_logged_model(
        experiment,
        name="tree",
        source_run_id=run,
        tags={"a": "ñ"},
        params={"depth": "3"},
        model_type="agent",
    )
    told = client.get_logged_model(made.model_id)
    assert (told.name, told.experiment_id, told.source_run_id) == ("tree", experiment, run)
    assert (told.params, told.model_type) == ({"depth": "3"}, "agent")
    assert {"a": "ñ"}.items() <= told.tags.items()
    assert told.status == "PENDING"
    assert made.model_id.startswith("m-")
    assert abs(told.creation_timestamp / 1000 - time.time()) < 600
    assert told.artifact_location.startswith("mlflow-artifacts:/")
    assert made.model_id in told.artifact_location


def test_a_model_without_a_name_is_given_one(client, experiment):
    assert client.create_logged_model(experiment).name


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'])
def test_a_name_that_would_break_its_uri_is_refused(client, experiment, name):
    with refused(INVALID):
        client.create_logged_model(experiment, name=name)


def test_a_model_in_an_experiment_of_nobody_is_refused(client):
    with refused(MISSING):
        client.create_logged_model("987654321", name="x")


@pytest.mark.parametrize("status", ["READY", "FAILED"])
def test_a_model_is_finalized(client, model, status):
    told = client.finalize_logged_model(model, status)
    assert told.status == status
    assert client.get_logged_model(model).status == status


def test_a_model_of_nobody_does_not_exist(client):
    with refused(MISSING):
        client.get_logged_model("m-nobody")
    with refused(MISSING):
        client.finalize_logged_model("m-nobody", "READY")
    with refused(MISSING):
        client.delete_logged_model("m-nobody")


def test_a_deleted_model_is_gone(client, experiment, model):
    client.delete_logged_model(model)
    with refused(MISSING):
        client.get_logged_model(model)
    assert client.search_logged_models([experiment]) == []


def test_tags_are_set_changed_and_deleted(client, model):
    client.set_logged_model_tags(model, {"a": "1", "b": "2"})
    client.set_logged_model_tags(model, {"a": "3"})
    client.delete_logged_model_tag(model, "b")
    tags = client.get_logged_model(model).tags
    assert (tags.get("a"), "b" in tags) == ("3", False)


def test_deleting_a_tag_that_is_not_there_is_refused(client, model):
    with refused(MISSING):
        client.delete_logged_model_tag(model, "nothing")


def test_params_are_added(client, model):
    client.log_model_params(model, {"depth": "3"})
    client.log_model_params(model, {"rate": "0.1"})
    assert client.get_logged_model(model).params == {"depth": "3", "rate": "0.1"}


def test_a_metric_is_linked_to_a_model(client, experiment, run, model):
    client.log_metric(run, "auc", 0.9, step=1, model_id=model)
    client.log_metric(run, "loss", 0.1)
    metrics = client.get_logged_model(model).metrics
    assert [(one.key, one.value, one.run_id) for one in metrics] == [("auc", 0.9, run)]
    assert client.get_run(run).data.metrics == {"auc": 0.9, "loss": 0.1}


def test_a_metric_says_on_which_data_it_was_taken(client, run, model):
    client.log_metric(run, "auc", 0.9, model_id=model, dataset_name="holdout", dataset_digest="d1")
    (metric,) = client.get_logged_model(model).metrics
    assert (metric.dataset_name, metric.dataset_digest) == ("holdout", "d1")


def test_the_inputs_and_outputs_of_a_run_name_its_models(client, fluent_experiment):
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(line(), name="line", pip_requirements=["scikit-learn"])
    told = client.get_run(run.info.run_id)
    (made,) = told.outputs.model_outputs
    logged = client.get_logged_model(made.model_id)
    assert (logged.name, logged.status, logged.source_run_id) == (
        "line",
        "READY",
        run.info.run_id,
    )
    assert mlflow.sklearn.load_model(f"models:/{made.model_id}").coef_ == pytest.approx([1.0])


def test_a_registered_version_names_its_logged_model(client, fluent_experiment, unique):
    name = unique("registered")
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            line(),
            name="line",
            registered_model_name=name,
            pip_requirements=["scikit-learn"],
        )
    version = client.get_model_version(name, "1")
    assert version.source == f"models:/{info.model_id}"


def test_artifacts_of_a_model_are_listed_and_read(client, model, tmp_path):
    (tmp_path / "a.txt").write_text("x")
    client.log_model_artifact(model, str(tmp_path / "a.txt"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.txt").write_text("yy")
    client.log_model_artifacts(model, str(tmp_path / "folder"), "deep")
    told = {file.path for file in client.list_logged_model_artifacts(model)}
    assert told == {"a.txt", "deep"}
    (deep,) = client.list_logged_model_artifacts(model, "deep")
    assert (deep.path, deep.file_size) == ("deep/b.txt", 2)


@pytest.fixture
def three(client, experiment, run):
    """Return three finished models with params, tags and metrics, by name."""
    made = {}
    for at, name in enumerate(("one", "two", "three")):
        model = client.create_logged_model(
            experiment, name=name, params={"depth": str(at)}, tags={"even": str(at % 2 == 0)}
        )
        time.sleep(0.002)
        made[name] = model.model_id
    client.log_batch(
        run,
        metrics=[
            Metric("auc", value, 1, 0, model_id=made[name], run_id=run)
            for name, value in (("one", 0.5), ("two", 0.7))
        ],
    )
    client.finalize_logged_model(made["three"], "FAILED")
    return made


def names(models):
    return [model.name for model in models]


def test_search_of_logged_models(client, experiment, three):
    def search(condition):
        return sorted(names(client.search_logged_models([experiment], condition)))

    assert search(None) == ["one", "three", "two"]
    assert search("name = 'one'") == ["one"]
    assert search("attributes.name != 'one'") == ["three", "two"]
    assert search("name IN ('one', 'two')") == ["one", "two"]
    assert search("params.depth = '1'") == ["two"]
    assert search("tags.even = 'True' AND params.depth = '0'") == ["one"]
    assert search("metrics.auc > 0.6") == ["two"]
    assert search("metrics.auc <= 0.7") == ["one", "two"]
    assert search(f"model_id = '{three['two']}'") == ["two"]


def test_the_newest_model_comes_first_unless_an_order_is_given(client, experiment, three):
    def search(**order):
        found = client.search_logged_models([experiment], order_by=[order] if order else None)
        return names(found)

    assert search() == ["three", "two", "one"]
    assert search(field_name="creation_time", ascending=True) == ["one", "two", "three"]
    assert search(field_name="name", ascending=True) == ["one", "three", "two"]
    assert search(field_name="metrics.auc", ascending=False)[:2] == ["two", "one"]


def test_pages_give_each_model_once(client, experiment, three):
    seen, token = [], None
    for _ in range(5):
        page = client.search_logged_models([experiment], max_results=2, page_token=token)
        seen += names(page)
        token = page.token
        if not token:
            break
    assert seen == ["three", "two", "one"]


@pytest.mark.parametrize("wrong", ["name", "nothing.a = 'x'"])
def test_a_filter_that_cannot_be_read_is_refused(client, experiment, wrong):
    with refused(INVALID):
        client.search_logged_models([experiment], wrong)


def test_metrics_are_filtered_by_the_data_they_were_taken_on(client, experiment, run, model):
    client.log_metric(run, "auc", 0.9, model_id=model, dataset_name="holdout", dataset_digest="d1")

    def search(name):
        return names(
            client.search_logged_models(
                [experiment],
                "metrics.auc > 0.5",
                datasets=[{"dataset_name": name, "dataset_digest": "d1"}],
            )
        )

    assert search("holdout") == ["model"]
    assert search("other") == []


def test_the_fluent_api_makes_and_searches(fluent_experiment):
    with mlflow.start_run():
        model = mlflow.initialize_logged_model(name="fluent", params={"a": "1"})
        mlflow.finalize_logged_model(model.model_id, "READY")
        mlflow.log_metric("auc", 0.5, model_id=model.model_id)
    found = mlflow.search_logged_models([fluent_experiment], output_format="list")
    assert [one.model_id for one in found] == [model.model_id]
    assert [one.key for one in found[0].metrics] == ["auc"]
