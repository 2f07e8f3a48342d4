"""Capture the code that runs, so that it can be had again: commit and diff, or an archive.

The diff holds new files too, as `git apply` wants them; where there is no git, no commit yet, or
the folder is ignored, the project's own sources go into a zip, so that a rebuild has the code.
"""

import io
import re
import shlex
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bucle.base.errors import NotInstalled, Unavailable
from bucle.drivers import git
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import store_bytes
from bucle.lifecycle.tracking.records import CodeState

Keep = Callable[[bytes], str]

_FILE_BYTES = 1 << 20  # a new file above this is data, not code
_TOTAL_BYTES = 4 << 20
_FILES = 2_000
_NAMED = 20
_DEPTH = 8
_SNIFFED_BYTES = 8_192
_SOURCE = re.compile(
    r".*\.(py|pyi|ipynb|toml|cfg|ini|ya?ml|sql|r|jl|sh|txt|md|json)", re.IGNORECASE
)
_NOT_OURS = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})
_SECRET = re.compile(r"(--?[\w-]*(?:token|password|secret|key)[\w-]*)(=|\s+)\S+", re.IGNORECASE)


def capture_code(folder: Path, blobs: BlobStore, *, entry: str | None = None) -> CodeState:
    """Store what the code in a folder is, and return where it can be had again.

    Args:
        folder: the project's folder, anywhere in a git repository or in none.
        blobs: where the diff or the archive goes.
        entry: the program that runs; without it, this process's command line.
    """
    return code_state(folder, partial(store_bytes, blobs), entry=entry)


def code_state(folder: Path, keep: Keep, *, entry: str | None = None) -> CodeState:
    """Capture the code in a folder; `keep` stores content and returns its digest."""
    folder = folder.resolve()
    entry = this_program() if entry is None else entry
    root = _root(folder)
    commit = git.head_commit(root) if root else None
    if not root or not commit or git.is_ignored(root, folder):
        archive, left_out = _archive(folder)
        digest = keep(archive) if archive else None
        return CodeState(archive=digest, folder=".", entry=entry, left_out=left_out)
    diff = git.dirty_diff(root, limit_bytes=_TOTAL_BYTES)
    marks = [line for line in diff.splitlines()[-_FILES:] if line.startswith(git.CUT_MARK)]
    return CodeState(
        commit=commit,
        remote=git.remote_url(root) or "",
        diff=keep(diff.encode()) if diff else None,
        folder=folder.relative_to(root.resolve()).as_posix(),
        entry=entry,
        left_out=tuple(mark.removeprefix(git.CUT_MARK + ": ") for mark in marks[:_NAMED]),
    )


def this_program() -> str:
    """Return this process's command line, with what looks like a secret left out."""
    return _SECRET.sub(r"\1\2***", shlex.join(sys.orig_argv))


def project_folder() -> Path:
    """Return the folder of the program that runs; in a shell or a notebook, the current one."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main and not _NOT_OURS & set(Path(main).parts) and "bin" not in Path(main).parts:
        return Path(main).resolve().parent
    return Path.cwd()


def _root(folder: Path) -> Path | None:
    """Return the repository around a folder; None where git is not there or will not say."""
    try:
        return git.find_root(folder)
    except (NotInstalled, Unavailable):
        return None


def _taken(root: Path, names: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part new files into those that are code and the names of some that are not."""
    taken: list[str] = []
    left_out: list[str] = []
    total_bytes = 0
    for name in names:
        size_bytes = _text_bytes(root / name)
        fits = size_bytes is not None and total_bytes + size_bytes <= _TOTAL_BYTES
        if fits and len(taken) < _FILES:
            taken.append(name)
            total_bytes += size_bytes or 0
        else:
            left_out.append(name)
    return taken, tuple(left_out[:_NAMED])


def _text_bytes(path: Path) -> int | None:
    """Return the size of a text file of moderate size; None if it is anything else."""
    try:
        size_bytes = path.lstat().st_size
        if path.is_symlink() or not path.is_file() or size_bytes > _FILE_BYTES:
            return None
        with path.open("rb") as file:
            return None if b"\0" in file.read(_SNIFFED_BYTES) else size_bytes
    except OSError:
        return None


def _archive(folder: Path) -> tuple[bytes, tuple[str, ...]]:
    """Return the sources below a folder as a zip that depends on nothing else."""
    names = [path.relative_to(folder).as_posix() for path in _sources(folder)]
    taken, left_out = _taken(folder, names)
    if not taken:
        return b"", left_out
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(taken):
            member = zipfile.ZipInfo(name)  # dated 1980: equal sources give equal bytes
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, (folder / name).read_bytes())
    return buffer.getvalue(), left_out


def _sources(folder: Path) -> Iterator[Path]:
    """Yield source files, the nearest first, out of hidden and foreign folders."""
    level = [folder]
    for _ in range(_DEPTH):
        deeper: list[Path] = []
        for place in level:
            for path in _entries(place):
                if path.name.startswith(".") or path.name in _NOT_OURS or path.is_symlink():
                    continue
                if path.is_dir():
                    if not (path / "pyvenv.cfg").exists():
                        deeper.append(path)
                elif _SOURCE.fullmatch(path.name):
                    yield path
        level = deeper


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # not ours to read
        return []
