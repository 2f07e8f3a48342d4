"""The Python of the pages on runs and searches is run, in a home of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.readme import ROOT, blocks

BEFORE = """
import bucle
bucle.connect().call("data.commit", name="rentals", files=["rentals.csv"])
"""


@pytest.mark.parametrize("name", ["tracking", "tuning", "definitions"])
def test_the_code_of_a_page_runs(tmp_path: Path, name: str) -> None:
    pieces = [block.text for block in blocks(f"docs/howto/{name}.md", "python")]
    (tmp_path / "rentals.csv").write_text("at,count\n1,10\n2,20\n")
    (tmp_path / "page.py").write_text("\n".join([BEFORE, *pieces]))
    environ = os.environ | {"BUCLE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path, env=environ, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
