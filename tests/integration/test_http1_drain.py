"""The fast front as a process: drained by a signal, ended by a second one, shared ports, paths."""

import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bucle.base.errors import Unavailable
from bucle.interfaces.predict.fronts.running import can_serve_http1
from bucle.interfaces.predict.fronts.sockets import address_of, listen_tcp, listen_unix
from tests.integration.test_http_fronts import get, post
from tests.support.fronts import Caller
from tests.support.processes import stop

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = textwrap.dedent("""
    import sys
    from pathlib import Path
    from bucle.interfaces.predict.fronts.running import serve_http1
    from bucle.interfaces.predict.fronts.sockets import listen_tcp, listen_unix
    from bucle.interfaces.predict.requests import Limits, Reply
    from tests.support.fronts import Room, make_door

    class Telling(Room):
        def _later(self, asked, done):
            super()._later(asked, done)
            print("held", flush=True)

        def _small(self, asked, done):
            for _, waiting in self.held:
                waiting(Reply(200, b"late"))
            super()._small(asked, done)

    async def live(receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("stopped", flush=True)
        await send({"type": "lifespan.shutdown.complete"})

    room = Telling()
    where = sys.argv[2]
    shared = listen_tcp("127.0.0.1", int(where), shared=True) if where.isdigit() else (
        listen_unix(Path(where)))
    serve_http1(make_door(Path(sys.argv[1]), room, Limits()), sockets=[shared], lifespan=live,
                on_ready=lambda address: print(address, flush=True), drain_s=float(sys.argv[3]))
""")


class Program:
    """The front in a process of its own."""

    def __init__(self, folder: Path, where: str, drain_s: float) -> None:
        command = [sys.executable, "-c", PROGRAM, str(folder), where, str(drain_s)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.address = self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def caller(self) -> Caller:
        return Caller(int(self.address.rpartition(":")[2]))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def run(where: str = "0", drain_s: float = 20.0) -> Program:
        programs.append(Program(tmp_path, where, drain_s))
        return programs[-1]

    yield run
    for program in programs:
        stop(program.process)
        assert program.process.stdout is not None
        program.process.stdout.close()


def test_asked_to_stop_it_takes_nobody_new_and_finishes_what_it_has(
    start: Callable[..., Program],
) -> None:
    program = start()
    with program.caller() as waiting, program.caller() as busy:
        busy.send(get(b"/small")[:-2])
        waiting.send(post(b"/later", b"a"))
        assert program.line() == "held"
        program.process.send_signal(signal.SIGTERM)
        while _takes_callers(program.caller):
            pass
        answer = busy.send(b"\r\n").answer()
        assert (answer.body, answer.headers["connection"]) == (b"small", "close")
        answer = waiting.answer()
        assert (answer.body, answer.headers["connection"]) == (b"late", "close")
    assert program.process.wait(20) == 0
    assert program.line() == "stopped"


def test_asked_twice_it_ends_at_once(start: Callable[..., Program]) -> None:
    program = start(drain_s=600)
    with program.caller() as waiting:
        waiting.send(post(b"/later", b"a"))
        assert program.line() == "held"
        program.process.send_signal(signal.SIGTERM)
        while _takes_callers(program.caller):
            pass
        program.process.send_signal(signal.SIGINT)
        assert waiting.is_ended()
        assert program.process.wait(20) == 0
        assert program.line() == "stopped"


def test_who_does_not_finish_is_cut_in_the_end(start: Callable[..., Program]) -> None:
    program = start(drain_s=0.1)
    with program.caller() as waiting:
        waiting.send(post(b"/later", b"a"))
        assert program.line() == "held"
        program.process.send_signal(signal.SIGTERM)
        assert waiting.is_ended()
        assert program.process.wait(20) == 0


def test_several_processes_share_a_port(start: Callable[..., Program]) -> None:
    first = start()
    port = first.address.rpartition(":")[2]
    second = start(port)
    assert second.address == first.address
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(20) == 0
    with second.caller() as caller:
        assert caller.send(get(b"/small")).answer().body == b"small"


def test_a_path_can_be_listened_on(start: Callable[..., Program], tmp_path: Path) -> None:
    path = tmp_path / "front.sock"
    program = start(str(path))
    assert program.address == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        caller.sendall(get(b"/small", b"connection: close"))
        assert caller.makefile("rb").read().endswith(b"\r\n\r\nsmall")
    program.process.kill()
    program.process.wait()
    listen_unix(path).close()  # what a killed process left is in nobody's way


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    with listen_tcp("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port} can not be listened on"):
            listen_tcp("127.0.0.1", port)
    with listen_unix(tmp_path / "a"), pytest.raises(Unavailable, match="can not be listened on"):
        listen_unix(tmp_path / "a")


def test_without_its_packages_the_fast_front_is_not_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert can_serve_http1()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not can_serve_http1()


def test_addresses_are_written_as_callers_write_them() -> None:
    with listen_tcp("127.0.0.1", 0) as listening:
        assert address_of(listening).startswith("http://127.0.0.1:")
    if Path("/proc/net/if_inet6").exists():
        with listen_tcp("::1", 0) as listening:
            assert address_of(listening).startswith("http://[::1]:")


def _takes_callers(connect: Callable[[], Caller]) -> bool:
    try:
        connect().socket.close()
    except ConnectionRefusedError:
        return False
    return True
