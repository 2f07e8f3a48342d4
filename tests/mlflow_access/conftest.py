"""Fixtures: people with more and with fewer rights, as the unmodified client says who they are.

The server's address is in `MLFLOW_TRACKING_URI`, and the secrets of its people are in
`MLFLOW_SUITE_OWNER`, `..._SCIENTIST`, `..._VIEWER`, `..._STRANGER` (who may do everything, in
project `bikes` only) and `..._REVOKED`.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import mlflow
import pytest
from mlflow import MlflowClient

os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

MAJOR = int(mlflow.__version__.split(".")[0])
SAID = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what the 2.x client cannot say."""
    for item in items:
        if MAJOR < 3 and item.get_closest_marker("needs3"):
            item.add_marker(
                pytest.mark.skip(reason=f"mlflow {mlflow.__version__} has no such call")
            )


@pytest.fixture(scope="session")
def tracking_uri() -> str:
    return os.environ["MLFLOW_TRACKING_URI"]


@pytest.fixture(autouse=True)
def _at_the_server(tracking_uri: str) -> Iterator[None]:
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture(params=["token", "password"])
def way(request: pytest.FixtureRequest) -> str:
    """Return how people say who they are: with a bearer token, or with basic authentication."""
    return str(request.param)


@pytest.fixture
def acting_as(way: str) -> Callable[..., object]:
    """Return a context in which the client says that it is somebody, or says nothing."""

    @contextmanager
    def acting(person: str) -> Iterator[None]:
        before = {name: os.environ.pop(name, None) for name in SAID}
        secret = {"nobody": "", "liar": "bucle_wrong_secret"}.get(person)
        if secret is None:
            secret = os.environ[f"MLFLOW_SUITE_{person.upper()}"]
        if secret and way == "token":
            os.environ["MLFLOW_TRACKING_TOKEN"] = secret
        elif secret:
            os.environ["MLFLOW_TRACKING_USERNAME"] = person
            os.environ["MLFLOW_TRACKING_PASSWORD"] = secret
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    return acting


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri, tracking_uri)


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Return a function that makes a name which no other test uses."""
    return lambda stem: f"{stem}-{uuid.uuid4().hex[:12]}"
