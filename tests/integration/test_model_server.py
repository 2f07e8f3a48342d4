"""The model server as its own process: swapped, killed, cut off and stopped under load."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.interfaces.predict.process import find_running
from bucle.lifecycle import serving
from bucle.lifecycle.serving.segments import list_segments, read_files
from tests.support.linear import make_home, model
from tests.support.processes import free_port, stop, wait_until

ROOT = Path(__file__).resolve().parents[2]
ROW = msgspec.json.encode({"heat": 10.0, "city": "here"})


class Program:
    """A model server in a process of its own."""

    def __init__(self, home: Path, port: int) -> None:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bucle.interfaces.predict"],
            cwd=ROOT,
            env=environ | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().decode()

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, msgspec.json.decode(content)


class Load:
    """Callers that ask one after another, on connections that they keep."""

    def __init__(self, port: int, callers: int) -> None:
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict/demand", ROW)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                return
            if answer.status == 200:
                self.answers.append(msgspec.json.decode(content))
            else:
                self.failures.append(f"{answer.status}: {content[:200]!r}")


@pytest.fixture(scope="module")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def house(linear_home: Path, tmp_path: Path) -> Iterator[House]:
    home = shutil.copytree(linear_home, tmp_path / "home")
    opened = House(load_settings({"BUCLE_HOME": str(home)}))
    serve(opened, 1)
    yield opened
    opened.close()


@pytest.fixture
def start(house: House) -> Iterator[Callable[[], Program]]:
    programs: list[Program] = []

    def run() -> Program:
        programs.append(Program(house.settings.home_path, free_port()))
        return programs[-1]

    yield run
    for program in programs:
        stop(program.process)
        for stream in (program.process.stdout, program.process.stderr):
            assert stream is not None
            stream.close()


def serve(house: House, version: int) -> None:
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(version))
    serving.publish(house.session())


def logged_ids(house: House) -> list[str]:
    blobs = house.drivers.blobs
    paths = [blobs.local_path(segment.key) for segment in list_segments(blobs, "default")]
    return [str(one) for one in read_files(paths, ["id"])["id"].to_pylist()]


def test_versions_are_swapped_under_load_without_dropping_a_request(
    house: House, start: Callable[[], Program]
) -> None:
    program = start()
    with Load(program.port, callers=4) as load:
        for version in (2, 3, 1, 3):
            before = len(load.answers)
            serve(house, version)
            told = f"model:demand@{version}"
            assert wait_until(
                lambda told=told: any(one["model"] == told for one in load.answers[-4:]),
                within_s=20,
            )
            assert wait_until(lambda before=before: len(load.answers) > before + 50, within_s=20)
    assert load.failures == []
    for one in load.answers:
        factor = float(one["model"].rpartition("@")[2])
        assert one["outputs"] == {"prediction": [10 * factor]}
    assert {one["model"] for one in load.answers} == {f"model:demand@{n}" for n in (1, 2, 3)}
    assert program.ask("POST", "/admin/flush")[0] == 200
    assert sorted(logged_ids(house)) == sorted(one["ids"][0] for one in load.answers)


def test_kill_9_loses_no_prediction_that_was_answered(
    house: House, start: Callable[[], Program]
) -> None:
    program = start()
    with Load(program.port, callers=4) as load:
        assert wait_until(lambda: len(load.answers) > 300, within_s=20)
        program.process.send_signal(signal.SIGKILL)
        program.process.wait()
    answered = [one["ids"][0] for one in load.answers]
    again = start()
    assert again.ask("POST", "/admin/flush")[0] == 200
    logged = logged_ids(house)
    assert set(answered) - set(logged) == set()
    assert len(logged) == len(set(logged))


def test_it_answers_and_logs_while_the_control_plane_and_its_database_are_gone(
    house: House, start: Callable[[], Program]
) -> None:
    house.close()
    home = house.settings.home_path
    for path in home.glob("bucle.db*"):
        path.unlink()
    program = start()
    status, answer = program.ask("POST", "/predict/demand", ROW)
    assert (status, answer["outputs"]) == (200, {"prediction": [10.0]})
    assert program.ask("POST", "/admin/flush")[0] == 200
    assert logged_ids(house) == answer["ids"]
    assert list(home.glob("bucle.db*")) == []


def test_it_starts_from_its_own_disk_while_the_blob_store_is_gone(
    house: House, start: Callable[[], Program]
) -> None:
    first = start()
    assert first.ask("POST", "/predict/demand", ROW)[0] == 200
    stop(first.process)
    shutil.rmtree(house.settings.home_path / "blobs")
    again = start()
    assert again.ask("POST", "/predict/demand", ROW)[1]["outputs"] == {"prediction": [10.0]}


def test_asked_to_stop_it_finishes_hands_over_and_ends_well(
    house: House, start: Callable[[], Program]
) -> None:
    program = start()
    running = find_running(house.settings)
    assert running is not None
    assert (running.pid, running.address) == (
        program.process.pid,
        f"http://127.0.0.1:{program.port}",
    )
    assert running.address in program.said
    answered = [program.ask("POST", "/predict/demand", ROW)[1]["ids"][0] for _ in range(20)]
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(timeout=20) == 0
    assert sorted(logged_ids(house)) == answered
    assert find_running(house.settings) is None
    assert list((house.settings.home_path / "predict" / "log").iterdir()) == []


def test_a_port_that_is_taken_is_said_with_what_to_set(
    house: House, start: Callable[[], Program]
) -> None:
    first = start()
    second = Program(house.settings.home_path, first.port)
    _, told = second.process.communicate(timeout=20)
    assert second.process.returncode == 9
    assert b"can not be listened on" in told
    assert b"BUCLE_PREDICT_PORT" in told
    assert find_running(house.settings) is not None


def test_bodies_that_break_the_protocol_hurt_nobody_else(
    start: Callable[[], Program],
) -> None:
    program = start()
    for body in (b"\x00\xff", b"[" * 200_000, b'{"heat": 1e999, "city": "here"}', b'"' * 1000):
        status, answer = program.ask("POST", "/predict/demand", body)
        assert status == 400
        assert "Traceback" not in str(answer)
    assert program.ask("POST", "/predict/demand", ROW)[0] == 200
