"""A model server without an installation: from a folder or a bundle, and its log."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle import serving
from tests.support.linear import make_home, model
from tests.support.processes import free_port, wait_until
from tests.support.serving import ROOT, running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home that serves the second version of `demand`."""
    folder = make_home(tmp_path_factory.mktemp("linear") / "home")
    house = House(load_settings({"BUCLE_HOME": str(folder)}))
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(2))
    house.close()
    return folder


def bucle(home: Path, *words: str) -> str:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    done = subprocess.run(
        [sys.executable, "-m", "bucle", *words],
        cwd=ROOT, env=environ | {"BUCLE_HOME": str(home)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def exported(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the second version."""
    folder = tmp_path_factory.mktemp("exported") / "demand"
    bucle(home, "registry", "export", "demand@2", str(folder))
    return folder


def test_a_folder_is_served_without_a_home_and_its_log_is_collected(
    home: Path, exported: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    words = ("-m", "bucle", "serve", str(exported), "--port", "0", "--state", str(state))
    with running(tmp_path / "log", command=words, home=str(tmp_path / "nobody")) as program:
        answers = [program.predict() for _ in range(5)]
        assert answers[0]["outputs"] == {"prediction": [20.0]}
        assert answers[0]["model"] == "model:demand@2"
        assert "a key that came with it" in program.said
        assert not (tmp_path / "nobody" / "bucle.db").exists()
        program.process.send_signal(signal.SIGKILL)
        program.process.wait()
    assert "rows      5" in bucle(home, "serving", "collect", str(state))
    assert "rows      0" in bucle(home, "serving", "collect", str(state))
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    for answer in answers:
        found = serving.find_prediction(house.session(), answer["ids"][0])
        assert found.outputs == {"prediction": 20.0}
    house.close()


def test_a_registered_version_is_served_by_its_alias_alone(home: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    words = ("-m", "bucle", "serve", "model:demand@3", "--port", "0", "--state", str(state))
    with running(tmp_path / "log", command=words, home=str(home)) as program:
        assert program.predict()["outputs"] == {"prediction": [30.0]}
        assert "signed by" in program.said


def test_isolated_models_are_ended_for_their_memory_and_come_back_when_they_die(
    exported: Path, tmp_path: Path
) -> None:
    words = ("-m", "bucle", "serve", str(exported), "--port", "0", "--isolate")
    words = (*words, "--memory-limit", "2GB", "--state", str(tmp_path / "state"))
    with running(tmp_path / "log", command=words, home=str(tmp_path)) as program:
        assert program.predict()["outputs"] == {"prediction": [20.0]}
        (child,) = children(program.process.pid)
        os.kill(child, signal.SIGKILL)
        statuses = {program.raw("POST", "/predict/demand", b'{"heat": 1, "city": "x"}')[0]
                    for _ in range(3)}  # fmt: skip
        assert statuses <= {200, 500}
        assert program.predict()["outputs"] == {"prediction": [20.0]}
        assert children(program.process.pid) != (child,)
    small = (*words[:-3], "20MB", "--state", str(tmp_path / "small"))
    with running(tmp_path / "small.log", command=small, home=str(tmp_path)) as program:
        assert wait_until(lambda: program.health()["status"] == "degraded", within_s=20)
        assert "MB that it may take" in program.health()["reasons"][0]


def children(pid: int) -> tuple[int, ...]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return tuple(int(child) for path in found for child in path.read_text().split())


@pytest.fixture(scope="module")
def bundle(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bundle") / "demand.pyz"
    bucle(home, "serving", "bundle", "demand", "--output", str(made))
    return made


def test_a_bundle_answers_with_its_own_copy_of_what_it_needs(
    home: Path, bundle: Path, tmp_path: Path
) -> None:
    alone = shutil.copy(bundle, tmp_path / "demand.pyz")
    words = (str(alone), "--port", str(free_port()))
    with running(tmp_path / "log", command=words) as program:
        answer = program.predict()
        assert answer["outputs"] == {"prediction": [20.0]}
        mapped = Path(f"/proc/{program.process.pid}/environ").read_bytes()
        assert b"BUCLE_DATABASE_URL=sqlite" not in mapped
        assert program.ask("POST", "/admin/flush")[0] == 200
    state = tmp_path / "demand.state"
    (app,) = state.glob("app-*")
    assert (app / "bucle" / "interfaces" / "predict" / "process.py").is_file()
    assert not (app / "bucle" / "interfaces" / "web").exists()
    assert "numpy==" in (app / "requirements.txt").read_text()
    assert "rows      1" in bucle(home, "serving", "collect", str(state))


@pytest.fixture
def pythonless(tmp_path: Path) -> Path:
    """Return a Python that has none of the libraries."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    return tmp_path / "v" / "bin" / "python"


def test_a_bundle_says_what_to_install(bundle: Path, pythonless: Path, tmp_path: Path) -> None:
    alone = shutil.copy(bundle, tmp_path / "demand.pyz")
    done = subprocess.run([pythonless, alone], check=False, capture_output=True, text=True)
    assert done.returncode == 5
    assert "pip install -r" in done.stderr


def test_another_version_in_the_same_place_is_another_revision(
    home: Path, exported: Path, tmp_path: Path
) -> None:
    third = tmp_path / "third"
    bucle(home, "registry", "export", "demand@3", str(third))
    state = tmp_path / "state"
    told = []
    for folder in (exported, exported, third):
        words = ("-m", "bucle", "serve", str(folder), "--port", "0", "--state", str(state))
        with running(tmp_path / "log", command=words, home=str(tmp_path)) as program:
            told.append(program.predict()["deployment"])
    assert told == ["deployment:demand@1", "deployment:demand@1", "deployment:demand@2"]


def test_gRPC_answers_beside_it(exported: Path, tmp_path: Path) -> None:  # noqa: N802 - its name
    grpc = pytest.importorskip("grpc")
    port = free_port()
    words = ("-m", "bucle", "serve", str(exported), "--port", "0", "--grpc-port", str(port))
    words = (*words, "--state", str(tmp_path / "state"))
    with running(tmp_path / "log", command=words, home=str(tmp_path)):
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        grpc.channel_ready_future(channel).result(timeout=30)
        channel.close()
