"""What docs/howto/open-inference.md types is typed, against a model server, and says that."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.lifecycle import serving
from bucle.testing.houses import open_test_house
from tests.docs.readme import ROOT, blocks
from tests.support.absent import missing
from tests.support.linear import model, register_linear
from tests.support.processes import find_program, free_port, stop

PAGE = "docs/howto/open-inference.md"
# Every address of `/v2`, as routes/open_protocol.py and the protocol have it.
ROUTES = (
    "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/demand",
    "/v2/models/demand/ready", "/v2/models/demand/infer", "/v2/models/demand/versions/1",
    "/v2/models/demand/versions/1/ready", "/v2/models/demand/versions/1/infer",
    "/v2/repository/index", "/v2/repository/models/demand/load",
    "/v2/repository/models/demand/unload",
)  # fmt: skip


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the ports on which a model server answers for the page's own: 8001 and 8002."""
    home = tmp_path_factory.mktemp("page") / "home"
    house = open_test_house(home)
    session = house.session()
    register_linear(session, "demand", 1.0)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="demand", model="demand"))
        serving.serve_version(scope, "demand", model(1))
    serving.publish(session)
    house.close()
    found = {"8001": str(free_port()), "8002": str(free_port())}
    environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    environ |= {
        "BUCLE_HOME": str(home),
        "BUCLE_PREDICT_PORT": found["8001"],
        "BUCLE_PREDICT_GRPC_PORT": found["8002"],
    }
    command = [sys.executable, "-m", "bucle.interfaces.predict"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield found
    finally:
        stop(process)


def _here(text: str, ports: dict[str, str]) -> str:
    for known, port in ports.items():
        text = text.replace(f"127.0.0.1:{known}", f"127.0.0.1:{port}")
    return text


def test_every_curl_line_says_what_the_page_shows(ports: dict[str, str]) -> None:
    if find_program("curl", folders=os.environ["PATH"].split(":")) is None:
        missing("no curl: apt-get install curl")
    for block in blocks(PAGE, "console"):
        lines = block.text.splitlines()
        for command, shown in zip(lines[::2], lines[1::2], strict=True):
            typed = shlex.split(_here(command.removeprefix("$ "), ports))
            done = subprocess.run(typed, check=True, capture_output=True, text=True)
            place = 0
            for part in shown.split("..."):
                assert part in done.stdout[place:], (command, part, done.stdout)
                place = done.stdout.index(part, place) + len(part)


def test_no_address_of_the_protocol_is_left_out() -> None:
    shown = " ".join(block.text for block in blocks(PAGE, "console"))
    words = {word.removeprefix("http://127.0.0.1:8001") for word in shown.split()}
    assert [route for route in ROUTES if route not in words] == []


def test_the_clients_of_the_page_work(ports: dict[str, str], tmp_path: Path) -> None:
    python = ROOT / ".venv-serving-clients" / "bin" / "python"
    if not python.exists():
        # On CI tests/integration/test_v2_clients.py makes it, and fails where it can not.
        pytest.skip("no clients of the Open Inference Protocol: make clients")
    for place, block in enumerate(blocks(PAGE, "python")):
        page = tmp_path / f"page{place}.py"
        page.write_text(_here(block.text, ports), encoding="utf-8")
        done = subprocess.run([python, page], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(("[1. 2. 3.] model:demand@1", "[21.5]"))
