import asyncio
import struct
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from bucle.governance.access.principals import add_principal, grant
from bucle.governance.access.tokens import create_token
from bucle.governance.session import Session
from bucle.interfaces.predict.grpc_server.messages import messages
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving

MAKE = messages()


def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def typed(heat: list[float], **more: Any) -> Any:
    sent = MAKE["ModelInferRequest"](model_name="demand", **more)
    one = sent.inputs.add(name="heat", datatype="FP64", shape=[len(heat)])
    one.contents.fp64_contents.extend(heat)
    two = sent.inputs.add(name="city", datatype="BYTES", shape=[len(heat)])
    two.contents.bytes_contents.extend([b"here"] * len(heat))
    return sent


def raw(heat: list[float]) -> Any:
    sent = MAKE["ModelInferRequest"](model_name="demand")
    sent.inputs.add(name="heat", datatype="FP64", shape=[len(heat)])
    sent.inputs.add(name="city", datatype="BYTES", shape=[len(heat)])
    sent.raw_input_contents.append(struct.pack(f"<{len(heat)}d", *heat))
    sent.raw_input_contents.append(text(b"here") * len(heat))
    return sent


def test_typed_contents_are_answered_with_typed_contents(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    said = calling(server, lambda call: call("ModelInfer", typed([1.5, 2.5], id="mine")))
    assert list(said.outputs[0].contents.fp64_contents) == [1.5, 2.5]
    assert (said.id, said.model_name, said.model_version) == ("mine", "demand", "1")
    assert said.parameters["variant"].string_param == "champion"
    assert len(said.parameters["prediction_ids"].string_param.split(",")) == 2
    assert not said.raw_output_contents


def test_raw_contents_are_answered_raw(server: ModelServer, calling: Callable[..., Any]) -> None:
    heat = [float(place) for place in range(40)]
    said = calling(server, lambda call: call("ModelInfer", raw(heat)))
    assert said.outputs[0].datatype == "FP64"
    assert list(said.outputs[0].shape) == [40]
    assert struct.unpack("<40d", said.raw_output_contents[0]) == tuple(heat)


def test_server_and_model_describe_themselves(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    async def ask(call: Any) -> list[Any]:
        return [
            await call("ServerLive", MAKE["ServerLiveRequest"]()),
            await call("ServerReady", MAKE["ServerReadyRequest"]()),
            await call("ModelReady", MAKE["ModelReadyRequest"](name="demand", version="1")),
            await call("ServerMetadata", MAKE["ServerMetadataRequest"]()),
            await call("ModelMetadata", MAKE["ModelMetadataRequest"](name="demand")),
            await call("Check", MAKE["HealthCheckRequest"](), "HealthCheckResponse",
                       "grpc.health.v1.Health"),
        ]  # fmt: skip

    live, ready, model, about, described, health = calling(server, ask)
    assert (live.live, ready.ready, model.ready) == (True, True, True)
    assert (about.name, "model_repository" in about.extensions) == ("bucle", True)
    assert [one.name for one in described.inputs] == ["heat", "city"]
    assert [(one.datatype, list(one.shape)) for one in described.outputs] == [("FP64", [-1])]
    assert health.status == 1


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"model_name": "demnad"}, "NOT_FOUND", "no deployment 'demnad'"),
        ({"model_version": "9"}, "NOT_FOUND", "does not serve version 9"),
        ({"inputs": []}, "INVALID_ARGUMENT", "no inputs"),
    ],
)
def test_a_mistake_is_a_status_with_a_sentence(
    server: ModelServer, calling: Callable[..., Any], change: dict[str, Any], code: str, said: str
) -> None:
    sent = typed([1.5])
    for name, value in change.items():
        if name == "inputs":
            del sent.inputs[:]
        else:
            setattr(sent, name, value)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", sent))
    assert raised.value.code().name == code
    assert said in raised.value.details()


def _spoilt(change: Callable[[Any], object]) -> Any:
    sent = typed([1.5])
    change(sent)
    return sent


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sent: sent.inputs[0].shape.append(2), "shape [1, 2] and 1 values"),
        (lambda sent: sent.inputs[0].shape.__setitem__(0, -1), "shape [-1]"),
        (lambda sent: sent.raw_input_contents.append(b"12345678"), "2 inputs and 1 raw contents"),
        (lambda sent: sent.raw_input_contents.extend([b"", b""]), "contents and raw contents"),
        (lambda sent: setattr(sent.inputs[0], "datatype", "FP99"), "'FP99'"),
        (lambda sent: setattr(sent.inputs[0], "datatype", "FP16"), "raw_input_contents"),
        (lambda sent: setattr(sent.inputs[0], "datatype", "INT8"), "shape [1] and 0 values"),
        (lambda sent: sent.inputs[1].contents.bytes_contents.__setitem__(0, b"\xff"), "UTF-8"),
        (lambda sent: sent.outputs.add(name="why"), "no output 'why'"),
        (lambda sent: sent.parameters["timeout"].__class__ and sent.parameters["timeout"]
         .MergeFrom(MAKE["InferParameter"](string_param="soon")), "'timeout'"),
        (lambda sent: sent.inputs[0].contents.fp64_contents.__setitem__(0, float("nan")),
         "no value in 1 of 1 rows"),
        (lambda sent: sent.inputs[0].contents.fp64_contents.__setitem__(0, float("inf")),
         "infinite"),
    ],
)  # fmt: skip
def test_what_is_not_tensors_is_an_invalid_argument(
    server: ModelServer,
    calling: Callable[..., Any],
    change: Callable[[Any], object],
    said: str,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", _spoilt(change)))
    assert raised.value.code().name == "INVALID_ARGUMENT"
    assert said in raised.value.details()


def test_a_failing_model_is_an_internal_error_with_its_prediction_id(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", typed([666.0])))
    assert raised.value.code().name == "INTERNAL"
    assert "too hot" in raised.value.details()
    assert dict(raised.value.trailing_metadata())["bucle-prediction-id"]


def test_a_server_that_is_not_open_wants_a_token(
    start_server: Callable[..., ModelServer], session: Session, calling: Callable[..., Any]
) -> None:
    with session.begin() as scope:
        token = create_token(scope).bearer
    serving.publish(session)
    server = start_server(host="0.0.0.0")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", typed([1.5])))
    assert raised.value.code().name == "UNAUTHENTICATED"
    metadata = (("authorization", f"Bearer {token}"),)
    said = calling(server, lambda call: call("ModelInfer", typed([1.5]), metadata=metadata))
    assert list(said.outputs[0].contents.fp64_contents) == [1.5]


def test_a_message_that_is_too_large_is_refused(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    sent = typed([1.5])
    sent.inputs[1].contents.bytes_contents[0] = b" " * (17 << 20)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", sent))
    assert raised.value.code().name == "RESOURCE_EXHAUSTED"


def test_a_bug_is_said_under_an_id_and_ends_nothing(
    server: ModelServer, calling: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(call: Any) -> tuple[str, Any]:
        with monkeypatch.context() as broken:
            broken.setattr(server._parts.predictions, "variant", lambda *_: 1 / 0)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await call("ModelInfer", typed([1.5]))
        return raised.value.details(), await call("ModelInfer", typed([1.5]))

    told, said = calling(server, ask)
    assert "this is a bug" in told
    assert "division" not in told
    assert list(said.outputs[0].contents.fp64_contents) == [1.5]


def test_a_stream_goes_on_behind_a_mistake(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    async def ask(call: Any) -> list[Any]:
        stream = call.channel.stream_stream(
            "/inference.GRPCInferenceService/ModelStreamInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=MAKE["ModelStreamInferResponse"].FromString,
        )
        sent = [typed([1.0]), MAKE["ModelInferRequest"](model_name="nobody"), typed([3.0])]
        return [said async for said in stream(iter(sent))]

    first, second, third = calling(server, ask)
    assert list(first.infer_response.outputs[0].contents.fp64_contents) == [1.0]
    assert "no deployment 'nobody'" in second.error_message
    assert list(third.infer_response.outputs[0].contents.fp64_contents) == [3.0]


def test_a_stream_is_answered_to_its_end_while_the_server_stops(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    async def ask(call: Any) -> list[Any]:
        stream = call.channel.stream_stream(
            "/inference.GRPCInferenceService/ModelStreamInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=MAKE["ModelStreamInferResponse"].FromString,
        )()
        await stream.write(typed([1.0]))
        found = [await stream.read()]
        stopping = asyncio.create_task(call.listening.stop(20))
        await stream.write(typed([2.0]))
        found.append(await stream.read())
        await stream.done_writing()
        await stopping
        return found

    found = calling(server, ask)
    assert [list(one.infer_response.outputs[0].contents.fp64_contents) for one in found] == [
        [1.0], [2.0],
    ]  # fmt: skip


def test_what_is_put_off_is_told_when_to_ask_again(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    server.predictions.drain()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", typed([1.5])))
    assert raised.value.code().name == "UNAVAILABLE"
    assert dict(raised.value.trailing_metadata())["retry-after"] == "1"


def test_what_its_caller_no_longer_waits_for_is_not_computed(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    sent = typed([1.5])
    sent.parameters["timeout"].int64_param = 1  # microseconds
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(server, lambda call: call("ModelInfer", sent))
    assert raised.value.code().name == "DEADLINE_EXCEEDED"


def test_what_is_unloaded_is_unavailable_until_it_is_loaded(
    server: ModelServer, calling: Callable[..., Any]
) -> None:
    async def ask(call: Any) -> list[Any]:
        found = []
        change = {"model_name": "demand"}
        await call("RepositoryModelUnload", MAKE["RepositoryModelUnloadRequest"](**change))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call("ModelInfer", typed([1.5]))
        found.append(raised.value.code().name)
        index = await call("RepositoryIndex", MAKE["RepositoryIndexRequest"]())
        found.append([(one.name, one.version, one.state, one.reason) for one in index.models])
        await call("RepositoryModelLoad", MAKE["RepositoryModelLoadRequest"](**change))
        said = await call("ModelInfer", typed([1.5]))
        return [*found, list(said.outputs[0].contents.fp64_contents)]

    assert calling(server, ask) == [
        "UNAVAILABLE", [("demand", "1", "UNAVAILABLE", "unloaded")], [1.5],
    ]  # fmt: skip


def test_only_whom_the_deployments_belong_to_may_unload_them(
    start_server: Callable[..., ModelServer], session: Session, calling: Callable[..., Any]
) -> None:
    with session.begin() as scope:
        add_principal(scope, "reader", kind="service")
        grant(scope, "reader", "viewer")
        token = create_token(scope, principal="reader").bearer
    serving.publish(session)
    metadata = (("authorization", f"Bearer {token}"),)
    sent = MAKE["RepositoryModelUnloadRequest"](model_name="demand")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        calling(
            start_server(host="0.0.0.0"),
            lambda call: call("RepositoryModelUnload", sent, metadata=metadata),
        )
    assert raised.value.code().name == "PERMISSION_DENIED"
