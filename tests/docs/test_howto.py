"""A how-to page that starts from nothing is run as it stands: its Python and its commands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.readme import ROOT

PAGES = (
    "catalog", "control", "data", "explore", "features", "feedback", "files", "labels",
    "monitoring", "parity", "privacy", "quality", "rollouts", "scoring",
    "serve-anywhere", "sources", "watching-serving",
)  # fmt: skip
_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs_in_its_order(page: str, tmp_path: Path) -> None:
    found = _BLOCK.findall((ROOT / "docs" / "howto" / f"{page}.md").read_text(encoding="utf-8"))
    assert found
    for kind, block in found:
        if kind == "python":
            code = tmp_path / "page.py"  # in a file, because functions are sent as their source
            code.write_text(block, encoding="utf-8")
            _run([str(code)], tmp_path)
            continue
        for line in (line for line in block.splitlines() if line.startswith("$ bucle ")):
            _run(["-m", *shlex.split(line[2:], comments=True)], tmp_path)


def _run(arguments: list[str], folder: Path) -> None:
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    environ = os.environ | {"BUCLE_HOME": str(folder / "home"), "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, env=environ, check=False,
                         capture_output=True, text=True)  # fmt: skip
    assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
