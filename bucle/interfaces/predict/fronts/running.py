"""Run the fast front: listen, drain on a signal, end at once on a second one."""

import asyncio
import importlib.util
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TypeAlias

from bucle.interfaces.http.server import Message, Receive, Send, settle_memory
from bucle.interfaces.predict.door import Door
from bucle.interfaces.predict.fronts.http1 import Http1Front
from bucle.interfaces.predict.fronts.sockets import address_of

Lifespan: TypeAlias = Callable[[Receive, Send], Awaitable[None]]

_SCAN_S = 1.0
_LOOK_S = 0.02  # while it drains
_OTHER_FILES = 128  # that a process has open beside its connections
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve_http1(
    door: Door,
    *,
    sockets: Sequence[socket.socket],
    lifespan: Lifespan,
    on_ready: Callable[[str], None],
    drain_s: float = 10.0,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight, for `drain_s` at most.

    `lifespan` is the ASGI one of what is served; `on_ready` gets the first socket's address
    once requests are accepted.  A second signal ends at once.
    """
    settle_memory()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(door, sockets, lifespan, on_ready, drain_s))


async def _serve(
    door: Door,
    sockets: Sequence[socket.socket],
    lifespan: Lifespan,
    on_ready: Callable[[str], None],
    drain_s: float,
) -> None:
    loop = asyncio.get_running_loop()
    asked, insisted = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (insisted if asked.is_set() else asked).set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        async with alive(lifespan):
            front = Http1Front(door)
            front.most = min(front.most, _files_limit() - _OTHER_FILES)
            async with _scanned(front):
                address = address_of(sockets[0])
                servers = [
                    await loop.create_server(front.connect, sock=one)
                    if one.family in {socket.AF_INET, socket.AF_INET6}
                    else await loop.create_unix_server(front.connect, sock=one)
                    for one in sockets
                ]
                on_ready(address)
                await asked.wait()
                await _drain(front, servers, sockets, insisted, drain_s)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _drain(
    front: Http1Front,
    servers: Sequence[asyncio.Server],
    sockets: Sequence[socket.socket],
    insisted: asyncio.Event,
    drain_s: float,
) -> None:
    """Take no more connections; let those that are there finish."""
    waiting = [one.dup() for one in sockets]
    for server in servers:
        server.close()
    front.drain()
    for listening in waiting:
        await _take_waiting(front, listening)
    until = monotonic() + drain_s
    while front.connections and monotonic() < until and not insisted.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(insisted.wait(), _LOOK_S)
        front.scan(front.clock())
    front.cut()
    await asyncio.sleep(0)  # so that each connection learns that it is lost


async def _take_waiting(front: Http1Front, listening: socket.socket) -> None:
    """Take connections that the kernel has made and nobody has accepted: a close cuts them."""
    loop = asyncio.get_running_loop()
    listening.setblocking(False)
    with listening, suppress(BlockingIOError):
        while True:
            connected, _ = listening.accept()
            connected.setblocking(False)
            await loop.connect_accepted_socket(front.connect, connected)


@asynccontextmanager
async def _scanned(front: Http1Front) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()

    timers: list[asyncio.TimerHandle] = []

    def scan() -> None:
        timers[:] = [loop.call_later(_SCAN_S, scan)]
        front.scan(front.clock())

    scan()
    try:
        yield
    finally:
        timers[0].cancel()


@asynccontextmanager
async def alive(lifespan: Lifespan) -> AsyncIterator[None]:
    """Let what is served start before, and stop after.

    Raises:
        Whatever its start raised.
    """
    ended = asyncio.Event()
    started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asked = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Message:
        kind = next(asked)
        if kind == "lifespan.shutdown":
            await ended.wait()
        return {"type": kind}

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete" and not started.done():
            started.set_result(None)

    living = asyncio.ensure_future(lifespan(receive, send))
    await asyncio.wait({living, started}, return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        await living
    try:
        yield
    finally:
        ended.set()
        await living


def can_serve_http1() -> bool:
    """Tell whether the packages of the fast front are there (extra `serve`)."""
    return os.name == "posix" and importlib.util.find_spec("httptools") is not None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _files_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20
