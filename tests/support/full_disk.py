"""A disk that is small, and can be made really full."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a small disk at a folder, and yield it; skip where only root could."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    try:
        subprocess.run(["mount", *options], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Callable[[], None]:
    """Take all of the room that is left; return what gives it back."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for length in (1 << 16, 1):
            try:
                while file.write(b"x" * length):
                    pass
            except OSError:
                continue
    return ballast.unlink
