"""Clients of the Open Inference Protocol that nobody here wrote, against a model server.

They live in an environment of their own (`requirements/serving-clients.txt`): their dependencies
contradict ours, and two of them can not be in one process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.absent import ON_CI, missing
from tests.support.kinds import make_kinds_home
from tests.support.processes import free_port, stop

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "serving_clients"


def _environment() -> Path:
    """Return the clients' environment: `make clients` makes it, on CI this does."""
    told = os.environ.get("SERVING_CLIENTS")
    found = Path(told) if told else ROOT / ".venv-serving-clients"
    if not (found / "bin" / "python").exists() and ON_CI and not told:
        subprocess.run(["make", f"{found.name}/.installed"], cwd=ROOT, check=True)
    if not (found / "bin" / "python").exists():
        missing(f"no clients of the Open Inference Protocol in {found.name}: make clients")
    return found


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield where a model server that serves `kinds` listens, for HTTP and for gRPC."""
    _environment()
    home = make_kinds_home(tmp_path_factory.mktemp("kinds") / "home")
    http, grpc = free_port(), free_port()
    environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    environ |= {
        "BUCLE_HOME": str(home),
        "BUCLE_PREDICT_PORT": str(http),
        "BUCLE_PREDICT_GRPC_PORT": str(grpc),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bucle.interfaces.predict"],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield {"http": f"127.0.0.1:{http}", "grpc": f"127.0.0.1:{grpc}"}
    finally:
        stop(process)


@pytest.mark.parametrize(
    ("script", "way"),
    [
        ("triton_http", "http"),
        ("triton_grpc", "grpc"),
        ("kserve_rest", "http"),
        ("kserve_grpc", "grpc"),
    ],
)
def test_a_client_gets_what_the_model_computes(
    addresses: dict[str, str], script: str, way: str, subtests: pytest.Subtests
) -> None:
    done = subprocess.run(
        [_environment() / "bin" / "python", SCRIPTS / f"{script}.py", addresses[way]],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cases = json.loads(done.stdout.splitlines()[-1])
    assert cases
    for name, story in cases.items():
        with subtests.test(name):
            assert story == ""
