"""What this machine knows of a folder's files, so that what did not change is not read again.

A file is the same if its size, its times and its inode are, and if it was read well after it was
written: of two writings within one tick of the clock, the second leaves no trace (Git calls such
files racy).  Nothing here is needed: a lost index is made anew by reading the files.
"""

import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bucle.base.digest import digest_bytes
from bucle.interfaces.client.folders.walk import Found

_FORMAT = 1
_TICK_NS = 100_000_000  # longer than any kernel's clock takes to move on
_COARSE_NS = 2_100_000_000  # of file systems that count seconds, or two of them
_SECOND_NS = 1_000_000_000


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What was known of a file when it was read."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: str
    kept: bool  # whether a version has this content, so that it may be overwritten


class _File(msgspec.Struct, frozen=True, array_like=True):
    format: int
    files: dict[str, Known]


class Index:
    """The files of a folder (or of several paths that are committed together) by their paths."""

    def __init__(self, cache: Path, paths: Sequence[Path]) -> None:
        name = digest_bytes("\n".join(str(path.resolve()) for path in paths).encode())
        self._path = cache / "folders" / f"{name[:32]}.index"
        self.files = self._read()

    def known(self, path: str, found: Found) -> Known | None:
        """Return what is known of a file if it still is as it was; None: it must be read."""
        known = self.files.get(path)
        if (
            known is not None
            and known.mtime_ns == found.mtime_ns
            and known.size_bytes == found.size_bytes
            and known.inode == found.inode
            and known.ctime_ns == found.ctime_ns
        ):
            return known
        return None

    def write(self, files: dict[str, Known]) -> None:
        """Keep what is known now, in place of what was."""
        self.files = files
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f".{uuid.uuid4().hex}.part")
        try:
            part.write_bytes(msgspec.msgpack.encode(_File(_FORMAT, files)))
            part.replace(self._path)
        finally:
            part.unlink(missing_ok=True)

    def _read(self) -> dict[str, Known]:
        try:
            said = msgspec.msgpack.decode(self._path.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError):  # none yet, or of another release
            return {}
        return said.files if said.format == _FORMAT else {}


def known_of(said: os.stat_result, digest: str, *, read_at_ns: int, kept: bool) -> Known:
    """Return what is to be remembered of a file that was read, and began to be at a moment."""
    size = said.st_size
    newest = max(said.st_mtime_ns, said.st_ctime_ns)
    tick = _TICK_NS if said.st_mtime_ns % _SECOND_NS else _COARSE_NS
    if newest + tick > read_at_ns:
        size = -1  # no file has: it is read again
    return Known(size, said.st_mtime_ns, said.st_ctime_ns, said.st_ino, digest, kept)
