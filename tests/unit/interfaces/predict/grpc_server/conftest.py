"""A gRPC server over the model server of the unit tests, and a caller who speaks its messages."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from bucle.interfaces.predict.grpc_server.calls import SERVICE
from bucle.interfaces.predict.grpc_server.messages import messages
from bucle.interfaces.predict.grpc_server.server import GrpcServer, start_grpc
from bucle.interfaces.predict.process import ModelServer

MAKE = messages()


class Caller:
    """Calls the service of one server."""

    def __init__(self, channel: Any, listening: GrpcServer) -> None:
        self.channel = channel
        self.listening = listening

    async def __call__(
        self, method: str, sent: Any, answer: str = "", service: str = SERVICE, **more: Any
    ) -> Any:
        """Call a method; `answer` is the message that comes back, by default `<method>Response`."""
        call = self.channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=MAKE[answer or f"{method}Response"].FromString,
        )
        return await call(sent, **more)


@pytest.fixture
def calling() -> Callable[..., Any]:
    """Return a function that lets a coroutine call a server over a real socket."""

    def run(server: ModelServer, work: Callable[[Caller], Any]) -> Any:
        async def whole() -> Any:
            listening = await start_grpc(server._parts, host="127.0.0.1", port=0)
            try:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{listening.port}") as channel:
                    return await work(Caller(channel, listening))
            finally:
                await listening.stop(5)

        return asyncio.run(whole())

    return run
