"""Several workers on one port: counted together, killed one by one, stopped in order."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.interfaces.predict.process import find_running
from bucle.lifecycle import serving
from bucle.lifecycle.serving.segments import list_segments, read_files
from tests.support.linear import make_home, model
from tests.support.processes import wait_until
from tests.support.serving import MODEL_SERVER, Load, Program, running


@pytest.fixture(scope="module")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def house(linear_home: Path, tmp_path: Path) -> Iterator[House]:
    home = shutil.copytree(linear_home, tmp_path / "home")
    opened = House(load_settings({"BUCLE_HOME": str(home)}))
    with opened.session().begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    serving.publish(opened.session())
    yield opened
    opened.close()


@pytest.fixture
def program(house: House, tmp_path: Path) -> Iterator[Program]:
    with running(tmp_path / "log", home=house.settings.home, predict_workers="2") as started:
        yield started


def counted(program: Program) -> int:
    text = program.raw("GET", "/metrics")[1].decode()
    found = re.findall(r"^bucle_predict_requests_total\{.*\} (\d+)$", text, re.MULTILINE)
    return sum(map(int, found))


def worker_pids(program: Program) -> list[int]:
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def test_a_worker_that_is_killed_takes_only_its_own_connections_with_it(
    house: House, program: Program
) -> None:
    before = worker_pids(program)
    assert len(before) == 2
    with Load(program.port, callers=6, reconnects=True) as load:
        load.goes_on(200)
        os.kill(before[0], signal.SIGKILL)
        assert wait_until(
            lambda: len(worker_pids(program)) == 2 and before[0] not in worker_pids(program),
            within_s=30,
        )
        load.goes_on(200)
    assert load.failures == []
    assert load.cut <= 6
    assert "SIGKILL" in program.said
    # The new worker hands over what the dead one had logged.
    assert wait_until(lambda: program.health()["workers"] == 2, within_s=30)
    assert program.ask("POST", "/admin/flush")[0] == 200
    blobs = house.drivers.blobs
    paths = [blobs.local_path(segment.key) for segment in list_segments(blobs, "default")]
    logged = read_files(paths, ["id"])["id"].to_pylist()
    assert {one["ids"][0] for one in load.answers} <= set(logged)


def test_each_worker_answers_for_all_at_metrics(program: Program) -> None:
    for _ in range(30):  # a connection each: both workers get some
        program.predict()
    assert wait_until(lambda: counted(program) == 30, within_s=20)
    assert {counted(program) for _ in range(6)} == {30}
    assert program.health()["workers"] == 2


def test_asked_to_stop_all_of_them_end_well(house: House, program: Program) -> None:
    answered = {program.predict()["ids"][0] for _ in range(10)}
    found = find_running(house.settings)
    assert found is not None
    assert found.pid == program.process.pid
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(timeout=30) == 0
    blobs = house.drivers.blobs
    paths = [blobs.local_path(segment.key) for segment in list_segments(blobs, "default")]
    assert set(read_files(paths, ["id"])["id"].to_pylist()) == answered
    assert find_running(house.settings) is None


def test_a_port_that_other_workers_have_is_said_to_be_taken(
    house: House, program: Program, tmp_path: Path
) -> None:
    taken = {"predict_port": str(program.port), "predict_workers": "2"}
    with pytest.raises(AssertionError, match="can not be listened on"):
        Program(MODEL_SERVER, tmp_path / "second", {"home": house.settings.home, **taken})
