"""What does one byte changed, or put in, in the middle of a large file cost, and what is stored?

    python benchmarks/large_file.py [--bytes 2147483648] [--folder /a/disk/with/room]

`ours` are the processor seconds of the commit after the edit; beside it stands `dvc add` of the
same edit where `BUCLE_DVC_PYTHON` names the Python of an environment with DVC, else digesting the
file once (BLAKE3), which no way to tell what changed can do without.  The bytes stored are in the
details.  The disk needs twice the file's size, and once more for DVC.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import Figure, arguments, spend, tell

from bucle.base.digest import digest_file
from bucle.base.settings import load_settings
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import open_in_process

_PIECE = 8 << 20


def main() -> None:
    """Measure and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--bytes", type=int, default=2 << 30)
    parser.add_argument("--folder", default=None)
    asked = parser.parse_args()
    if asked.quick:
        asked.bytes = 64 << 20
    with tempfile.TemporaryDirectory(dir=asked.folder) as place:
        large = Path(place, "files", "large.bin")
        large.parent.mkdir()
        fill(large, asked.bytes)
        for edit in (changed, put_in):
            home = Path(place, f"home-{edit.__name__}")
            first, again, stored, files = ours(home, large, edit)
            subprocess.run(["rm", "-r", str(home)], check=True)
            peer = dvc(Path(place, "dvc"), large, edit)
            digested = spent(lambda: digest_file(large))
            tell(Figure(
                benchmark=f"large_file_{edit.__name__}", ours=again,
                beside=peer[0] if peer else digested,
                against="dvc add" if peer else "digesting the file once", unit="CPU seconds",
                details={
                    "bytes": asked.bytes, "stored_bytes": stored, "stored_objects": files,
                    "first_commit_cpu_s": round(first, 2), "digest_cpu_s": round(digested, 2),
                    "dvc_stored_bytes": peer[1] if peer else None,
                },
            ))  # fmt: skip


def fill(path: Path, size: int) -> None:
    """Write a file of noise."""
    with path.open("wb") as file:
        for start in range(0, size, _PIECE):
            file.write(os.urandom(min(_PIECE, size - start)))


def changed(path: Path) -> None:
    """Change one byte in the middle."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def put_in(path: Path) -> None:
    """Put one byte in, in the middle; the second half moves."""
    middle, part = path.stat().st_size // 2, path.with_suffix(".part")
    with path.open("rb") as read, part.open("wb") as written:
        left = middle
        while left:
            piece = read.read(min(_PIECE, left))
            written.write(piece)
            left -= len(piece)
        written.write(b"!")
        while piece := read.read(_PIECE):
            written.write(piece)
    part.replace(path)


def ours(home: Path, large: Path, edit: Callable[[Path], None]) -> tuple[float, float, int, int]:
    """Return what the first commit takes, what the next does, and the bytes and objects it adds."""
    with Client(open_in_process(load_settings({"BUCLE_HOME": str(home)}))) as client:
        first = spent(lambda: client.data.commit("files", [large.parent]))
        before = stored(home / "blobs" / "content")
        edit(large)
        again = spent(lambda: client.data.commit("files", [large.parent]))
    after = stored(home / "blobs" / "content")
    fresh = [size for path, size in after.items() if path not in before]
    return first, again, sum(fresh), len(fresh)


def stored(folder: Path) -> dict[Path, int]:
    """Return the files of a store with their sizes."""
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def dvc(place: Path, large: Path, edit: Callable[[Path], None]) -> tuple[float, int] | None:
    """Return what `dvc add` takes after the edit, and what it stores; None without DVC."""
    python = os.environ.get("BUCLE_DVC_PYTHON", "")
    if not python:
        return None
    place.mkdir()
    try:
        for words in (["init", "-q", "--no-scm"], ["config", "core.analytics", "false"]):
            subprocess.run([python, "-m", "dvc", *words], cwd=place, check=True)
        # Moved and not copied, so that the disk needs no third file; and back after.
        large.rename(place / "large.bin")
        add = [python, "-c", _ADD.format(place=str(place))]
        spend(add, PYTHONDONTWRITEBYTECODE="")
        before = stored(place / ".dvc" / "cache")
        edit(place / "large.bin")
        cpu_s = spend(add, PYTHONDONTWRITEBYTECODE="").cpu_s
        after = stored(place / ".dvc" / "cache")
        (place / "large.bin").rename(large)
        return cpu_s, sum(size for path, size in after.items() if path not in before)
    finally:
        subprocess.run(["rm", "-rf", str(place)], check=True)


_ADD = "import os; os.chdir({place!r}); from dvc.cli import main; main(['add', '-q', 'large.bin'])"


def spent(act: Callable[[], object]) -> float:
    """Return the processor seconds of this process that something takes."""
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    main()
