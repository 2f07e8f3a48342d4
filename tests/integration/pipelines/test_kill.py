"""kill -9 in the middle of a run: whoever comes next goes on at the first unfinished step."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.governance.session import House
from bucle.lifecycle.pipelines import get_pipeline_run, load_output, resume_pipeline, run_pipeline
from bucle.lifecycle.tracking import get_run
from bucle.testing.houses import open_test_house
from tests.support.processes import wait_until
from tests.support.project import write_project

ROOT = Path(__file__).resolve().parents[3]
RUN = Ref("run", "01KILLED")
FLOW = """
import fcntl
import time
from pathlib import Path
from bucle.lifecycle.pipelines.define import pipeline, step

HERE = Path(__file__).parent

def mark(name):
    with HERE.joinpath("marks").open("a") as file:
        file.write(name + "\\n")

@step
def first():
    mark("first")
    return 1

@step(cache=False)
def uncached():
    mark("uncached")
    return 10

@step
def second(value, other):
    with HERE.joinpath("held").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as long as this process lives
        mark("second")
        while not HERE.joinpath("go").exists():
            time.sleep(0.02)
        mark("second-ended")
    return value + other

@step
def third(value):
    mark("third")
    return value * 2

@pipeline
def train():
    return third(second(first(), uncached()))
"""
RUNNER = """
import sys
from pathlib import Path
from bucle.base.refs import Ref
from bucle.lifecycle.pipelines import run_pipeline
from bucle.testing.houses import open_test_house

if __name__ == "__main__":
    house = open_test_house(Path(sys.argv[1]), **dict(arg.split("=", 1) for arg in sys.argv[3:]))
    folder = Path(sys.argv[2])
    run_pipeline(house.session(), "flow:train", folder=folder, run=Ref("run", "01KILLED"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", {"flow.py": FLOW, "runner.py": RUNNER})


def marks(folder: Path) -> list[str]:
    path = folder / "marks"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def kill(runner: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Kill a runner, and let the second step go on only if it did not die with its runner."""
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    assert wait_until(lambda: not is_held(folder), within_s=60)
    (folder / "go").touch()


def is_held(folder: Path) -> bool:
    with (folder / "held").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgresql_url")}


@pytest.fixture
def house(tmp_path: Path, urls: dict[str, str]) -> Iterator[House]:
    opened = open_test_house(tmp_path / "home", **urls)
    opened.session()
    yield opened
    opened.close()


@pytest.fixture
def runner(
    tmp_path: Path, folder: Path, house: House, urls: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a runner in a process of its own and wait until it is in its second step."""
    given = [f"{name}={url}" for name, url in urls.items()]
    process = subprocess.Popen(
        [sys.executable, str(folder / "runner.py"), str(tmp_path / "home"), str(folder), *given],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert wait_until(lambda: "second" in marks(folder), within_s=60)
    yield process
    process.kill()
    process.wait()


def test_a_killed_run_goes_on_at_the_first_unfinished_step(
    house: House, folder: Path, runner: "subprocess.Popen[bytes]"
) -> None:
    kill(runner, folder)
    session = house.session()
    run = run_pipeline(session, "flow:train", folder=folder, run=RUN)
    assert run.status == "finished"
    assert load_output(session, run) == 22
    # The killed runner's step died with it, and what had ended was not run again.
    assert sorted(marks(folder)) == [
        "first", "second", "second", "second-ended", "third", "uncached",
    ]  # fmt: skip
    with session.begin(write=False) as scope:
        assert get_run(scope, RUN).status == "finished"


def test_the_run_of_the_killed_step_says_that_it_was_killed(
    house: House, folder: Path, runner: "subprocess.Popen[bytes]"
) -> None:
    session = house.session()
    with session.begin(write=False) as scope:
        step = get_pipeline_run(scope, RUN).step("second").run
    assert step is not None
    kill(runner, folder)
    run = resume_pipeline(session, RUN)
    with session.begin(write=False) as scope:
        assert get_run(scope, step).status == "killed"
    assert run.step("second").run != step


def test_a_run_whose_runner_lives_is_not_run_beside_it(
    house: House, folder: Path, runner: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(Conflict) as raised:
        resume_pipeline(house.session(), RUN)
    assert str(runner.pid) in raised.value.message
