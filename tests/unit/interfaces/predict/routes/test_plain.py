from collections.abc import Callable

import pytest

from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.interfaces.predict.requests import Request
from bucle.interfaces.predict.routes.plain import wants_csv
from bucle.lifecycle import serving
from tests.support.asgi import request
from tests.support.linear import model

CSV = {"content-type": "text/csv"}
ROWS = [{"heat": 1.0, "city": "here"}, {"heat": 2.0, "city": "there"}]


def test_columns_are_answered_as_rows_are(server: ModelServer) -> None:
    columns = {"columns": {"heat": [1.0, 2.0], "city": ["here", "there"]}}
    as_columns = request(server.app, "POST", "/predict/demand", columns).json
    as_rows = request(server.app, "POST", "/predict/demand", {"rows": ROWS}).json
    assert as_columns["outputs"] == as_rows["outputs"] == {"prediction": [1.0, 2.0]}


def test_csv_comes_in_and_goes_out(server: ModelServer) -> None:
    body = b"city,heat,customer\nhere,1,c-1\nthere,2.5,c-2\n"
    headers = CSV | {"accept": "text/csv"}
    answered = request(server.app, "POST", "/predict/demand", body, headers)
    assert answered.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answered.body.decode().splitlines()
    assert lines[0] == "id,prediction"
    assert [line.partition(",")[2] for line in lines[1:]] == ["1.0", "2.5"]
    assert lines[1].partition(",")[0] == answered.headers["bucle-prediction-id"]


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (b"", False),
        (b"*/*", False),
        (b"text/csv", True),
        (b"text/csv, application/json;q=0.5", True),
        (b"application/json, text/csv;q=0.5", False),
        (b"text/html, text/csv", True),
    ],
)
def test_csv_is_answered_to_who_prefers_it(accept, wanted) -> None:
    assert wants_csv(Request("POST", "/predict/demand", headers={b"accept": accept})) is wanted


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"heat,city\nwarm,here\n", CSV, "line 2 of the CSV: the column 'heat'"),
        (b"heat\n1\n", CSV, "'city' is missing"),
        (b"heat,city\n1,here\n", {"content-type": "text/csv; charset=latin-1"}, "'latin-1'"),
        (b'{"heat": "\xff"}', {}, "not UTF-8"),
    ],
)
def test_what_is_wrong_is_the_callers_mistake(
    server: ModelServer, body: bytes, headers: dict[str, str], said: str
) -> None:
    answered = request(server.app, "POST", "/predict/demand", body, headers)
    assert answered.status == 400
    assert said in answered.json["message"]


def test_a_large_table_is_read_too(server: ModelServer) -> None:
    rows = [f"{place}.5,here" for place in range(20_000)]
    body = "\n".join(["heat,city", *rows]).encode()
    answered = request(server.app, "POST", "/predict/demand", body, CSV)
    assert answered.json["outputs"]["prediction"][-1] == 19999.5


def test_an_invocation_needs_no_name_where_one_deployment_is_served(server: ModelServer) -> None:
    asked = {"dataframe_records": ROWS}
    for path in ("/invocations", "/invocations/demand", "/invocations/default.demand"):
        answered = request(server.app, "POST", path, asked)
        assert answered.json == {"predictions": [1.0, 2.0]}
        assert answered.headers["bucle-model"] == "model:demand@1"


def test_an_invocation_names_one_of_several(
    session: Session, start_server: Callable[..., ModelServer]
) -> None:
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="other", model="demand"))
        serving.serve_version(scope, "other", model(2))
    serving.publish(session)
    app = start_server().app
    answered = request(app, "POST", "/invocations", {"dataframe_records": ROWS})
    assert (answered.status, answered.json["error_code"]) == (400, "BAD_REQUEST")
    assert answered.json["hint"] == "POST /invocations/default.demand"


def test_an_invocations_errors_bear_mlflows_codes_beside_ours(server: ModelServer) -> None:
    answered = request(server.app, "POST", "/invocations/nothing", {"inputs": ROWS})
    assert answered.json["error"] == "NotFound"
    assert (answered.status, answered.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_parameters_that_mean_nothing_are_told(server: ModelServer) -> None:
    asked = {"inputs": ROWS, "params": {"temperature": 1, "a\r\nx: y": 1}}
    answered = request(server.app, "POST", "/invocations", asked)
    assert answered.headers["bucle-ignored-params"] == '["a\\r\\nx: y","temperature"]'


def test_ping_says_whether_everything_is_ready(
    server: ModelServer, house: House, start_server: Callable[..., ModelServer]
) -> None:
    assert request(server.app, "GET", "/ping").status == 200
    assert request(server.app, "GET", "/version").body.strip()
    empty = start_server(
        blobs_url=f"file://{house.settings.home}/empty", home=house.settings.home + "2"
    )
    assert request(empty.app, "GET", "/ping").status == 503


def test_who_may_not_enter_is_not_told_how_many_are_served(
    start_server: Callable[..., ModelServer],
) -> None:
    app = start_server(host="0.0.0.0").app
    assert request(app, "POST", "/invocations", {"inputs": ROWS}).status == 401
