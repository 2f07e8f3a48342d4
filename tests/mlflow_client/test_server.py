import re

import pytest


def test_health_says_ok(protocol):
    answer = protocol.send("GET", "/health")
    assert (answer.status_code, answer.text.strip()) == (200, "OK")


def test_version_is_a_version_of_the_protocol(protocol):
    answer = protocol.send("GET", "/version")
    assert answer.status_code == 200
    assert re.match(r"^\d+\.\d+", answer.text.strip())


def test_an_endpoint_of_nobody_is_not_found(protocol):
    assert protocol.get("nothing/at-all").status_code == 404


def test_a_wrong_method_is_not_answered(protocol):
    assert protocol.send("DELETE", "/api/2.0/mlflow/experiments/create").status_code in {404, 405}


@pytest.mark.parametrize("body", ["{", "[", "text"])
def test_a_body_that_is_no_json_is_refused(protocol, body):
    answer = protocol.send(
        "POST",
        "/api/2.0/mlflow/experiments/create",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


def test_a_refusal_is_json_with_a_code_and_a_message(protocol):
    answer = protocol.get("runs/get", run_id="0" * 32)
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert answer.json()["message"]


def test_the_same_endpoints_answer_below_ajax_api(protocol):
    answer = protocol.send(
        "GET", "/ajax-api/2.0/mlflow/experiments/get", params={"experiment_id": "0"}
    )
    assert answer.json()["experiment"]["name"] == "Default"


def test_a_field_of_nobody_is_left_aside(protocol, unique):
    assert protocol.post("experiments/create", name=unique("more"), nothing=1).ok
