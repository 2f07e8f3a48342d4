import mlflow
import pandas as pd
import pytest

from protocol import INVALID


def test_an_experiment_is_made_by_being_set(client, unique):
    name = unique("fluent")
    made = mlflow.set_experiment(name)
    assert client.get_experiment_by_name(name).experiment_id == made.experiment_id
    assert mlflow.set_experiment(name).experiment_id == made.experiment_id


def test_a_deleted_experiment_cannot_be_set(client, experiment):
    name = client.get_experiment(experiment).name
    client.delete_experiment(experiment)
    with pytest.raises(mlflow.MlflowException) as raised:
        mlflow.set_experiment(name)
    assert raised.value.error_code == INVALID


def test_a_with_block_is_a_finished_run(client, fluent_experiment):
    with mlflow.start_run(run_name="block", tags={"a": "b"}, description="Words.") as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "kind": "tree"})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"loss": 0.25, "auc": 0.9}, step=2)
        mlflow.set_tag("c", "d")
        mlflow.set_tags({"e": "f"})
    told = client.get_run(run.info.run_id)
    assert (told.info.status, told.info.run_name) == ("FINISHED", "block")
    assert told.info.experiment_id == fluent_experiment
    assert told.data.params == {"depth": "3", "rate": "0.1", "kind": "tree"}
    assert told.data.metrics == {"loss": 0.25, "auc": 0.9}
    assert {"a": "b", "c": "d", "e": "f"}.items() <= told.data.tags.items()
    assert told.data.tags["mlflow.note.content"] == "Words."
    assert told.data.tags["mlflow.source.type"]


def test_an_error_in_the_block_is_a_failed_run(client, fluent_experiment):
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        _ = 1 / 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_nested_runs_name_their_parent(client, fluent_experiment):
    with (
        mlflow.start_run() as parent,
        mlflow.start_run(nested=True) as child,
    ):
        pass
    tags = client.get_run(child.info.run_id).data.tags
    assert tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_run_is_taken_up_again(client, fluent_experiment):
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1.0, step=0)
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("m", 2.0, step=1)
    told = client.get_run(run.info.run_id)
    assert told.data.metrics == {"m": 2.0}
    assert told.info.status == "FINISHED"


def test_artifacts_of_every_kind_are_logged(client, fluent_experiment, tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(tmp_path / "a.txt"))
        mlflow.log_text("hello", "b.txt")
        mlflow.log_dict({"a": 1}, "c.yaml")
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "table.json")
        assert mlflow.get_artifact_uri("b.txt").endswith("/artifacts/b.txt")
    paths = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert paths == {"a.txt", "b.txt", "c.yaml", "table.json"}
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    assert list(table["n"]) == [1, 2]


def test_figures_and_images_are_logged(client, fluent_experiment):
    plt = pytest.importorskip("matplotlib.figure")
    figure = plt.Figure()
    figure.subplots().plot([1, 2, 3])
    with mlflow.start_run() as run:
        mlflow.log_figure(figure, "plots/line.png")
    (file,) = client.list_artifacts(run.info.run_id, "plots")
    assert file.path == "plots/line.png"
    assert file.file_size > 1000


def test_searches_come_as_a_frame(client, fluent_experiment):
    for loss in (0.5, 0.25):
        with mlflow.start_run():
            mlflow.log_metric("loss", loss)
            mlflow.log_param("p", "v")
    frame = mlflow.search_runs([fluent_experiment], order_by=["metrics.loss"])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["metrics.loss"]) == [0.25, 0.5]
    assert list(frame["params.p"]) == ["v", "v"]
    assert set(frame["status"]) == {"FINISHED"}


def test_the_last_active_run_is_told(client, fluent_experiment):
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1.0)
    assert mlflow.last_active_run().info.run_id == run.info.run_id
    assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_values_logged_asynchronously_arrive(client, fluent_experiment):
    with mlflow.start_run() as run:
        for step in range(20):
            mlflow.log_metric("m", float(step), step=step, synchronous=False)
        mlflow.log_param("p", "v", synchronous=False)
        mlflow.flush_async_logging()
    told = client.get_run(run.info.run_id)
    assert told.data.metrics == {"m": 19.0}
    assert told.data.params == {"p": "v"}
    assert len(client.get_metric_history(run.info.run_id, "m")) == 20


def test_deleting_through_the_fluent_api(client, fluent_experiment):
    with mlflow.start_run() as run:
        pass
    mlflow.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    mlflow.delete_experiment(fluent_experiment)
    assert client.get_experiment(fluent_experiment).lifecycle_stage == "deleted"


def test_system_metrics_are_taken_where_psutil_is(client, fluent_experiment):
    pytest.importorskip("psutil")
    with mlflow.start_run(log_system_metrics=True) as run:
        pass
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
