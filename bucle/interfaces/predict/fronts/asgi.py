"""The door as an ASGI application, for any ASGI server."""

import asyncio
from collections.abc import Callable
from typing import Any

from bucle.base.errors import Invalid
from bucle.interfaces.http.server import Message, Receive, Send
from bucle.interfaces.predict.door import Door
from bucle.interfaces.predict.fronts.heads import (
    expects_continue,
    read_headers,
    read_length,
    read_target,
)
from bucle.interfaces.predict.fronts.replies import clean
from bucle.interfaces.predict.requests import (
    Limits,
    RefusedRequest,
    Reply,
    Request,
    TooLargeError,
    TooSlowError,
)


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
        try:
            request = request_of(scope, self._door.limits)
        except RefusedRequest as error:
            reply = self._door.refuse(Request(scope["method"], scope["path"]), error)
        else:
            reply = await self._reply(request, receive)
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", str(len(reply.body)).encode()),
            *clean(reply.all_headers),
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


def request_of(scope: Message, limits: Limits) -> Request:
    """Read a request's line and headers.

    Raises:
        RefusedRequest: they can be read in two ways, or are none.
    """
    is_http10 = scope.get("http_version", "1.1") == "1.0"
    raw = scope.get("raw_path") or scope["path"].encode()
    target = read_target(raw.partition(b"?")[0])
    headers = read_headers(scope["headers"], needs_host=not is_http10, limit=limits.headers)
    read_length(headers, is_http10=is_http10)
    expects_continue(headers, is_http10=is_http10)
    if target.authority:
        headers[b"host"] = target.authority
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], target.path, query, headers)
