import time

import pytest
from mlflow.entities import RunStatus, RunTag, ViewType

from protocol import INVALID, MISSING, refused


def test_a_new_run_is_running_active_and_dated(client, experiment):
    run = client.create_run(experiment)
    assert run.info.status == "RUNNING"
    assert run.info.lifecycle_stage == "active"
    assert run.info.experiment_id == experiment
    assert run.info.end_time is None
    assert abs(run.info.start_time / 1000 - time.time()) < 600
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert run.info.artifact_uri.endswith(f"{run.info.run_id}/artifacts")
    assert (run.data.metrics, run.data.params) == ({}, {})


def test_a_run_keeps_its_name_start_and_tags(client, experiment):
    run = client.create_run(
        experiment, start_time=1234, tags={"a": "b", "c/d": "ñ 流 🚀"}, run_name="my run"
    )
    told = client.get_run(run.info.run_id)
    assert told.info.run_name == "my run"
    assert told.info.start_time == 1234
    assert {"a": "b", "c/d": "ñ 流 🚀"}.items() <= told.data.tags.items()
    assert told.data.tags["mlflow.runName"] == "my run"


def test_a_run_without_a_name_is_given_one(client, run):
    told = client.get_run(run)
    assert told.info.run_name
    assert told.data.tags["mlflow.runName"] == told.info.run_name


def test_a_name_may_come_as_a_tag(client, experiment):
    run = client.create_run(experiment, tags={"mlflow.runName": "by tag"})
    assert client.get_run(run.info.run_id).info.run_name == "by tag"


def test_a_name_and_another_name_as_a_tag_are_refused(protocol, experiment):
    answer = protocol.post(
        "runs/create",
        experiment_id=experiment,
        run_name="one",
        tags=[{"key": "mlflow.runName", "value": "other"}],
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_the_user_who_is_named_is_told(protocol, experiment, client):
    answer = protocol.post("runs/create", experiment_id=experiment, user_id="ana", start_time=5)
    run_id = answer.json()["run"]["info"]["run_id"]
    assert answer.json()["run"]["info"]["run_uuid"] == run_id
    assert client.get_run(run_id).info.start_time == 5


def test_a_child_names_its_parent(client, experiment, run):
    child = client.create_run(experiment, tags={"mlflow.parentRunId": run})
    assert client.get_parent_run(child.info.run_id).info.run_id == run
    assert client.get_parent_run(run) is None
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run}'")
    assert [found.info.run_id for found in children] == [child.info.run_id]


def test_a_run_in_an_experiment_of_nobody_is_refused(client):
    with refused(MISSING):
        client.create_run("987654321")


def test_a_run_of_nobody_does_not_exist(client):
    with refused(MISSING):
        client.get_run("0" * 32)


@pytest.mark.parametrize(
    ("status", "told"),
    [(None, "FINISHED"), ("FINISHED", "FINISHED"), ("FAILED", "FAILED"), ("KILLED", "KILLED")],
)
def test_a_run_ends_in_the_state_that_is_said(client, run, status, told):
    client.set_terminated(run, status)
    info = client.get_run(run).info
    assert info.status == told
    assert abs(info.end_time / 1000 - time.time()) < 600


def test_a_run_ends_at_the_time_that_is_said(client, run):
    client.set_terminated(run, "FINISHED", end_time=99_999)
    assert client.get_run(run).info.end_time == 99_999


def test_an_ended_run_can_go_on(client, run):
    client.set_terminated(run)
    client.update_run(run, status="RUNNING")
    assert client.get_run(run).info.status == "RUNNING"
    client.log_metric(run, "late", 1.0)
    assert client.get_run(run).data.metrics == {"late": 1.0}


def test_an_ended_run_still_takes_metrics(client, run):
    client.set_terminated(run)
    client.log_metric(run, "after", 1.0)
    assert client.get_run(run).data.metrics == {"after": 1.0}


def test_update_changes_status_and_name(client, run):
    client.update_run(run, status="SCHEDULED", name="renamed")
    told = client.get_run(run)
    assert told.info.status == "SCHEDULED"
    assert told.info.run_name == "renamed"
    assert told.data.tags["mlflow.runName"] == "renamed"


def test_setting_the_name_tag_renames_the_run(client, run):
    client.set_tag(run, "mlflow.runName", "through the tag")
    assert client.get_run(run).info.run_name == "through the tag"


@pytest.mark.parametrize("name", ["ñandú 流 🚀", "a/b", "it's", "per%cent"])
def test_a_name_may_hold_unicode_and_signs(client, run, name):
    client.update_run(run, name=name)
    assert client.get_run(run).info.run_name == name


def test_updating_a_run_of_nobody_is_refused(client):
    with refused(MISSING):
        client.update_run("0" * 32, name="x")


def test_a_deleted_run_is_told_with_its_stage_and_comes_back(client, run):
    client.delete_run(run)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    client.restore_run(run)
    assert client.get_run(run).info.lifecycle_stage == "active"


def test_deleting_or_restoring_a_run_of_nobody_is_refused(client):
    with refused(MISSING):
        client.delete_run("0" * 32)
    with refused(MISSING):
        client.restore_run("0" * 32)


@pytest.mark.parametrize(
    "late",
    [
        lambda client, run: client.log_metric(run, "m", 1.0),
        lambda client, run: client.log_param(run, "p", 1),
        lambda client, run: client.set_tag(run, "t", 1),
        lambda client, run: client.update_run(run, name="x"),
        lambda client, run: client.set_terminated(run),
        lambda client, run: client.log_batch(run, tags=[RunTag("a", "b")]),
    ],
    ids=["metric", "param", "tag", "update", "end", "batch"],
)
def test_a_deleted_run_takes_nothing(client, run, late):
    client.delete_run(run)
    with refused(INVALID):
        late(client, run)


def test_listings_show_active_runs_unless_asked(client, experiment):
    kept = client.create_run(experiment, run_name="kept").info.run_id
    gone = client.create_run(experiment, run_name="gone").info.run_id
    client.delete_run(gone)

    def ids(view):
        return {run.info.run_id for run in client.search_runs([experiment], run_view_type=view)}

    assert ids(ViewType.ACTIVE_ONLY) == {kept}
    assert ids(ViewType.DELETED_ONLY) == {gone}
    assert ids(ViewType.ALL) == {kept, gone}


def test_a_run_that_was_deleted_by_itself_comes_back_with_its_experiment(client, experiment, run):
    client.delete_run(run)
    client.delete_experiment(experiment)
    client.restore_experiment(experiment)
    assert client.get_run(run).info.lifecycle_stage == "active"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_the_three_last_states_are_terminal(status):
    assert RunStatus.is_terminated(RunStatus.from_string(status))


def test_a_status_of_nobody_changes_nothing(protocol, client, run):
    protocol.post("runs/update", run_id=run, status="EXPLODED")
    assert client.get_run(run).info.status == "RUNNING"


def test_a_run_is_updated_by_its_old_field_name(protocol, client, run):
    assert protocol.post("runs/update", run_uuid=run, run_name="old way").ok
    assert client.get_run(run).info.run_name == "old way"


def test_a_run_is_asked_by_its_old_field_name(protocol, run):
    assert protocol.get("runs/get", run_uuid=run).json()["run"]["info"]["run_id"] == run
