from collections.abc import Callable

import msgspec
from openapi_spec_validator import validate

from bucle.governance.access.tokens import create_token
from bucle.governance.session import House, Session
from bucle.interfaces.predict.openapi.document import document_of
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving
from tests.support.asgi import request


def test_the_documents_are_openapi(server: ModelServer) -> None:
    for path in ("/openapi.json", "/openapi/demand.json", "/openapi/default.demand.json"):
        answered = request(server.app, "GET", path)
        assert answered.status == 200
        validate(answered.json)


def test_a_row_has_the_models_own_columns_and_its_packages_example(server: ModelServer) -> None:
    document = request(server.app, "GET", "/openapi/demand.json").json
    row = document["components"]["schemas"]["demand.Row"]
    assert row["properties"]["heat"] == {"type": "number", "format": "double"}
    assert row["properties"]["city"] == {"type": "string"}
    assert row["required"] == ["heat", "city"]
    assert row["examples"][0] == {"heat": 1.0, "city": "here"}


def test_every_example_of_the_document_is_answered(server: ModelServer) -> None:
    document = request(server.app, "GET", "/openapi/demand.json").json
    asked = 0
    for path, operations in document["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        for kind, described in content.items():
            for example in described["examples"].values():
                value = example["value"]
                body = value.encode() if kind == "text/csv" else msgspec.json.encode(value)
                answered = request(server.app, "POST", path, body, {"content-type": kind})
                assert answered.status == 200, (path, answered.body)
                asked += 1
    assert asked >= 8


def test_a_deployment_of_two_projects_is_described_by_its_full_name(server: ModelServer) -> None:
    one = server.watcher.board.served[0]
    twin = msgspec.structs.replace(one, project="bikes")
    document = document_of([one, twin], is_open=True, whole=True)
    validate(document)
    assert {"/predict/default.demand", "/predict/bikes.demand"} <= set(document["paths"])


def test_who_may_not_ask_is_shown_nothing(
    house: House, session: Session, start_server: Callable[..., ModelServer]
) -> None:
    with session.begin() as scope:
        bearer = create_token(scope).bearer
    serving.publish(session)
    app = start_server(host="0.0.0.0").app
    for path in ("/openapi.json", "/openapi/demand.json", "/openapi/nothing.json"):
        assert request(app, "GET", path).status == 401
    headers = {"authorization": f"Bearer {bearer}"}
    document = request(app, "GET", "/openapi.json", headers=headers).json
    assert document["security"] == [{"bearer": []}]
    assert request(app, "GET", "/openapi/nothing.json", headers=headers).status == 404


def test_what_is_no_longer_served_is_no_longer_described(
    server: ModelServer, session: Session
) -> None:
    with session.begin() as scope:
        serving.retire(scope, "demand")
    serving.publish(session)
    server.watcher.poll()
    for path in ("/openapi.json", "/openapi/demand.json"):
        document = request(server.app, "GET", path).json
        validate(document)
        assert "/predict/demand" not in document["paths"]
