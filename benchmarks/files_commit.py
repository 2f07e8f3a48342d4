"""What does it cost to commit a folder of 10,000 small files, and again with one of them changed?

    python benchmarks/files_commit.py [--files 10000] [--size 10000]

`ours` is the verb in a process that runs; beside it stands `dvc add`, as a command, where
`BUCLE_DVC_PYTHON` names the Python of an environment with DVC, else a plain copy of the folder.
`bucle data commit` as a command, with its start, is in the details.  All are processor seconds.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import Figure, arguments, spend, tell

from bucle.base.settings import load_settings
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import open_in_process

_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}  # as an installed program is


def main() -> None:
    """Measure and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=10_000)
    asked = parser.parse_args()
    if asked.quick:
        asked.files = 1_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "files")
        fill(folder, asked.files, asked.size)
        time.sleep(0.3)  # the clock's tick: files that were just written are read twice
        peer = dvc(Path(place, "dvc"), folder)
        steps = ("first", "one_changed", "none_changed")
        ours, objects = bucle(Path(place, "home"), folder)
        command = bucle_command(Path(place, "home2"), folder)
        for step, name in enumerate(steps):
            tell(Figure(
                benchmark=f"files_commit_{name}", ours=ours[step],
                beside=peer[step] if peer else copied(folder, Path(place, "copy")),
                against="dvc add" if peer else "a plain copy of the folder", unit="CPU seconds",
                details={
                    "files": asked.files, "size": asked.size, "objects_stored": objects,
                    "command_cpu_s": round(command[step], 3),
                },
            ))  # fmt: skip


def fill(folder: Path, files: int, size: int) -> None:
    """Write files of noise into a hundred folders."""
    for number in range(files):
        path = folder / f"{number % 100:02d}" / f"{number:06d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def change(folder: Path) -> None:
    """Write one file anew, and let the clock's tick pass."""
    path = folder / "00" / "000000.bin"
    path.write_bytes(os.urandom(path.stat().st_size))
    time.sleep(0.3)


def bucle(home: Path, folder: Path) -> tuple[list[float], int]:
    """Return what the verb takes, and how many objects lie in the store after it."""
    with Client(open_in_process(load_settings({"BUCLE_HOME": str(home)}))) as client:
        client.data.commit("warm", [folder / "00" / "000000.bin"], kind="files")
        steps = [spent(lambda: client.data.commit("files", [folder]))]
        change(folder)
        steps += [spent(lambda: client.data.commit("files", [folder])) for _ in range(2)]
    return steps, sum(path.is_file() for path in (home / "blobs" / "content").rglob("*"))


def bucle_command(home: Path, folder: Path) -> list[float]:
    """Return what the command takes, its start included."""
    command = [sys.executable, "-m", "bucle", "data", "commit", "files", str(folder), "--json"]
    environment = {"BUCLE_HOME": str(home), **_COMPILED}
    warm = [*command[:-3], "warm", str(folder / "00" / "000000.bin"), "--kind", "files"]
    spend(warm, **environment)
    steps = [spend(command, **environment).cpu_s]
    change(folder)
    return [*steps, *(spend(command, **environment).cpu_s for _ in range(2))]


def dvc(place: Path, folder: Path) -> list[float]:
    """Return what `dvc add` takes of a copy of the folder; [] without DVC."""
    python = os.environ.get("BUCLE_DVC_PYTHON", "")
    if not python:
        return []
    shutil.copytree(folder, place / "files")
    for words in (["init", "-q", "--no-scm"], ["config", "core.analytics", "false"]):
        subprocess.run([python, "-m", "dvc", *words], cwd=place, check=True)
    command = [python, "-c", _ADD.format(place=str(place))]
    steps = [spend(command, **_COMPILED).cpu_s]
    change(place / "files")
    return [*steps, *(spend(command, **_COMPILED).cpu_s for _ in range(2))]


_ADD = "import os; os.chdir({place!r}); from dvc.cli import main; main(['add', '-q', 'files'])"


def copied(folder: Path, target: Path) -> float:
    """Return what a plain copy takes."""
    shutil.rmtree(target, ignore_errors=True)
    return spent(lambda: shutil.copytree(folder, target))


def spent(act: Callable[[], object]) -> float:
    """Return the processor seconds of this process that something takes."""
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    main()
