"""Fixtures of the conformance suite: a client, names nobody else uses, and the bare protocol.

The suite is pointed at a running server by `MLFLOW_TRACKING_URI` (and `MLFLOW_TRACKING_TOKEN`).
It knows nothing of the server: what passes on `mlflow server` must pass on ours.
"""

import os
import uuid
from collections.abc import Callable
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from protocol import Protocol

os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
# What a model requires is guessed by loading it in another process: nothing that a server sees.
os.environ.setdefault("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")

MAJOR = int(mlflow.__version__.split(".")[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what the 2.x client cannot say."""
    if MAJOR >= 3:
        return
    for item in items:
        if item.get_closest_marker("needs3"):
            item.add_marker(
                pytest.mark.skip(reason=f"mlflow {mlflow.__version__} has no such call")
            )


@pytest.fixture(scope="session", autouse=True)
def tracking_uri() -> str:
    """Return where the server is; point the fluent API at it."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("http"):
        pytest.exit("MLFLOW_TRACKING_URI must name a running server, http://...", returncode=4)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return uri


@pytest.fixture(autouse=True)
def _end_what_a_test_started():
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri, tracking_uri)


@pytest.fixture
def protocol(tracking_uri: str) -> Protocol:
    """Return the protocol without the client: for what the client refuses to send."""
    return Protocol(tracking_uri, os.environ.get("MLFLOW_TRACKING_TOKEN", ""))


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Return a function that makes a name which no other test uses."""
    return lambda stem: f"{stem}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def experiment(client: MlflowClient, unique: Callable[[str], str]) -> str:
    """Return the id of a new, empty experiment."""
    return client.create_experiment(unique("experiment"))


@pytest.fixture
def run(client: MlflowClient, experiment: str) -> str:
    """Return the id of a new run that nothing was logged to."""
    return client.create_run(experiment).info.run_id


@pytest.fixture
def fluent_experiment(experiment: str) -> str:
    """Make the new experiment the fluent API's own."""
    mlflow.set_experiment(experiment_id=experiment)
    return experiment


@pytest.fixture
def found(client: MlflowClient, experiment: str) -> Callable[..., list[str]]:
    """Return a function from a search in the experiment to the names of the runs it found."""

    def search(filter_string: str = "", **options: Any) -> list[str]:
        runs = client.search_runs([experiment], filter_string, **options)
        return [run.info.run_name for run in runs]

    return search
