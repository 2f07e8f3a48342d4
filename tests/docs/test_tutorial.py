"""The tutorial, typed as it stands in an empty folder: it works, and in less than ten minutes."""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from tests.docs.readme import ROOT

PAGE = ROOT / "docs" / "tutorial" / "first-feature.md"
_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WORDS_A_MINUTE = 200
_LIMIT_S = 600


def test_from_a_csv_to_an_online_feature_in_ten_minutes(tmp_path: Path, record_property) -> None:
    text = PAGE.read_text(encoding="utf-8")
    started = time.monotonic()
    outputs = [_typed(arguments, tmp_path) for arguments in _programs(text)]
    ran_s = time.monotonic() - started
    read_s = len(text.split()) / _WORDS_A_MINUTE * 60
    record_property("figures", f"runs {ran_s:.1f} s, reads {read_s:.0f} s")
    assert ran_s + read_s < _LIMIT_S
    assert "dataset:payments@1" in outputs[-1]  # what the online rows were made of


def test_what_the_page_on_streams_shows_works(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "howto" / "streams.md").read_text(encoding="utf-8")
    for arguments in _programs(text):
        _typed(arguments, tmp_path)


def _programs(text: str) -> list[list[str]]:
    """Return what Python gets to run for each block and each command, in their order."""
    found: list[list[str]] = []
    for kind, block in _BLOCK.findall(text):
        if kind == "python":
            found.append(["-c", block])
            continue
        lines = [line for line in block.splitlines() if line.startswith("$ bucle ")]
        found += [["-m", *shlex.split(line[2:])] for line in lines]
    return found


def _typed(arguments: list[str], folder: Path) -> str:
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    environ = os.environ | {"BUCLE_HOME": str(folder / "home"), "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, env=environ, check=False,
                         capture_output=True, text=True)  # fmt: skip
    assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
    return ran.stdout
