import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import House
from bucle.interfaces.predict.process import ModelServer
from bucle.interfaces.predict.requests import Reply, Request
from bucle.lifecycle import serving
from tests.support.asgi import request
from tests.support.linear import model

HEADERS = {b"host": b"127.0.0.1:8001"}


def ask(server: ModelServer, *rows: dict[str, Any]) -> tuple[list[Request], list[Reply]]:
    """Send one request per row in one step of an event loop; return the replies in that order."""

    async def all_of_them() -> tuple[list[Request], list[Reply]]:
        asked = [
            Request("POST", "/predict/demand", headers=HEADERS, body=msgspec.json.encode(row))
            for row in rows
        ]
        replies: dict[int, Reply] = {}
        ended = asyncio.Event()

        def answered(place: int) -> Callable[[Reply], None]:
            def done(reply: Reply) -> None:
                assert place not in replies
                replies[place] = reply
                if len(replies) == len(asked):
                    ended.set()

            return done

        for place, one in enumerate(asked):
            server.door.answer(one, answered(place))
        await asyncio.wait_for(ended.wait(), 20)
        return asked, [replies[place] for place in range(len(asked))]

    return asyncio.run(all_of_them())


def metrics(server: ModelServer) -> str:
    """Return what Prometheus reads."""
    return request(server.app, "GET", "/metrics").body.decode()


def test_requests_of_one_step_share_a_batch_and_each_gets_its_own_rows(
    server: ModelServer,
) -> None:
    rows = [{"heat": float(heat), "city": "here"} for heat in range(20)]
    _, replies = ask(server, *rows)
    answers = [msgspec.json.decode(reply.body) for reply in replies]
    assert [answer["outputs"]["prediction"] for answer in answers] == [
        [float(heat)] for heat in range(20)
    ]
    assert len({answer["ids"][0] for answer in answers}) == 20
    text = metrics(server)
    assert 'variant="champion",le="32"} 1' in text  # one batch, of more than 16 rows
    assert "bucle_predict_batch_rows_sum" in text
    assert server.log.health().logged_rows == 20


def test_a_bad_request_is_refused_alone_and_a_failing_row_fails_alone(server: ModelServer) -> None:
    rows: list[dict[str, Any]] = [
        {"heat": 1.0, "city": "here"},
        {"heat": "warm", "city": "here"},
        {"heat": 666, "city": "here"},
        {"city": "here"},
        {"heat": 2, "city": "there", "customer": 7},
        {"rows": [{"heat": 3.0, "city": "here"}, {"heat": 4.0, "city": "here"}]},
    ]
    _, replies = ask(server, *rows)
    assert [reply.status for reply in replies] == [200, 400, 500, 400, 200, 200]
    assert msgspec.json.decode(replies[5].body)["outputs"]["prediction"] == [3.0, 4.0]
    assert server.log.health().logged_rows == 5  # those that were answered, and the failure


def test_what_nobody_waits_for_any_more_is_not_computed(server: ModelServer) -> None:
    async def gone() -> None:
        body = msgspec.json.encode({"heat": 1.0, "city": "here"})
        asked = Request("POST", "/predict/demand", headers=HEADERS, body=body)
        server.door.answer(asked, lambda _: pytest.fail("nobody is there"))
        assert asked.forget is not None
        asked.forget()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(gone())
    assert server.log.health().logged_rows == 0


def test_a_server_that_goes_away_says_so(server: ModelServer) -> None:
    server.predictions.drain()
    answered = request(server.app, "POST", "/predict/demand", {"heat": 1.0, "city": "here"})
    assert (answered.status, answered.headers["retry-after"]) == (503, "1")
    assert 'bucle_predict_rejected_total{deployment="demand",reason="draining"} 1' in metrics(
        server
    )


@pytest.mark.parametrize("said", ["soon", "0", "-5", "nan", "1e99"])
def test_a_deadline_that_is_none_is_refused(server: ModelServer, said: str) -> None:
    headers = {"bucle-timeout-ms": said}
    row = {"heat": 1.0, "city": "here"}
    answered = request(server.app, "POST", "/predict/demand", row, headers)
    assert answered.status == 400
    assert repr(said) in answered.json["message"]


def test_a_deadline_that_has_passed_is_told_and_counted(server: ModelServer) -> None:
    headers = {"bucle-timeout-ms": "0.000001"}
    row = {"heat": 1.0, "city": "here"}
    answered = request(server.app, "POST", "/predict/demand", row, headers)
    assert answered.status == 504
    assert "bucle_predict_late_total" in metrics(server)
    assert server.log.health().logged_rows == 0  # the model was not asked


@pytest.mark.parametrize("heat", [b"NaN", b"1e999", b"-1e999", b"null", b"Infinity"])
@pytest.mark.parametrize("form", ["plain", "tensors"])
def test_a_number_that_is_none_is_the_callers_mistake(
    server: ModelServer, heat: bytes, form: str
) -> None:
    if form == "plain":
        path, body = "/predict/demand", b'{"heat": %b, "city": "here"}' % heat
    else:
        path = "/v2/models/demand/infer"
        body = (
            b'{"inputs": [{"name": "heat", "shape": [1], "datatype": "FP64", "data": [%b]}, '
            b'{"name": "city", "shape": [1], "datatype": "BYTES", "data": ["here"]}]}' % heat
        )
    assert request(server.app, "POST", path, body).status == 400


def test_a_batch_that_one_canary_row_spoils_is_answered_by_the_champion(
    house: House, start_server: Callable[..., ModelServer]
) -> None:
    session = house.session()
    with session.begin() as scope:
        serving.start_canary(scope, "demand", model(2), weight=0.999999)
    serving.publish(session)
    server = start_server()
    rows = [{"heat": float(heat), "city": "here"} for heat in (1, 2, 666, 4)]
    _, replies = ask(server, *rows)
    told = [(reply.status, reply.lines) for reply in replies]
    assert [status for status, _ in told] == [200, 200, 500, 200]
    assert [b"canary" in lines for _, lines in told] == [True, True, False, True]
    assert server.log.health().logged_rows == 5  # 666 twice: the canary's, and the champion's


def test_a_deployment_may_say_how_its_batches_are_made(house: House) -> None:
    session = house.session()
    policy = serving.BatchPolicy(max_rows=1, max_wait_ms=2.5)
    spec = serving.DeploymentSpec(name="demand", model="demand", batching=policy)
    with session.begin() as scope:
        serving.deploy(scope, spec)
    (planned,) = serving.publish(session).plan.deployments
    assert planned.batching == policy
    for wrong in (serving.BatchPolicy(max_rows=0), serving.BatchPolicy(max_wait_ms=-1.0)):
        with session.begin() as scope, pytest.raises(Invalid, match="batching"):
            serving.deploy(scope, msgspec.structs.replace(spec, batching=wrong))
