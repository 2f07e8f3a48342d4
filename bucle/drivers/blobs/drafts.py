"""A file that is being received: digested while it is written, and gone unless it is kept.

A draft is locked for as long as its writer lives, so that what a killed writer left can be told
from what another one is busy with, and removed at once.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from bucle.base.digest import Digester
from bucle.base.errors import Unavailable

ENDING = ".draft"


class Draft:
    """A file on its way in."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = file
        self._digester = Digester()

    def write(self, part: bytes | bytearray) -> None:
        """Add bytes.

        Raises:
            Unavailable: the disk is full, or can not be written.
        """
        left = memoryview(part)
        with told_when_full():
            while left:
                left = left[self._file.write(left) :]
        self._digester.update(part)
        self.size_bytes += len(part)

    @property
    def digest(self) -> str:
        """The digest of what was written so far."""
        return self._digester.digest


@contextmanager
def open_draft(folder: Path) -> Iterator[Draft]:
    """Yield an empty draft; it is removed when the block ends, unless it was moved away.

    Raises:
        Unavailable: the disk is full, or can not be written.
    """
    with told_when_full():
        folder.mkdir(parents=True, exist_ok=True)
        path, file = _locked(folder)
    try:
        with file:
            yield Draft(path, file)
    finally:
        path.unlink(missing_ok=True)


def sweep_drafts(folder: Path) -> int:
    """Remove the drafts whose writers are dead, and return how many that were."""
    count = 0
    for path in folder.glob(f"*{ENDING}"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except OSError:  # it is being written, or was removed by another sweep
            continue
        count += 1
    return count


@contextmanager
def told_when_full() -> Iterator[None]:
    """Turn the operating system's refusals to take an upload into an error that says so."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"the server can not keep the upload: {os.strerror(error.errno or 0)}",
            hint="free some space at the server and call again",
        ) from error


def _locked(folder: Path) -> tuple[Path, FileIO]:
    while True:
        path = folder / f"{uuid.uuid4().hex}{ENDING}"
        file = FileIO(path, "xb")  # unbuffered: a full disk is told by the write that meets it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink:
                return path, file
        except OSError:
            pass
        file.close()  # a sweep came between the making and the locking: again
