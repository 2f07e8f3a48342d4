import asyncio
from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest
from msgspec import structs

from bucle.base.refs import Ref
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import data, serving
from bucle.lifecycle.serving.logged import hashed
from tests.support.asgi import asked, request
from tests.support.linear import model


def test_one_row_is_answered_with_its_id_and_who_answered(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/predict/demand", {"heat": 21.5, "city": "here"})
    assert answered.status == 200
    assert answered.json["outputs"] == {"prediction": [21.5]}
    assert answered.json["deployment"] == "deployment:demand@2"
    assert answered.json["model"] == "model:demand@1"
    assert answered.json["variant"] == "champion"
    assert answered.headers["bucle-model"] == "model:demand@1"
    assert [answered.headers["bucle-prediction-id"]] == answered.json["ids"]


def test_many_rows_get_rising_ids(server: ModelServer) -> None:
    rows = [{"heat": float(heat), "city": "here"} for heat in range(100)]
    answered = request(server.app, "POST", "/predict/demand", {"rows": rows})
    assert answered.json["outputs"]["prediction"] == [float(heat) for heat in range(100)]
    assert answered.json["ids"] == sorted(set(answered.json["ids"]))


def test_columns_that_the_model_does_not_take_are_welcome(server: ModelServer) -> None:
    row = {"heat": 1, "city": "here", "customer": 7}
    assert request(server.app, "POST", "/predict/demand", row).status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"city": "here"}, "'heat' is missing"),
        ({"heat": "warm", "city": "here"}, "'heat' takes float64"),
        ({"heat": True, "city": "here"}, "'heat' takes float64"),
        ({"heat": 1.0, "city": 7}, "'city' takes string"),
        ({"rows": []}, "no rows"),
    ],
)
def test_input_that_the_model_does_not_take_is_refused_by_name(
    server: ModelServer, body: dict[str, object], said: str
) -> None:
    answered = request(server.app, "POST", "/predict/demand", body)
    assert (answered.status, answered.json["error"]) == (400, "Invalid")
    assert said in answered.json["message"]


def test_json_that_is_cut_is_refused_with_its_place(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/predict/demand", b'{"heat": 1.5,')
    assert answered.status == 400
    assert "byte 13" in answered.json["message"]


@pytest.mark.parametrize("path", ["/predict/demand", "/v2/models/demand/infer"])
@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b'{"rows":' + b"[" * 200_000])
def test_json_that_is_too_deep_is_refused(server: ModelServer, path: str, body: bytes) -> None:
    assert request(server.app, "POST", path, body).status == 400


def test_a_method_that_is_not_answered_here_is_told_those_that_are(server: ModelServer) -> None:
    answered = request(server.app, "GET", "/v2/models/demand/infer")
    assert (answered.status, answered.headers["allow"]) == (405, "POST")


def test_an_unknown_deployment_is_named(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/predict/demnad", {"heat": 1})
    assert answered.status == 404
    assert "demand" in answered.json["hint"]


def test_a_failing_model_is_said_in_one_line_and_logged(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/predict/demand", {"heat": 666, "city": "here"})
    assert answered.status == 500
    assert answered.json["message"] == "the model failed: RuntimeError: that is too hot"
    assert answered.headers["bucle-prediction-id"]
    assert server.log.health().logged_rows == 1


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: ModelServer) -> None:
    headers = {"content-length": "999999999"}
    assert request(server.app, "POST", "/predict/demand", b"{}", headers).status == 413


def test_a_body_that_lies_about_its_length_is_refused_too(server: ModelServer) -> None:
    body = b" " * ((16 << 20) + 1)
    answered = request(server.app, "POST", "/predict/demand", body, {"content-length": ""})
    assert answered.status == 413


def test_the_open_protocol_describes_the_server_and_the_model(server: ModelServer) -> None:
    assert request(server.app, "GET", "/v2").json["name"] == "bucle"
    assert request(server.app, "GET", "/v2/health/live").status == 200
    assert request(server.app, "GET", "/v2/health/ready").status == 200
    assert request(server.app, "GET", "/v2/models/demand/ready").json["ready"] is True
    assert request(server.app, "GET", "/v2/models/demand/versions/1/ready").status == 200
    described = request(server.app, "GET", "/v2/models/demand").json
    assert described["versions"] == ["1"]
    assert [one["name"] for one in described["inputs"]] == ["heat", "city"]


def test_the_open_protocol_predicts(server: ModelServer) -> None:
    tensors = [
        {"name": "heat", "shape": [2], "datatype": "FP64", "data": [1.0, 2.0]},
        {"name": "city", "shape": [2], "datatype": "BYTES", "data": ["here", "there"]},
    ]
    said = request(
        server.app, "POST", "/v2/models/demand/infer", {"inputs": tensors, "id": "mine"}
    ).json
    assert (said["id"], said["model_version"]) == ("mine", "1")
    assert said["outputs"][0]["data"] == [1.0, 2.0]
    assert len(said["parameters"]["prediction_ids"].split(",")) == 2


def test_an_error_of_the_open_protocol_is_one_text(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/v2/models/demand/infer", {"inputs": []})
    assert answered.status == 400
    assert list(answered.json) == ["error"]


def test_a_version_that_is_not_served_is_not_found(server: ModelServer) -> None:
    path = "/v2/models/demand/versions/3/infer"
    answered = request(server.app, "POST", path, {"inputs": []})
    assert answered.status == 404
    assert "it serves 1" in answered.json["error"]


@pytest.mark.parametrize("path", ["/nothing", "/v2/models/demand/other", "/predict"])
def test_what_is_not_there_is_not_found(server: ModelServer, path: str) -> None:
    assert request(server.app, "POST", path).status == 404


def test_metrics_count_by_variant_and_by_refusal(server: ModelServer) -> None:
    request(server.app, "POST", "/predict/demand", {"heat": 1, "city": "here"})
    request(server.app, "POST", "/predict/demand", {"heat": 1})
    text = request(server.app, "GET", "/metrics").body.decode()
    labels = 'project="default",deployment="demand",model="model:demand@1",variant="champion"'
    assert f"bucle_predict_requests_total{{{labels}}} 1" in text
    assert 'bucle_predict_refused_total{deployment="demand",status="400"} 1' in text
    assert 'bucle_predict_plan_revision{deployment="default.demand"} 2' in text


def test_a_flush_hands_the_log_over(server: ModelServer, session: Session) -> None:
    async def both() -> tuple[str, int]:
        row = {"heat": 3.0, "city": "here"}
        answered = await asked(server.app, "POST", "/predict/demand", row)
        return answered.json["ids"][0], (await asked(server.app, "POST", "/admin/flush")).status

    prediction_id, status = asyncio.run(both())
    assert status == 200
    found = serving.find_prediction(session, prediction_id)
    assert (found.features, found.outputs) == ({"heat": 3.0, "city": "here"}, {"prediction": 3.0})


def test_a_page_of_another_site_is_refused_by_an_open_server(server: ModelServer) -> None:
    row = {"heat": 1, "city": "here"}
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        assert request(server.app, "POST", "/predict/demand", row, headers).status == 401
    own = {"origin": "http://localhost:8000"}
    assert request(server.app, "POST", "/predict/demand", row, own).status == 200


def test_a_server_that_others_can_reach_wants_a_token(
    house: House, start_server: Callable[..., ModelServer]
) -> None:
    session = house.session()
    with session.begin() as scope:
        kept = create_token(scope).bearer
        brief = create_token(scope, lasts=timedelta(hours=1)).bearer
    serving.publish(session)
    app = start_server(host="0.0.0.0").app
    row = {"heat": 1, "city": "here"}

    def status(bearer: str) -> int:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return request(app, "POST", "/predict/demand", row, headers).status

    assert [status(text) for text in ("", kept, brief, kept[:-1], "bucle_x_y", "x")] == [
        401, 200, 200, 403, 403, 403,
    ]  # fmt: skip
    assert request(app, "POST", "/admin/flush").status == 401
    assert request(app, "GET", "/v2/health/ready").status == 200
    house.drivers.clock.set(house.drivers.clock.now() + timedelta(hours=2))
    assert (status(brief), status(kept)) == (403, 200)


def test_who_may_not_enter_is_not_told_what_is_here(
    start_server: Callable[..., ModelServer],
) -> None:
    app = start_server(host="0.0.0.0").app
    assert request(app, "POST", "/predict/nothing", {"heat": 1}).status == 401


def test_a_canary_that_fails_costs_its_callers_nothing(
    house: House, start_server: Callable[..., ModelServer]
) -> None:
    session = house.session()
    with session.begin() as scope:
        serving.start_canary(scope, "demand", model(2), weight=0.999999)
    serving.publish(session)
    server = start_server()
    canary = request(server.app, "POST", "/predict/demand", {"heat": 5, "city": "here"})
    assert (canary.json["variant"], canary.json["outputs"]) == ("canary", {"prediction": [10.0]})
    # Both versions fail on this row, so it is the champion's failure that is told.
    failed = request(server.app, "POST", "/predict/demand", {"heat": 666, "city": "here"})
    assert (failed.status, failed.headers["bucle-variant"]) == (500, "champion")
    pinned = request(server.app, "GET", "/v2/models/demand/versions/2")
    assert pinned.json["parameters"]["variants"][1]["role"] == "canary"


def test_a_routing_key_always_meets_the_same_variant(
    house: House, start_server: Callable[..., ModelServer]
) -> None:
    session = house.session()
    with session.begin() as scope:
        serving.start_canary(scope, "demand", model(2), weight=0.5)
    serving.publish(session)
    server = start_server()
    met: dict[str, set[str]] = {}
    for number in range(60):
        key = f"customer-{number % 20}"
        headers = {"bucle-routing-key": key}
        row = {"heat": 1, "city": "here"}
        answered = request(server.app, "POST", "/predict/demand", row, headers)
        met.setdefault(key, set()).add(answered.json["variant"])
    assert all(len(variants) == 1 for variants in met.values())
    assert set.union(*met.values()) == {"champion", "canary"}


def test_a_deployments_log_holds_what_its_policy_says(house: House, server: ModelServer) -> None:
    session = house.session()
    people = data.DatasetSpec(name="trips", columns={"city": data.ColumnNote(sensitivity="secret")})
    with session.begin() as scope:
        data.declare(scope, people)
    trips = data.commit_table(session, "trips", pa.table({"heat": [1.0], "city": ["here"]}))
    with session.begin() as scope:
        scope.link(trips.ref, model(1), "trained")
        spec = serving.get_deployment(scope, Ref("deployment", "demand")).spec
        policy = serving.LogPolicy(mask="hash", columns="model")
        serving.deploy(scope, structs.replace(spec, log=policy))
    serving.publish(session)
    assert server.watcher.poll()
    row = {"heat": 1.0, "city": "Atlantis", "customer": 7}
    for _ in range(2):
        assert request(server.app, "POST", "/predict/demand", row).status == 200
    request(server.app, "POST", "/admin/flush")
    now = house.drivers.clock.now()
    since, until = now - timedelta(hours=1), now + timedelta(hours=1)
    logged = serving.read_predictions(session, "demand", since, until)
    assert logged["in_heat"].to_pylist() == [1.0, 1.0]
    assert "in_customer" not in logged.column_names
    first, second = logged["in_city"].to_pylist()
    assert first == second == hashed(session.house.keys.log_secret, "Atlantis")


@pytest.mark.parametrize("path", ["/predict/demand", "/v2/models/demand/infer", "/invocations"])
def test_a_full_deployment_refuses_without_reading_the_body(server: ModelServer, path: str) -> None:
    row = {"heat": 1.0, "city": "here"}
    assert request(server.app, "POST", "/predict/demand", row).status == 200
    desk = next(iter(server.predictions._desks.values()))
    desk.lane.queued_rows = 10**9
    answered = request(server.app, "POST", path, b"this is not JSON")
    assert answered.status == 429
    assert int(answered.headers["retry-after"]) >= 1
    assert "rows waiting" in answered.body.decode()
