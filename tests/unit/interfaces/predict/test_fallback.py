import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from bucle.base.refs import Ref
from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving
from tests.support.asgi import asked, request

HOT = {"heat": 10.0, "city": "here"}


def _declare(session: Session, fallback: serving.Fallback) -> None:
    with session.begin() as scope:
        spec = serving.get_deployment(scope, Ref("deployment", "demand")).spec
        serving.deploy(scope, msgspec.structs.replace(spec, fallback=fallback))
    serving.publish(session)


def test_a_killed_deployment_answers_by_its_rule(
    session: Session, start_server: Callable[..., ModelServer], house: House
) -> None:
    _declare(session, serving.Fallback(rule="heat * 0.5 if city == 'here' else 0"))
    with session.begin() as scope:
        serving.kill(scope, "demand", reason="it is wrong")
    serving.publish(session)
    server = start_server()
    rows = [HOT, {"heat": 10.0, "city": "there"}]
    answered = request(server.app, "POST", "/predict/demand", {"rows": rows})
    assert answered.json["outputs"] == {"prediction": [5.0, 0.0]}
    assert (answered.json["variant"], answered.json["model"]) == ("fallback", "fallback:demand")
    server.log.close()
    now = house.drivers.clock.now()
    hour = timedelta(hours=1)
    logged = serving.read_predictions(session, "demand", now - hour, now + hour).to_pylist()
    assert {row["variant"] for row in logged} == {"fallback"}
    found = serving.find_prediction(session, answered.json["ids"][0])
    assert str(found.model) == "fallback:demand"
    assert serving.explain_origin(session, found.id).edges


def test_a_fallback_answers_the_open_protocol_too(
    session: Session, start_server: Callable[..., ModelServer]
) -> None:
    _declare(session, serving.Fallback(constant=7.5))
    with session.begin() as scope:
        serving.kill(scope, "demand", reason="it is wrong")
    serving.publish(session)
    app = start_server().app
    inputs = [
        {"name": "heat", "shape": [1], "datatype": "FP64", "data": [10.0]},
        {"name": "city", "shape": [1], "datatype": "BYTES", "data": ["here"]},
    ]
    answered = request(app, "POST", "/v2/models/demand/infer", {"inputs": inputs})
    assert answered.status == 200, answered.body
    assert answered.json["outputs"][0]["data"] == [7.5]
    assert request(app, "GET", "/v2/models/demand").json["versions"] == []
    pinned = request(app, "POST", "/v2/models/demand/versions/1/infer", {"inputs": inputs})
    assert pinned.status == 404


def test_input_is_checked_by_the_model_that_the_fallback_stands_in_for(
    session: Session, start_server: Callable[..., ModelServer]
) -> None:
    _declare(session, serving.Fallback(constant=7.5))
    with session.begin() as scope:
        serving.kill(scope, "demand", reason="it is wrong")
    serving.publish(session)
    answered = request(start_server().app, "POST", "/predict/demand", {"city": "here"})
    assert answered.status == 400
    assert "'heat' is missing" in answered.json["message"]


@pytest.mark.parametrize(("on_error", "status"), [(True, 200), (False, 500)])
def test_a_model_that_fails_is_stood_in_for_if_that_is_declared(
    session: Session,
    start_server: Callable[..., ModelServer],
    on_error: bool,  # noqa: FBT001 - a table
    status: int,
) -> None:
    _declare(session, serving.Fallback(constant=7.5, on_error=on_error))
    server = start_server()
    answered = request(server.app, "POST", "/predict/demand", HOT | {"heat": 666.0})
    assert answered.status == status
    if on_error:
        assert answered.json["outputs"] == {"prediction": [7.5]}
        assert answered.json["variant"] == "fallback"
    well = request(server.app, "POST", "/predict/demand", HOT)
    assert well.json["variant"] == "champion"


def test_a_callers_mistake_is_no_matter_for_the_fallback(
    session: Session, start_server: Callable[..., ModelServer]
) -> None:
    _declare(session, serving.Fallback(constant=7.5, on_error=True))
    answered = request(start_server().app, "POST", "/predict/demand", {"city": "here"})
    assert answered.status == 400


def test_where_no_version_can_be_loaded_the_fallback_answers(
    session: Session, house: House, start_server: Callable[..., ModelServer]
) -> None:
    _declare(session, serving.Fallback(constant=7.5, on_error=True))
    with session.begin(write=False) as scope:
        champion = serving.current_plan(scope).deployments[0].variants[0]
    for item in list(house.drivers.blobs.list("")):
        if champion.manifest in item.key:
            house.drivers.blobs.delete(item.key)
    server = start_server()
    answered = request(server.app, "POST", "/predict/demand", HOT)
    assert answered.json["outputs"] == {"prediction": [7.5]}
    assert "champion model:demand@1" in server.watcher.board.served[0].problem


def test_a_model_that_is_late_is_stood_in_for(
    session: Session, start_server: Callable[..., ModelServer]
) -> None:
    with session.begin() as scope:
        spec = serving.get_deployment(scope, Ref("deployment", "demand")).spec
        objectives = serving.Objectives(timeout_ms=30)
        fallback = serving.Fallback(constant=7.5, on_error=True)
        serving.deploy(
            scope, msgspec.structs.replace(spec, fallback=fallback, objectives=objectives)
        )
    serving.publish(session)
    server = start_server()
    engine = server.watcher.board.served[0].loaded[0].engine
    real = engine.call_arrays

    async def story() -> dict[str, object]:
        def slow(columns: object) -> object:
            time.sleep(0.1)
            return real(columns)  # type: ignore[arg-type]

        engine.call_arrays = slow  # type: ignore[method-assign, assignment]
        # One slow call is not believed; after some, the model answers in a thread, in time or not.
        for _ in range(12):
            answered = await asked(server.app, "POST", "/predict/demand", HOT, {})
        return answered.json

    late = asyncio.run(story())
    assert late["variant"] == "fallback", late
