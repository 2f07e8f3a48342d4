"""The door as an ASGI application, for any ASGI server."""

import asyncio
from collections.abc import Callable
from typing import Any

from bucle.base.errors import Invalid
from bucle.interfaces.http.server import Message, Receive, Send
from bucle.interfaces.predict.door import Door
from bucle.interfaces.predict.requests import Reply, Request, TooLargeError, TooSlowError


class AsgiFront:
    """One process's door, as an ASGI application."""

    def __init__(self, door: Door, lifespan: Callable[[Receive, Send], Any]) -> None:
        self._door = door
        self._lifespan = lifespan

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens, without ever showing a traceback."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        request = request_of(scope)
        reply = await self._reply(request, receive)
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        ]
        start = {"type": "http.response.start", "status": reply.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, request: Request, receive: Receive) -> Reply:
        if refusal := self._door.before_body(request):
            return refusal
        try:
            request.body = await self._body(receive)
        except (TooLargeError, TooSlowError, Invalid) as error:
            return self._door.refuse(request, error)
        replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._door.answer(
            request, lambda reply: None if replied.done() else replied.set_result(reply)
        )
        return await replied

    async def _body(self, receive: Receive) -> bytes:
        limits = self._door.limits
        parts: list[bytes] = []
        total = 0
        try:
            async with asyncio.timeout(limits.receive_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Invalid("the caller went away before the request was complete")
                    part = message.get("body", b"")
                    total += len(part)
                    if total > limits.body_bytes:
                        raise TooLargeError
                    if not message.get("more_body", False):
                        return part if not parts else b"".join([*parts, part])
                    parts.append(part)
        except TimeoutError:
            raise TooSlowError from None


def request_of(scope: Message) -> Request:
    """Read a request's line and headers."""
    path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=path.decode("latin-1").partition("?")[0],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=dict(scope["headers"]),
    )
