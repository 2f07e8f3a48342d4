import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.base.errors import Invalid, Unavailable
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.blobs.content import store_file
from bucle.drivers.compute import open_compute

ROOT = Path(__file__).resolve().parents[4]
FILL = """
import sys
from pathlib import Path
from bucle.base.errors import Unavailable
from bucle.drivers.blobs import open_blobs
blobs = open_blobs(f"file://{sys.argv[1]}")
blobs.put("small", b"fits")
try:
    blobs.put("large", b"x" * 4_000_000)
except Unavailable as error:
    print(error, "|", error.hint, "|", [found.key for found in blobs.list()])
    print(len(list(Path(sys.argv[1], ".incoming").iterdir())))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> BlobStore:
    return open_blobs(f"file://{folder}")


def test_a_blob_is_a_plain_file_that_others_may_read(blobs: BlobStore, folder: Path) -> None:
    blobs.put("a/b.txt", b"plain")
    assert (folder / "a" / "b.txt").read_bytes() == b"plain"
    assert (folder / "a" / "b.txt").stat().st_mode & 0o044 == 0o044


def test_nothing_unfinished_is_left_or_listed(blobs: BlobStore, folder: Path) -> None:
    blobs.put("a", b"x")
    blobs.create("b", b"x")
    assert list((folder / ".incoming").iterdir()) == []
    (folder / ".incoming" / "half").write_bytes(b"h")
    assert sorted(found.key for found in blobs.list()) == ["a", "b"]


def test_what_a_writer_that_died_left_is_removed_after_a_day(
    blobs: BlobStore, folder: Path
) -> None:
    blobs.put("a", b"x")
    old, new = folder / ".incoming" / "old", folder / ".incoming" / "new"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (0, 0))
    open_blobs(f"file://{folder}")
    assert [path.name for path in (folder / ".incoming").iterdir()] == ["new"]


def test_a_blob_and_a_folder_of_one_name_are_invalid(blobs: BlobStore) -> None:
    blobs.put("a/b", b"x")
    for write in (blobs.put, blobs.create):
        with pytest.raises(Invalid, match="cannot share a name"):
            write("a", b"x")
        with pytest.raises(Invalid, match="cannot share a name"):
            write("a/b/c", b"x")
    assert blobs.get("a/b") == b"x"


def test_a_folder_that_cannot_be_written_says_so_and_what_to_do() -> None:
    with pytest.raises(Unavailable, match="cannot write /proc/bucle/a") as caught:
        open_blobs("file:///proc/bucle").put("a", b"x")
    assert str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_unavailable(blobs: BlobStore, folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(Unavailable, match="Permission denied") as caught:
        blobs.put("a", b"x")
    assert "BUCLE_HOME" in caught.value.hint


def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = f"mount -t tmpfs -o size=1m none {small} && exec {sys.executable} -c '{FILL}' {small}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, check=False,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode and "Traceback" not in done.stderr:
        pytest.skip(f"no disk can be made small here: {done.stderr.strip()}")
    said, unfinished = done.stdout.splitlines()
    assert "No space left on device | free some space" in said
    assert said.endswith("| ['small']")
    assert unfinished == "0"


def test_a_writer_that_is_killed_leaves_no_visible_blob(blobs: BlobStore, folder: Path) -> None:
    script = """
import os, sys
from bucle.drivers.blobs import open_blobs, file
def die(part, content):
    part.write_bytes(content[: len(content) // 2])
    os.kill(os.getpid(), 9)
file._fill = die
open_blobs(sys.argv[1]).put("half", b"x" * 1000)
"""
    blobs.put("whole", b"x")
    done = subprocess.run([sys.executable, "-c", script, blobs.url], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [found.key for found in blobs.list()] == ["whole"]
    assert len(list((folder / ".incoming").iterdir())) == 1


def test_a_large_file_is_stored_in_constant_memory(blobs: BlobStore, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(300_000_000)
    compute = open_compute("process:?workers=1&preload=")
    try:
        usage = compute.submit(put_file, blobs.url, large).result().usage
    finally:
        compute.close()
    assert blobs.size("large") == 300_000_000
    assert usage.peak_memory_bytes < 100_000_000
    blobs.delete("large")
    assert len(store_file(blobs, large)) == 64


def put_file(url: str, path: Path) -> None:
    open_blobs(url).put("large", path)
