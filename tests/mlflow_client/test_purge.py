"""What was deleted and is forgotten for good, by the command that does so at the server.

`mlflow gc` opens a store by itself and speaks to no server, so each server names its own command
in `MLFLOW_SUITE_PURGE`.  It forgets everything that was deleted: nothing else may run beside it.
"""

import os
import shlex
import subprocess

import mlflow
import pytest
from click.testing import CliRunner
from mlflow.cli import cli
from mlflow.entities import ViewType

from protocol import INVALID, MISSING, refused

MAJOR = int(mlflow.__version__.split(".")[0])


@pytest.fixture
def purge():
    """Return a function that forgets for good what was deleted."""
    command = os.environ.get("MLFLOW_SUITE_PURGE", "")
    if not command:
        pytest.skip("MLFLOW_SUITE_PURGE names no command that purges this server's store")

    def purged():
        done = subprocess.run(shlex.split(command), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return purged


@pytest.fixture
def full(client, experiment):
    """Return the id of a run that something of each kind was logged to."""
    run = client.create_run(experiment, run_name="full").info.run_id
    client.log_metric(run, "auc", 0.5, step=1)
    client.log_metric(run, "auc", 0.75, step=2)
    client.log_param(run, "depth", 3)
    client.set_tag(run, "team", "red")
    client.log_text(run, "words", "notes/a.txt")
    return run


def is_whole(client, run):
    told = client.get_run(run)
    assert told.info.lifecycle_stage == "active"
    assert (told.data.metrics, told.data.params) == ({"auc": 0.75}, {"depth": "3"})
    assert told.data.tags["team"] == "red"
    assert [point.value for point in client.get_metric_history(run, "auc")] == [0.5, 0.75]
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/a.txt") == "words"


def all_runs(client, experiment):
    found = client.search_runs([experiment], run_view_type=ViewType.ALL)
    return {run.info.run_id for run in found}


def test_a_deleted_run_is_gone_for_good_and_the_others_stay(client, experiment, run, full, purge):
    client.delete_run(full)
    assert all_runs(client, experiment) == {run, full}
    purge()
    assert all_runs(client, experiment) == {run}
    with refused(MISSING):
        client.get_run(full)
    with refused(MISSING):
        client.restore_run(full)
    with refused(MISSING):
        client.log_metric(full, "auc", 1.0)
    with pytest.raises(Exception, match=r"404|not|No such"):
        mlflow.artifacts.load_text(f"runs:/{full}/notes/a.txt")


def test_a_run_that_was_restored_in_time_is_whole(client, full, purge):
    client.delete_run(full)
    client.restore_run(full)
    purge()
    is_whole(client, full)


def test_a_deleted_experiment_goes_with_its_runs_and_frees_its_name(
    client, experiment, full, purge
):
    name = client.get_experiment(experiment).name
    client.delete_experiment(experiment)
    purge()
    with refused(MISSING):
        client.get_experiment(experiment)
    with refused(MISSING):
        client.restore_experiment(experiment)
    with refused(MISSING):
        client.get_run(full)
    assert client.get_experiment_by_name(name) is None
    everything = client.search_experiments(view_type=ViewType.ALL, max_results=1000)
    assert experiment not in {one.experiment_id for one in everything}
    again = client.create_experiment(name)
    assert client.get_experiment(again).lifecycle_stage == "active"
    assert all_runs(client, again) == set()


def test_an_experiment_that_was_restored_in_time_is_whole(client, experiment, full, purge):
    client.set_experiment_tag(experiment, "team", "risk")
    client.delete_experiment(experiment)
    client.restore_experiment(experiment)
    purge()
    assert client.get_experiment(experiment).tags["team"] == "risk"
    is_whole(client, full)


def test_a_deleted_run_of_a_living_experiment_goes_alone(client, experiment, full, purge):
    gone = client.create_run(experiment).info.run_id
    client.delete_run(gone)
    purge()
    assert all_runs(client, experiment) == {full}
    is_whole(client, full)


def test_a_version_outlives_the_run_that_it_came_from(client, full, unique, purge):
    name = unique("model")
    client.create_registered_model(name)
    client.create_model_version(name, "s3://bucket/m", run_id=full)
    client.delete_run(full)
    purge()
    version = client.get_model_version(name, "1")
    assert (version.run_id, version.source) == (full, "s3://bucket/m")


@pytest.mark.needs3
def test_a_deleted_logged_model_is_gone_for_good_and_the_others_stay(client, experiment, purge):
    gone, kept = (
        client.create_logged_model(experiment, name=name, params={"depth": "3"}).model_id
        for name in ("gone", "kept")
    )
    client.delete_logged_model(gone)
    purge()
    with refused(MISSING):
        client.get_logged_model(gone)
    with refused(MISSING, INVALID):
        client.set_logged_model_tags(gone, {"a": "b"})
    (found,) = client.search_logged_models([experiment])
    assert (found.model_id, found.params) == (kept, {"depth": "3"})


@pytest.mark.needs3
def test_logged_models_and_traces_go_with_their_experiment(client, fluent_experiment, purge):
    model = client.create_logged_model(fluent_experiment, name="m").model_id
    with mlflow.start_span(name="s") as span:
        pass
    client.delete_experiment(fluent_experiment)
    purge()
    with refused(MISSING):
        client.get_logged_model(model)
    with pytest.raises(mlflow.MlflowException):
        client.get_trace(span.trace_id)


def called(*words):
    """Run a command of the client's own command line."""
    return CliRunner().invoke(cli, list(words), catch_exceptions=True)


def test_runs_are_deleted_and_restored_on_the_command_line(client, full, purge):
    assert called("runs", "delete", "--run-id", full).exit_code == 0
    assert client.get_run(full).info.lifecycle_stage == "deleted"
    assert called("runs", "restore", "--run-id", full).exit_code == 0
    purge()
    is_whole(client, full)
    assert called("runs", "delete", "--run-id", full).exit_code == 0
    purge()
    assert called("runs", "restore", "--run-id", full).exit_code != 0


def test_experiments_are_deleted_and_restored_on_the_command_line(client, experiment, full, purge):
    assert called("experiments", "delete", "--experiment-id", experiment).exit_code == 0
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert called("experiments", "restore", "--experiment-id", experiment).exit_code == 0
    purge()
    is_whole(client, full)
    assert called("experiments", "delete", "--experiment-id", experiment).exit_code == 0
    purge()
    assert called("experiments", "restore", "--experiment-id", experiment).exit_code != 0


def test_the_clients_own_collector_does_not_speak_to_servers(tracking_uri, client, run):
    client.delete_run(run)
    told = called("gc", "--backend-store-uri", tracking_uri)
    assert "hard-deleting" in str(told.exception)
    client.restore_run(run)


def test_a_registered_model_is_gone_at_once(client, unique):
    name = unique("model")
    client.create_registered_model(name, tags={"a": "b"}, description="Words.")
    client.create_model_version(name, "s3://bucket/m")
    client.set_registered_model_alias(name, "champion", "1")
    client.delete_registered_model(name)
    with refused(MISSING, INVALID):
        client.get_model_version_by_alias(name, "champion")
    again = client.create_registered_model(name)
    assert (again.tags, again.aliases) == ({}, {})
    assert not client.get_registered_model(name).description
    assert client.search_model_versions(f"name = '{name}'") == []


def test_a_deleted_version_is_gone_at_once(client, unique):
    name = unique("model")
    client.create_registered_model(name)
    client.create_model_version(name, "s3://bucket/m", tags={"a": "b"})
    client.delete_model_version(name, "1")
    with refused(MISSING):
        client.delete_model_version(name, "1")
    assert client.get_latest_versions(name) == []
