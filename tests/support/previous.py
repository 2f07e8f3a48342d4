"""The release before this one, taken out of git beside the working tree.

Its code runs in processes of its own, with this environment's libraries: a client that was not
updated when the server was, and the writer of a store that is to be upgraded.
"""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The last revision before tracking was deepened and the MLflow door opened; its schema is 0012.
REVISION = "e5e4b68"
SCHEMA = "0012"


def previous_release(folder: Path) -> Path:
    """Write the previous release's files into a folder, and return it; skip if git has them not."""
    command = ["git", "archive", REVISION, "bucle", "tests", "pyproject.toml"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    except OSError as error:
        pytest.skip(f"the previous release comes from git: {error}")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        pytest.skip(f"the previous release, {REVISION}, is not in this clone's history: {said}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def python(tree: Path, command: Sequence[str], **settings: str) -> str:
    """Run Python with the `bucle` of a tree, and return what it wrote on stdout."""
    ours = {f"BUCLE_{name.upper()}": value for name, value in settings.items()}
    environ = {**os.environ, **ours, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=environ, capture_output=True, text=True,
        check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
