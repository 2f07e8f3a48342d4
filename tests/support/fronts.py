"""The model server's fronts over real sockets, with a door whose handlers a test can hold."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Self

import msgspec
import uvicorn

from bucle.base.settings import load_settings
from bucle.drivers.house import Drivers
from bucle.interfaces.predict.door import Door
from bucle.interfaces.predict.engines import EngineShop
from bucle.interfaces.predict.fronts.asgi import AsgiFront
from bucle.interfaces.predict.fronts.http1 import Http1Front
from bucle.interfaces.predict.fronts.sockets import listen_tcp
from bucle.interfaces.predict.metrics import Metrics
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Limits, Reply, Request, json_reply
from bucle.interfaces.predict.watch import PlanWatcher


class Room:
    """A room of routes: echoes, large answers, bugs, and answers that wait to be let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []  # methods and paths, in the order in which they came
        self.held: list[tuple[Request, Done]] = []
        self.came = threading.Semaphore(0)  # once for each request

    def find(self, request: Request) -> Handler | None:
        handlers = {
            ("POST", "echo"): self._echo,
            ("GET", "small"): self._small,
            ("HEAD", "small"): self._small,
            ("GET", "large"): self._large,
            ("POST", "later"): self._later,
            ("GET", "bug"): self._break,
            ("GET", "nothing"): self._nothing,
            ("GET", "say"): self._say,
        }
        return handlers.get((request.method, request.segments[0] if request.segments else ""))

    def _note(self, asked: Request) -> None:
        self.asked.append(f"{asked.method} {asked.path}")
        self.came.release()

    def _give(self, asked: Request, done: Done, body: bytes) -> None:
        self._note(asked)
        done(Reply(200, body, content_type=b"text/plain"))

    def _large(self, asked: Request, done: Done) -> None:
        self._give(asked, done, b"x" * int(asked.segments[1]))

    def _nothing(self, asked: Request, done: Done) -> None:
        done(Reply(int(asked.segments[1]), b""))

    def _small(self, asked: Request, done: Done) -> None:
        self._give(asked, done, b"small")

    def _echo(self, asked: Request, done: Done) -> None:
        self._give(asked, done, asked.body)

    def _later(self, asked: Request, done: Done) -> None:
        self._note(asked)
        self.held.append((asked, done))

    def _break(self, asked: Request, _: Done) -> None:
        self._note(asked)
        raise ZeroDivisionError("nobody expected this")

    def _say(self, asked: Request, done: Done) -> None:
        self._note(asked)
        said = asked.query.encode().replace(b"%0d", b"\r").replace(b"%0a", b"\n")
        done(json_reply(200, {}, ((b"x-said", said),)))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Served:
    """A front that serves in a thread of its own."""

    def __init__(self, room: Room, listening: socket.socket) -> None:
        self.room = room
        self.port = int(listening.getsockname()[1])
        self.clock = Clock()
        self.loop: asyncio.AbstractEventLoop
        self.front: Http1Front

    def call(self, act: Callable[[], object]) -> None:
        """Do something in the server's thread, and wait until it was done."""
        done = threading.Event()

        def both() -> None:
            act()
            done.set()

        self.loop.call_soon_threadsafe(both)
        assert done.wait(20)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the front's scan, twice: a change is seen at the second."""
        for _ in range(2):
            self.clock.now_s += seconds
            self.call(lambda: self.front.scan(self.clock.now_s))

    def let_go(self) -> None:
        """Answer what waits."""
        held, self.room.held = self.room.held, []
        for asked, done in held:
            self.call(lambda asked=asked, done=done: done(Reply(200, asked.body)))  # type: ignore[misc]

    def caller(self) -> "Caller":
        return Caller(self.port)


class Caller:
    """A socket that sends bytes as they are, and reads answers."""

    def __init__(self, port: int, *, buffer_bytes: int = 0) -> None:
        self.socket = socket.socket()
        if buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, sent: bytes) -> Self:
        self.socket.sendall(sent)
        return self

    def answer(self, method: str = "GET") -> "Answer":
        """Read one answer."""
        # Unbuffered, so that the next answer stays in the socket.
        read = HTTPResponse(_OneByOne(self.socket), method=method)  # type: ignore[arg-type]
        read.begin()
        headers = {name.lower(): value for name, value in read.getheaders()}
        return Answer(read.status, headers, read.read())

    def is_ended(self) -> bool:
        """Tell whether the server closes, without another byte."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class _OneByOne:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def makefile(self, _: str) -> object:
        return _Reader(self._socket)


class _Reader:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def readline(self, limit: int = -1) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) != limit:
            byte = self._socket.recv(1)
            if not byte:
                break
            line += byte
        return line

    def read(self, count: int = -1) -> bytes:
        parts: list[bytes] = []
        while count:
            part = self._socket.recv(min(count, 1 << 20) if count > 0 else 1 << 20)
            if not part:
                break
            parts.append(part)
            count -= len(part) if count > 0 else 0
        return b"".join(parts)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """The caller closes its socket."""


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        return str(msgspec.json.decode(self.body)["message"])


def make_door(folder: Path, room: Room, limits: Limits) -> Door:
    """Return a door with this room behind it, and the house's own refusals."""
    drivers = Drivers(load_settings({"BUCLE_HOME": str(folder)}))
    shop = EngineShop(drivers.blobs, folder / "packages", "")
    watcher = PlanWatcher(drivers.blobs, folder / "plans", "", shop)
    return Door((room,), Refusals(watcher, Metrics(), limits), limits)


@contextmanager
def http1(door: Door, room: Room, *, uv: bool = True) -> Iterator[Served]:
    """Serve by the protocol class; its clock stands still."""
    listening = listen_tcp("127.0.0.1", 0)
    served = Served(room, listening)

    async def serve(ready: threading.Event, ended: asyncio.Event) -> None:
        served.loop = asyncio.get_running_loop()
        served.front = Http1Front(door, served.clock)
        server = await served.loop.create_server(served.front.connect, sock=listening)
        ready.set()
        await ended.wait()
        server.close()
        served.front.cut()
        await asyncio.sleep(0.01)

    ready, ended = threading.Event(), asyncio.Event()
    factory = None
    if uv:
        import uvloop

        factory = uvloop.new_event_loop

    def run() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve(ready, ended))

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    try:
        yield served
    finally:
        served.loop.call_soon_threadsafe(ended.set)
        thread.join(20)


@contextmanager
def asgi(door: Door, room: Room) -> Iterator[Served]:
    """Serve by the ASGI front on uvicorn."""
    listening = listen_tcp("127.0.0.1", 0)
    served = Served(room, listening)

    async def never(*_: object) -> None:
        """Nothing starts or stops with it."""

    config = uvicorn.Config(AsgiFront(door, never), log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    ready = threading.Event()

    async def serve() -> None:
        served.loop = asyncio.get_running_loop()
        served.loop.call_later(0.05, ready.set)
        await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield served
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)
