"""kill -9 while a folder is committed or checked out: nothing half is seen, and a rerun goes on."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.base.errors import NotFound
from bucle.interfaces.client import Client, connect

ROOT = Path(__file__).resolve().parents[3]

# Runs a verb of the client, and stops for ever when a function is called for the nth time.
PROGRAM = """
import importlib, sys, time
from pathlib import Path
from bucle.interfaces.client import connect

verb, folder, module, name, times = sys.argv[1:]
room = importlib.import_module(module)
*place, last = name.split(".")
for part in place:
    room = getattr(room, part)
real, left = getattr(room, last), [int(times)]
def stops(*arguments, **named):
    left[0] -= 1
    if not left[0]:
        print("there", flush=True)
        time.sleep(600)
    return real(*arguments, **named)
setattr(room, last, stops)
with connect() as client:
    if verb == "commit":
        client.data.commit("photos", [folder])
    else:
        client.checkout("photos", folder)
"""

COMMITS = {
    "a pack is about to be stored": ("bucle.drivers.blobs.file", "FileBlobs.put", "2"),
    "a pack is stored and not yet added": ("bucle.lifecycle.data.packs.add", "members_of", "2"),
    "a pack is half added": ("bucle.lifecycle.data.packs.add", "_require_parts", "2"),
    "all packs are added": ("bucle.lifecycle.data.files.commit", "settle_tree", "1"),
    "the head has moved": ("bucle.lifecycle.data.store", "add_version", "1"),
}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    with connect() as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder that takes three packs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    noise = random.Random(3)
    for place in range(200):
        (folder / f"{place:03d}.bin").write_bytes(noise.randbytes(200_000))
    (folder / "large.bin").write_bytes(noise.randbytes(30_000_000))
    return folder


def killed(verb: str, folder: Path, place: tuple[str, str, str]) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, verb, str(folder), *place],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    program.send_signal(signal.SIGKILL)
    program.wait()


def stored_bytes(tmp_path: Path) -> int:
    content = tmp_path / "home" / "blobs" / "content"
    return sum(path.stat().st_size for path in content.rglob("*") if path.is_file())


@pytest.mark.parametrize("place", COMMITS)
def test_a_commit_that_is_killed_is_not_there_and_the_next_stores_nothing_twice(
    client: Client, folder: Path, tmp_path: Path, place: str
) -> None:
    killed("commit", folder, COMMITS[place])
    with pytest.raises(NotFound):
        client.data.get("photos")
    made = client.data.commit("photos", [folder])
    assert (made.number, made.rows) == (1, 201)
    # All content once, and little more: the packs' own lists, pages and manifests.
    assert stored_bytes(tmp_path) < made.size_bytes + 100_000
    assert len(list(client.list_files("photos"))) == 201


def test_a_checkout_that_is_killed_left_whole_files_and_goes_on(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    out = tmp_path / "out"
    killed("checkout", out, ("os", "replace", "100"))
    whole = [path for path in out.iterdir() if not path.name.startswith(".")]
    assert len(whole) == 99
    assert all(path.read_bytes() == (folder / path.name).read_bytes() for path in whole)
    told = client.checkout("photos", out)
    assert (told.written, told.unchanged) == (102, 99)
    assert all((out / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())
