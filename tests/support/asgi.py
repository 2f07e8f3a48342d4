"""Calling an ASGI application without a network."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from bucle.interfaces.http.server import AsgiApp


class Answered(msgspec.Struct, frozen=True):
    """What an application sent back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


def request(
    app: AsgiApp,
    method: str,
    path: str,
    body: bytes | dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """Send one request and wait for its answer."""
    # In a thread of its own: the browser tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked(app, method, path, body, headers)).result()


async def asked(
    app: AsgiApp,
    method: str,
    path: str,
    body: bytes | dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """Send one request in the loop that runs."""
    content = msgspec.json.encode(body) if isinstance(body, dict) else body or b""
    given = {"host": "127.0.0.1:8001", "content-length": str(len(content))} | dict(headers or {})
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
        "client": ("127.0.0.1", 50000),
    }
    sent: list[Any] = []

    unread, answered = [content], asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not unread:
            await answered.wait()
            return {"type": "http.disconnect"}
        unread.clear()
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    await app(scope, receive, send)
    start, *parts = sent
    return Answered(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(part.get("body", b"") for part in parts),
    )
