"""A client of an installation in a temporary home, and a folder to commit."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.interfaces.client import Client, connect

PATHS = ("a.txt", "cats/ñandú 猫.txt", "cats/deep/b.bin", "empty", "run.sh")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    with connect() as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of small files, a large one, an empty one and one that can be run."""
    folder = tmp_path / "photos"
    for path in PATHS:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("" if path == "empty" else path)
    (folder / "large.bin").write_bytes(bytes(range(256)) * 8192)
    (folder / "run.sh").chmod(0o755)
    settle(folder)
    return folder


def settle(folder: Path) -> None:
    """Date the files back, so that none was written within the clock's last tick."""
    then = time.time_ns() - 60_000_000_000 + 1
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(then, then))
    time.sleep(0.12)  # nobody can date back when a file's times were changed
