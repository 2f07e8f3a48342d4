"""The gRPC server: its limits, its service's names, errors as status codes, a graceful end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec

from bucle.base.errors import Unavailable
from bucle.interfaces.predict.grpc_server.calls import (
    SERVICE,
    Calls,
    Context,
    Method,
    Parts,
    request_of,
)
from bucle.interfaces.predict.grpc_server.messages import Message, messages, not_installed

_DRAIN_S = 10.0
_CALLS_AT_ONCE = 4096
_HEALTH = "grpc.health.v1.Health"
# HTTP's status, which every refusal has, in gRPC's words.
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    422: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_METHODS = {
    "ServerLive": "live",
    "ServerReady": "ready",
    "ModelReady": "model_ready",
    "ServerMetadata": "server_metadata",
    "ModelMetadata": "model_metadata",
    "ModelInfer": "infer",
    "RepositoryIndex": "index",
    "RepositoryModelLoad": "load",
    "RepositoryModelUnload": "unload",
}


class GrpcServer:
    """A server that listens."""

    def __init__(self, server: Message, port: int) -> None:
        self._server = server
        self.port = port

    async def stop(self, drain_s: float = _DRAIN_S) -> None:
        """Take no more calls, and end when those in flight are answered or the time is over."""
        await self._server.stop(drain_s)


class Doors:
    """The methods as the library wants them; whatever they raise becomes a status."""

    def __init__(self, parts: Parts) -> None:
        import grpc  # type: ignore[import-untyped]

        self._parts = parts
        self._calls = Calls(parts)
        self._grpc = grpc

    def handlers(self) -> list[Message]:
        """Return what answers the protocol's service and the health service."""
        return [
            self._grpc.method_handlers_generic_handler(SERVICE, {
                **{name: self._unary(name, getattr(self._calls, method))
                   for name, method in _METHODS.items()},
                "ModelStreamInfer": self._stream(),
            }),
            self._grpc.method_handlers_generic_handler(_HEALTH, {
                "Check": self._unary("HealthCheck", self._calls.check),
                "Watch": self._grpc.unary_stream_rpc_method_handler(
                    self._calls.watch, **_forms("HealthCheckRequest")
                ),
            }),
        ]  # fmt: skip

    def _unary(self, name: str, method: Method) -> Message:
        async def answer(sent: Message, context: Context) -> Message:
            try:
                return await method(sent, context)
            except Exception as error:  # noqa: BLE001 - answered below, with an id if it is a bug
                # The gRPC door: as the HTTP door does, for callers who read a status.
                code, told, retry = self._refusal(error, sent, context)
            await context.abort(code, told, retry)
            raise AssertionError  # `abort` does not return

        return self._grpc.unary_unary_rpc_method_handler(answer, **_forms(f"{name}Request"))

    def _stream(self) -> Message:
        """Answer calls of one stream one after the other; an error ends none of the others."""
        made = messages()["ModelStreamInferResponse"]

        async def answer(calls: AsyncIterator[Message], context: Context) -> AsyncIterator[Message]:
            async for sent in calls:
                task = asyncio.ensure_future(self._calls.infer(sent, context))
                try:
                    await asyncio.wait([task])
                finally:
                    task.cancel()
                if (error := task.exception()) is None:
                    yield made(infer_response=task.result())
                else:
                    _, told, _ = self._refusal(error, sent, context)
                    yield made(error_message=told)

        return self._grpc.stream_stream_rpc_method_handler(answer, **_forms("ModelInferRequest"))

    def _refusal(
        self, error: BaseException, sent: Message, context: Context
    ) -> tuple[Message, str, tuple[tuple[str, str], ...]]:
        """Return code, sentence and trailing metadata; counted and logged as over HTTP."""
        name = getattr(sent, "model_name", "") or getattr(sent, "name", "")
        reply = self._parts.refusals.reply(request_of(context, name), error)
        code = getattr(self._grpc.StatusCode, _CODES.get(reply.status, "INTERNAL"))
        told = msgspec.json.decode(reply.body, type=dict[str, str])["error"]
        kept = (b"retry-after", b"bucle-prediction-id")
        retry = tuple((k.decode(), v.decode()) for k, v in reply.headers if k in kept)
        return code, told, retry


def _forms(name: str) -> dict[str, object]:
    """Return how a request is read and a response is written."""
    return {
        "request_deserializer": messages()[name].FromString,
        "response_serializer": _serialized,
    }


def _serialized(said: Message) -> bytes:
    content: bytes = said.SerializeToString()
    return content


async def start_grpc(
    parts: Parts, *, host: str, port: int, tls: tuple[bytes, bytes] | None = None
) -> GrpcServer:
    """Listen; `tls` is a key and a certificate chain (PEM), `port` 0 takes a free one.

    Raises:
        NotInstalled: the extra `grpc` is not.
        Unavailable: the port is taken.
    """
    try:
        import grpc
    except ImportError as error:
        raise not_installed("grpcio") from error
    server = grpc.aio.server(
        maximum_concurrent_rpcs=_CALLS_AT_ONCE,
        options=(
            ("grpc.max_receive_message_length", parts.message_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 1),  # several workers share the port
            ("grpc.keepalive_time_ms", 60_000),  # a caller whose machine vanished is noticed
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ),
    )
    server.add_generic_rpc_handlers(Doors(parts).handlers())
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    bound = 0
    with suppress(RuntimeError):  # what it says is empty
        if tls is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, grpc.ssl_server_credentials([tls]))
    if not bound:
        raise Unavailable(
            f"{address} can not be listened on for gRPC",
            hint="set BUCLE_PREDICT_GRPC_PORT to a port that is free",
        )
    await server.start()
    return GrpcServer(server, bound)
