"""What the door says before any room is asked."""

import re

import pytest

from bucle.interfaces.http.server import AsgiApp
from bucle.interfaces.mlflow.endpoint import AnyEndpoint
from bucle.interfaces.mlflow.site import PROTOCOL_VERSION
from bucle.interfaces.mlflow.table import all_endpoints
from tests.support.asgi import request


@pytest.mark.parametrize("prefix", ["", "/mlflow/bikes"])
def test_health_and_version_answer_anybody(app: AsgiApp, prefix: str) -> None:
    assert request(app, "GET", f"{prefix}/health").body == b"OK"
    assert request(app, "GET", f"{prefix}/version").body == PROTOCOL_VERSION.encode()


def test_whoever_does_not_say_who_they_are_is_told_how(app: AsgiApp) -> None:
    answer = request(app, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")
    assert answer.status == 401
    assert answer.json["error_code"] == "UNAUTHENTICATED"
    assert "MLFLOW_TRACKING_TOKEN" in answer.json["message"]


@pytest.mark.parametrize(
    "endpoint", all_endpoints(), ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
def test_no_call_is_open_to_whoever_does_not_say_who_they_are(
    app: AsgiApp, endpoint: AnyEndpoint
) -> None:
    path = re.sub(r"{\w+}", "x", endpoint.path)
    prefix = f"/api/{endpoint.version}" if endpoint.version else ""
    answer = request(app, endpoint.method, f"{prefix}/{path}")
    assert (answer.status, answer.json["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_wrong_token_is_refused(app: AsgiApp) -> None:
    answer = request(app, "GET", "/api/2.0/mlflow/runs/get", headers={"authorization": "Bearer no"})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/2.0/mlflow/no-such-call", 404, "ENDPOINT_NOT_FOUND"),
        ("/api/3.0/mlflow/gateway/secrets/list", 501, "NOT_IMPLEMENTED"),
        ("/mlflow/bikes/api/3.0/mlflow/scorers/list", 501, "NOT_IMPLEMENTED"),
    ],
)
def test_what_is_not_there_is_told_in_the_protocols_words(
    app: AsgiApp, bearer: dict[str, str], path: str, status: int, code: str
) -> None:
    answer = request(app, "GET", path, headers=bearer)
    assert (answer.status, answer.json["error_code"]) == (status, code)
