"""From a notebook's model to a canary, typed as it stands: with `bucle up` in a second terminal."""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.readme import ROOT
from tests.support.processes import free_port, stop, wait_until

PAGE = ROOT / "docs" / "tutorial" / "canary.md"
_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 120


@pytest.mark.timeout(600)  # a whole `bucle up`, and fifteen programs beside it
def test_from_a_notebooks_model_to_a_canary_and_back(tmp_path: Path) -> None:
    port, predict = free_port(), free_port()
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    environ = os.environ | {
        "BUCLE_HOME": str(tmp_path / "home"), "PYTHONPATH": path,
        "BUCLE_PORT": str(port), "BUCLE_PREDICT_PORT": str(predict),
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []
    said: list[str] = []

    def run(words: list[str]) -> None:
        ran = subprocess.run(words, cwd=tmp_path, env=environ, check=False, capture_output=True,
                             text=True, timeout=_TIMEOUT_S)  # fmt: skip
        assert ran.returncode == 0, f"{words}: {ran.stdout}{ran.stderr}"
        said.append(ran.stdout)

    def start() -> None:
        with (tmp_path / "up.log").open("wb") as log:
            started.append(subprocess.Popen(
                [sys.executable, "-m", "bucle", "up"], cwd=tmp_path, env=environ,
                stdout=log, stderr=log, start_new_session=True,
            ))  # fmt: skip
        file = tmp_path / "home" / "run" / "predict.json"
        assert wait_until(file.is_file, within_s=60), (tmp_path / "up.log").read_text()

    try:
        for kind, block in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            typed = block.replace("localhost:8001", f"127.0.0.1:{predict}")
            if kind == "python":
                run([sys.executable, "-c", typed])
                continue
            for line in (line[2:] for line in typed.splitlines() if line.startswith("$ ")):
                words = shlex.split(line)
                if line == "bucle up":
                    start()
                elif words[0] == "bucle":
                    run([sys.executable, "-m", *words])
                else:
                    run([words[0], "-f", *words[1:]])
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            stop(process)
    assert '"ids"' in said[3]
    assert '"log-odds"' in said[4]
    assert "canary" in next(text for text in said if "Counter" in text)
    assert "churn@1" in said[-1]
