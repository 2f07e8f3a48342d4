"""`bucle init --template demand`: somebody types what its README says, and nothing else."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.interfaces.cli.main import run
from tests.story.installation import ROOT, free_ports
from tests.support.absent import missing
from tests.support.processes import wait_until

pytestmark = [pytest.mark.story, pytest.mark.timeout(600)]

API, PREDICT = "8000", "8001"  # the ports that the README means


class Person:
    """Somebody at a prompt in the project's folder, who types lines."""

    def __init__(self, folder: Path, programs: Path, port: int) -> None:
        self.folder = folder
        self._ports = {API: str(port), PREDICT: str(port + 1)}
        self._exports = ""
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUCLE_")},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "BUCLE_PORT": str(port),
        }

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Type a line, and wait until it is done."""
        if line.startswith("export "):
            self._exports = f"{line}\n"
        return subprocess.run(
            ["sh", "-c", self._meant(line)], cwd=self.folder, env=self._environ,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def starts(self, line: str) -> "subprocess.Popen[bytes]":
        """Type a line that stays."""
        with (self.folder / "up.log").open("wb") as log:
            return subprocess.Popen(
                ["sh", "-c", self._meant(line)], cwd=self.folder, env=self._environ,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _meant(self, line: str) -> str:
        for said, port in self._ports.items():
            line = line.replace(f"localhost:{said}", f"localhost:{port}")
        return self._exports + line


def commands(readme: str) -> list[list[str]]:
    """Return the lines of each shell block."""
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)\n```", readme, re.DOTALL)]


@pytest.fixture
def person(tmp_path: Path) -> Person:
    if shutil.which("curl") is None:
        missing("no curl: apt-get install curl")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("bucle", "-m bucle "), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        (programs / name).chmod(0o755)
    assert run(["init", "--template", "demand", str(tmp_path / "café")]) == 0
    return Person(tmp_path / "café", programs, free_ports())


def test_the_readme_says_the_same_commands_in_both_languages(person: Person) -> None:
    prepare, loop, *spanish = commands((person.folder / "README.md").read_text())
    assert [prepare, loop] == spanish
    assert len(loop) == 5


def test_the_commands_of_the_readme_lead_from_data_to_a_prediction(person: Person) -> None:
    prepare, loop, *_ = commands((person.folder / "README.md").read_text())
    *by_hand, up, ask = loop
    for line in [*prepare, *by_hand]:
        done = person.types(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    process = person.starts(up)
    answers: list[str] = []

    def answered() -> bool:
        answers.append(person.types(ask).stdout)
        return '"outputs"' in answers[-1]

    try:
        assert wait_until(answered, within_s=60), (
            answers[-1] + (person.folder / "up.log").read_text()
        )
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    answer = json.loads(answers[-1])
    assert answer["model"] == "model:demand@1"
    (cups,) = answer["outputs"]["prediction"]
    assert 60 < cups < 140  # a rush hour: 88 of the seed's own, in the growth of half a year
