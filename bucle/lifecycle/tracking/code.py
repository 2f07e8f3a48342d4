"""Capture the code that runs, so that it can be had again: commit and diff, or an archive.

The diff holds new files too, as `git apply` wants them; where there is no git, the project's
own sources go into a zip.  The user's repository and its index are not written to.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import store_bytes
from bucle.lifecycle.tracking.records import CodeState

_FILE_BYTES = 1 << 20  # a new file above this is data, not code
_TOTAL_BYTES = 16 << 20
_FILES = 2_000
_NAMED = 20
_DEPTH = 8
_SNIFFED_BYTES = 8_192
_PATIENCE_S = 60
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
    folder = folder.resolve()
    entry = this_program() if entry is None else entry
    top = _git(folder, "rev-parse", "--show-toplevel")
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD") if top else None
    if not top or not commit or _git(folder, "check-ignore", ".") is not None:
        archive, left_out = _archive(folder)
        return CodeState(
            archive=store_bytes(blobs, archive) if archive else None,
            folder=".",
            entry=entry,
            left_out=left_out,
        )
    root = Path(top)
    diff, left_out = _diff(root)
    return CodeState(
        commit=commit,
        remote=_without_password(_git(root, "remote", "get-url", "origin") or ""),
        branch=_git(root, "symbolic-ref", "--quiet", "--short", "HEAD") or "",
        diff=store_bytes(blobs, diff) if diff else None,
        folder=folder.relative_to(root.resolve()).as_posix(),
        entry=entry,
        left_out=left_out,
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


def _diff(root: Path) -> tuple[bytes, tuple[str, ...]]:
    """Return what differs from the commit, new text files included, and which are left out."""
    listed = _run_git(root, "ls-files", "--others", "--exclude-standard", "-z")
    new = [name for name in listed.decode(errors="surrogateescape").split("\0") if name]
    index = _run_git(root, "rev-parse", "--git-path", "index").decode().strip()
    taken, left_out = _taken(root, new)
    with tempfile.TemporaryDirectory() as scratch:
        own_index = Path(scratch) / "index"
        if (root / index).is_file():
            shutil.copyfile(root / index, own_index)
        environ = {**os.environ, "GIT_INDEX_FILE": str(own_index)}
        if taken:
            paths = "\0".join(taken).encode(errors="surrogateescape")
            _run_git(
                root, "add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul",
                environ=environ, given=paths,
            )  # fmt: skip
        return (
            _run_git(
                root, "diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv",
                environ=environ,
            ),
            left_out,
        )  # fmt: skip


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


def _without_password(remote: str) -> str:
    parts = urlsplit(remote)
    if "@" not in parts.netloc:
        return remote
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git answers; None if it is not there or says no."""
    try:
        return _run_git(folder, *arguments).decode(errors="replace").strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _run_git(
    folder: Path, *arguments: str, environ: dict[str, str] | None = None, given: bytes = b""
) -> bytes:
    return subprocess.run(  # noqa: S603 - arguments are ours, and no shell reads them
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
        check=True,
        input=given,
        capture_output=True,
        timeout=_PATIENCE_S,
        env=environ,
    ).stdout
