"""Who may do what through the client: tracking, registry, artifacts, logged models and traces."""

import os
import re
from types import SimpleNamespace

import mlflow
import pytest
import requests
from mlflow.entities import Dataset, DatasetInput, Metric, ViewType
from mlflow.exceptions import MlflowException

MAJOR = int(mlflow.__version__.split(".")[0])
DATA = DatasetInput(Dataset("rows", "d1", "local", "rows.csv"))
REFUSALS = {
    "nobody": ("UNAUTHENTICATED", 401),
    "liar": ("UNAUTHENTICATED", 401),
    "revoked": ("UNAUTHENTICATED", 401),
    "stranger": ("PERMISSION_DENIED", 403),
    "viewer": ("PERMISSION_DENIED", 403),
}
STRANGERS = [name for name in REFUSALS if name != "viewer"]


@pytest.fixture
def things(client, acting_as, unique):
    """Return the names of what an owner has at the server: one of each kind."""
    with acting_as("owner"):
        experiment = client.create_experiment(unique("experiment"))
        run = client.create_run(experiment).info.run_id
        client.log_metric(run, "auc", 0.5)
        client.log_param(run, "depth", 3)
        client.log_text(run, "secret words", "notes/a.txt")
        model = unique("model")
        client.create_registered_model(model)
        client.create_model_version(model, "s3://bucket/m", run_id=run)
        client.set_registered_model_alias(model, "champion", "1")
        logged = MAJOR >= 3 and client.create_logged_model(experiment, name="m").model_id
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_span(name="step") as span:
            pass
        trace = span.trace_id if MAJOR >= 3 else span.request_id
        said = MAJOR >= 3 and mlflow.log_feedback(trace_id=trace, name="grade", value=1)
        return SimpleNamespace(
            experiment=experiment,
            experiment_name=client.get_experiment(experiment).name,
            run=run,
            model=model,
            logged=logged,
            trace=trace,
            said=said and said.assessment_id,
        )


def delete_traces(client, it):
    ids = {"trace_ids" if MAJOR >= 3 else "request_ids": [it.trace]}
    return client.delete_traces(it.experiment, **ids)


def needs3(*values):
    return pytest.param(*values[1:], id=values[0], marks=pytest.mark.needs3)


READS = [
    pytest.param(read, id=name)
    for name, read in {
        "experiment": lambda client, it: client.get_experiment(it.experiment),
        "experiment by name": lambda client, it: client.get_experiment_by_name(it.experiment_name),
        "experiments": lambda client, _it: client.search_experiments(),
        "run": lambda client, it: client.get_run(it.run),
        "runs": lambda client, it: client.search_runs([it.experiment]),
        "history": lambda client, it: client.get_metric_history(it.run, "auc"),
        "model": lambda client, it: client.get_registered_model(it.model),
        "models": lambda client, _it: client.search_registered_models(),
        "version": lambda client, it: client.get_model_version(it.model, "1"),
        "versions": lambda client, _it: client.search_model_versions(),
        "alias": lambda client, it: client.get_model_version_by_alias(it.model, "champion"),
        "source": lambda client, it: client.get_model_version_download_uri(it.model, "1"),
        "traces": lambda client, it: client.search_traces(experiment_ids=[it.experiment]),
        "trace": lambda client, it: client.get_trace(it.trace),
    }.items()
] + [
    needs3("logged model", lambda client, it: client.get_logged_model(it.logged)),
    needs3("logged models", lambda client, it: client.search_logged_models([it.experiment])),
    needs3("assessment", lambda _client, it: mlflow.get_assessment(it.trace, it.said)),
]
WRITES = [
    pytest.param(write, id=name)
    for name, write in {
        "experiment": lambda client, it: client.create_experiment(f"{it.model}-new"),
        "experiment name": lambda client, it: client.rename_experiment(it.experiment, it.model),
        "experiment tag": lambda client, it: client.set_experiment_tag(it.experiment, "a", "b"),
        "experiment away": lambda client, it: client.delete_experiment(it.experiment),
        "experiment back": lambda client, it: client.restore_experiment(it.experiment),
        "run": lambda client, it: client.create_run(it.experiment),
        "run name": lambda client, it: client.update_run(it.run, name="new"),
        "run end": lambda client, it: client.set_terminated(it.run),
        "run away": lambda client, it: client.delete_run(it.run),
        "run back": lambda client, it: client.restore_run(it.run),
        "metric": lambda client, it: client.log_metric(it.run, "auc", 1.0),
        "param": lambda client, it: client.log_param(it.run, "width", 1),
        "tag": lambda client, it: client.set_tag(it.run, "a", "b"),
        "tag away": lambda client, it: client.delete_tag(it.run, "mlflow.runName"),
        "batch": lambda client, it: client.log_batch(it.run, [Metric("auc", 1.0, 1, 1)]),
        "inputs": lambda client, it: client.log_inputs(it.run, [DATA]),
        "model": lambda client, it: client.create_registered_model(f"{it.model}-new"),
        "model name": lambda client, it: client.rename_registered_model(it.model, "new"),
        "model words": lambda client, it: client.update_registered_model(it.model, "new"),
        "model tag": lambda client, it: client.set_registered_model_tag(it.model, "a", "b"),
        "model away": lambda client, it: client.delete_registered_model(it.model),
        "version": lambda client, it: client.create_model_version(it.model, "s3://bucket/m"),
        "version words": lambda client, it: client.update_model_version(it.model, "1", "new"),
        "version tag": lambda client, it: client.set_model_version_tag(it.model, "1", "a", "b"),
        "version away": lambda client, it: client.delete_model_version(it.model, "1"),
        "alias": lambda client, it: client.set_registered_model_alias(it.model, "next", "1"),
        "alias away": lambda client, it: client.delete_registered_model_alias(it.model, "champion"),
        "stage": lambda client, it: client.transition_model_version_stage(it.model, "1", "Staging"),
        "trace tag": lambda client, it: client.set_trace_tag(it.trace, "a", "b"),
        "trace away": delete_traces,
    }.items()
] + [
    needs3("logged model", lambda client, it: client.create_logged_model(it.experiment, "new")),
    needs3("logged end", lambda client, it: client.finalize_logged_model(it.logged, "READY")),
    needs3("logged away", lambda client, it: client.delete_logged_model(it.logged)),
    needs3(
        "feedback", lambda _client, it: mlflow.log_feedback(trace_id=it.trace, name="g", value=2)
    ),
    needs3(
        "feedback change",
        lambda _client, it: mlflow.update_assessment(
            it.trace, it.said, mlflow.entities.Feedback(name="grade", value=2)
        ),
    ),
    needs3("feedback away", lambda _client, it: mlflow.delete_assessment(it.trace, it.said)),
]


def state(client, it):
    """Return all that an owner sees of the things."""
    run = client.get_run(it.run).to_dictionary()
    model = client.get_registered_model(it.model)
    trace = client.get_trace(it.trace).info
    return [
        run,
        dict(client.get_experiment(it.experiment)),
        len(client.search_runs([it.experiment], run_view_type=ViewType.ALL)),
        (model.description, model.tags, model.aliases),
        [dict(one) for one in client.search_model_versions(f"name = '{it.model}'")],
        {one.name for one in client.search_registered_models(f"name LIKE '{it.model}%'")},
        {file.path for file in client.list_artifacts(it.run, "notes")},
        dict(trace.tags),
        [one.value for one in trace.assessments] if MAJOR >= 3 else None,
        str(client.get_logged_model(it.logged).status) if MAJOR >= 3 else None,
    ]


def refusal_of(raised):
    """Return the code of the client's own error, and its status."""
    error = raised.value
    return error.error_code, error.get_http_status_code()


@pytest.mark.parametrize("person", ["nobody", "liar", "stranger"])
@pytest.mark.parametrize("read", READS)
def test_who_may_not_read_is_told_so(client, acting_as, things, read, person):
    with acting_as(person), pytest.raises(MlflowException) as raised:
        read(client, things)
    assert refusal_of(raised) == REFUSALS[person]


@pytest.mark.parametrize("person", ["nobody", "stranger", "viewer"])
@pytest.mark.parametrize("write", WRITES)
def test_who_may_not_write_is_told_so_and_changes_nothing(client, acting_as, things, write, person):
    with acting_as("owner"):
        before = state(client, things)
    with acting_as(person), pytest.raises(MlflowException) as raised:
        write(client, things)
    assert refusal_of(raised) == REFUSALS[person]
    with acting_as("owner"):
        assert state(client, things) == before


def test_a_token_that_was_revoked_opens_nothing(client, acting_as, things):
    for ask in (
        lambda: client.get_run(things.run),
        lambda: client.log_metric(things.run, "auc", 1.0),
        lambda: client.get_registered_model(things.model),
    ):
        with acting_as("revoked"), pytest.raises(MlflowException) as raised:
            ask()
        assert refusal_of(raised) == REFUSALS["revoked"]


@pytest.mark.parametrize("read", READS)
def test_a_viewer_reads_everything(client, acting_as, things, read):
    with acting_as("viewer"):
        read(client, things)


def test_a_viewer_reads_files(client, acting_as, things):
    with acting_as("viewer"):
        assert [file.path for file in client.list_artifacts(things.run)] == ["notes"]
        assert mlflow.artifacts.load_text(f"runs:/{things.run}/notes/a.txt") == "secret words"


@pytest.mark.parametrize("person", STRANGERS)
def test_who_may_not_read_gets_no_file(client, acting_as, things, person, tmp_path):
    with acting_as("owner"):
        root = client.get_run(things.run).info.artifact_uri
    with acting_as(person):
        for ask in (
            lambda: client.list_artifacts(things.run),
            lambda: client.download_artifacts(things.run, "notes/a.txt", str(tmp_path)),
            lambda: mlflow.artifacts.list_artifacts(root),
            lambda: mlflow.artifacts.download_artifacts(f"{root}/notes/a.txt"),
        ):
            with pytest.raises(Exception, match="|".join(map(str, REFUSALS[person]))):
                ask()
    assert list(tmp_path.rglob("*.txt")) == []


@pytest.fixture(params=["false", "true"], ids=["whole", "in parts"])
def _sending(request, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", request.param)
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "10")


@pytest.mark.usefixtures("_sending")
@pytest.mark.parametrize("person", REFUSALS)
def test_who_may_not_write_leaves_no_file(client, acting_as, things, person, tmp_path):
    (tmp_path / "b.txt").write_text("x" * 100)
    with acting_as("owner"):
        root = client.get_run(things.run).info.artifact_uri
    repository = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(root)
    with acting_as(person):
        with pytest.raises(Exception, match="|".join(map(str, REFUSALS[person]))):
            repository.log_artifact(str(tmp_path / "b.txt"), "notes")
        with pytest.raises(Exception, match="|".join(map(str, REFUSALS[person]))):
            repository.delete_artifacts("notes/a.txt")
    with acting_as("owner"):
        paths = [file.path for file in client.list_artifacts(things.run, "notes")]
    assert paths == ["notes/a.txt"]


@pytest.mark.parametrize("person", REFUSALS)
def test_spans_of_who_may_not_write_do_not_arrive(client, acting_as, things, person):
    with acting_as(person), mlflow.start_span(name="intruder"):
        pass
    with acting_as("owner"):
        found = client.search_traces(experiment_ids=[things.experiment])
    assert [trace.data.spans[0].name for trace in found] == ["step"]


@pytest.mark.parametrize("person", REFUSALS)
def test_the_fluent_api_starts_no_run_for_who_may_not(acting_as, things, person):
    with acting_as(person), pytest.raises(MlflowException) as raised:
        mlflow.start_run(experiment_id=things.experiment)
    assert refusal_of(raised) == REFUSALS[person]


def test_the_refusal_says_what_to_ask_for(client, acting_as, things):
    with acting_as("viewer"), pytest.raises(MlflowException) as raised:
        client.log_metric(things.run, "auc", 1.0)
    assert re.search("viewer.* may not run:write.*bucle access grant viewer", str(raised.value))
    with acting_as("nobody"), pytest.raises(MlflowException) as raised:
        client.get_run(things.run)
    assert "MLFLOW_TRACKING_TOKEN" in str(raised.value)


def test_a_scientist_logs_and_registers_and_does_not_promote(client, acting_as, things, unique):
    with acting_as("scientist"):
        client.log_metric(things.run, "auc", 0.75)
        client.log_text(things.run, "words", "notes/b.txt")
        client.create_model_version(things.model, "s3://bucket/m2", run_id=things.run)
        for move in (
            lambda: client.set_registered_model_alias(things.model, "champion", "2"),
            lambda: client.delete_registered_model_alias(things.model, "champion"),
        ):
            with pytest.raises(MlflowException) as raised:
                move()
            assert refusal_of(raised) == ("PERMISSION_DENIED", 403)
        assert str(client.get_model_version_by_alias(things.model, "champion").version) == "1"


def test_a_project_shows_nothing_of_another(acting_as, things, tracking_uri):
    mine = f"{tracking_uri}/mlflow/bikes"
    mlflow.set_tracking_uri(mine)  # the 2.x client asks it where artifacts are
    client = mlflow.MlflowClient(mine, mine)
    absent = "RESOURCE_DOES_NOT_EXIST"
    with acting_as("stranger"):
        run = client.create_run("0").info.run_id
        client.log_text(run, "words", "a.txt")
        assert [file.path for file in client.list_artifacts(run)] == ["a.txt"]
        assert client.get_experiment_by_name(things.experiment_name) is None
        assert things.model not in {one.name for one in client.search_registered_models()}
        for ask in (
            lambda: client.get_run(things.run),
            lambda: client.log_metric(things.run, "auc", 1.0),
            lambda: client.get_registered_model(things.model),
            lambda: client.create_model_version(things.model, "s3://bucket/m"),
            lambda: client.set_trace_tag(things.trace, "a", "b"),
        ):
            with pytest.raises(MlflowException) as raised:
                ask()
            assert raised.value.error_code == absent


def test_the_bare_protocol_asks_for_a_password_as_a_browser_knows_it(tracking_uri, acting_as):
    answer = requests.get(
        f"{tracking_uri}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=60
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    owner = ("anybody", os.environ["MLFLOW_SUITE_OWNER"])
    answer = requests.get(
        f"{tracking_uri}/api/2.0/mlflow/experiments/get?experiment_id=0", auth=owner, timeout=60
    )
    assert answer.status_code == 200
