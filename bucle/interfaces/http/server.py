"""Run an ASGI application on this machine: the only place that knows the HTTP server.

The socket is ours: a port that is taken is an error of ours, and port 0 takes a free one.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from bucle.base.errors import Unavailable

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_BACKLOG = 2048
_LARGE_BYTES = 16 << 10  # from here on, copying costs more than sending twice


def run_asgi(
    app: AsgiApp,
    *,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    drain_s: float = 10.0,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return.

    `on_ready` is called with the address once requests are accepted, after the application's
    own start-up (its ASGI lifespan).

    Raises:
        Unavailable: the address is taken or not ours.
    """
    listening = _listen(host, port)
    # IPv6 hosts stand in brackets in an address.
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        _Announced(app, lambda: on_ready(address)),
        http=_gathering(),
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=int(drain_s) or 1,
        timeout_keep_alive=75,
    )
    settle_memory()
    # The server raises the signal again once it has stopped; stopping when asked is success.
    previous = {name: signal.signal(name, _noted) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        listening.close()


def settle_memory() -> None:
    """Let what start-up made stay, and look for garbage less often.

    Looking through it again and again was half of the cost of an answer with some ten thousand
    rows in it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class _Announced:
    """The application, and a call once its start-up is complete."""

    def __init__(self, app: AsgiApp, on_ready: Callable[[], None]) -> None:
        self._app = app
        self._on_ready = on_ready

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._on_ready()

        await self._app(scope, receive, sending)


def _gathering() -> type[asyncio.Protocol]:
    """Return HTTP whose answers leave in one piece: uvicorn sends a head and its body apart."""
    base: type[Any] = AutoHTTPProtocol  # httptools' where it is installed, h11's otherwise

    class Gathering(base):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(_Gathered(transport))

    return Gathering


class _Gathered:
    """A transport that sends what is written in one step of the event loop together."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._soon = asyncio.get_running_loop().call_soon
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send bytes after this step, or at once if they are many."""
        if not self._parts:
            self._soon(self.flush)
        self._parts.append(data)
        if len(data) > _LARGE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was written."""
        if self._parts:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
            self._transport.write(data)

    def close(self) -> None:
        """Send what was written, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"{host}:{port} can not be listened on: {error.strerror or error}",
            hint="another program has the port: set another one (BUCLE_PORT, BUCLE_PREDICT_PORT)",
        ) from error
    return listening


def _noted(_number: int, _frame: object) -> None:
    """Do nothing: the server saw the signal already."""
