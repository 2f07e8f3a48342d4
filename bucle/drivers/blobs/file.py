"""Blobs as plain files under one folder, readable in place by any program.

Standard library and not obstore: the operating system's own error numbers (disk full, read
only) are worth a clear message, and a put costs microseconds and no thread pool.
"""

import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from bucle.base.errors import Invalid, NotFound, Unavailable
from bucle.drivers.blobs.drafts import sweep_drafts
from bucle.drivers.blobs.keys import INCOMING, check_key, check_prefix
from bucle.drivers.blobs.protocol import BlobInfo

_ABANDONED_AFTER_S = 86400.0
_CHUNK_BYTES = 1 << 20
_YOUNG_S = 3600.0  # no grace of a collection of garbage is shorter
_HINTS = {
    errno.ENOSPC: "free some space, or point BUCLE_BLOBS_URL at another disk",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EACCES: "give yourself the right to write there, or change BUCLE_HOME",
    errno.EPERM: "give yourself the right to write there, or change BUCLE_HOME",
    errno.EROFS: "it is mounted read-only: change BUCLE_HOME",
}


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn the operating system's answers to a read into our errors."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise NotFound(f"{what}: there is no such blob") from error
    except OSError as error:
        raise _unavailable(what, error) from error


@contextmanager
def _writing(what: str) -> Iterator[None]:
    """Turn the operating system's refusals to write into errors that say what to do."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise Invalid(f"{what}: a folder and a blob cannot share a name") from error
    except OSError as error:
        raise _unavailable(what, error) from error


def _unavailable(what: str, error: OSError) -> Unavailable:
    reason = error.strerror or str(error)
    return Unavailable(f"{what}: {reason}", hint=_HINTS.get(error.errno or 0, ""))


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Yield a free name in a folder, and leave nothing under it."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{uuid.uuid4().hex}.part"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _fill(part: Path, content: bytes | Path) -> None:
    """Write the content and wait until it is on the disk: a rename must not overtake it."""
    with part.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, file, _CHUNK_BYTES)
        file.flush()
        os.fsync(file.fileno())


def _dated(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


class FileBlobs:
    """A folder of blobs: `file:///absolute/folder`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / INCOMING
        self.url = f"file://{root}"
        self._sweep()

    @property
    def incoming_path(self) -> Path | None:
        """The folder of unfinished blobs, on the same disk as the finished ones."""
        return self._incoming

    def put(self, key: str, content: bytes | Path) -> None:
        """Write beside, then rename over: readers see the old blob or the new one."""
        target = self._path(key)
        with self._written(target, content) as finished:
            finished.replace(target)

    def create(self, key: str, content: bytes | Path) -> bool:
        """Write beside, then link: linking fails if the name is taken, atomically."""
        target = self._path(key)
        if target.is_file():
            return False
        with self._written(target, content) as finished:
            try:
                os.link(finished, target)
            except FileExistsError:
                if target.is_dir():
                    raise
                return False
        return True

    def take(self, key: str, path: Path) -> None:
        """Rename the file into its place, once its bytes are on the disk."""
        target = self._path(key)
        if not path.is_file():
            raise NotFound(f"cannot store {path}: there is no such file")
        with _writing(f"cannot write {target}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as file:
                os.fsync(file.fileno())
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self.put(key, path)  # it lies on another disk
                path.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """Read a whole file."""
        path = self._path(key)
        with _reading(f"cannot read {key}"):
            return path.read_bytes()

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Read a part of a file."""
        if not 0 <= start <= end:
            raise Invalid(f"{start}..{end} is not a range of bytes", hint="0 <= start <= end")
        path = self._path(key)
        with _reading(f"cannot read {key}"), path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def download(self, key: str, path: Path) -> None:
        """Copy a file out."""
        source = self._path(key)
        if not source.is_file():
            raise NotFound(f"cannot read {key}: there is no such blob")
        with _writing(f"cannot download {key} to {path}"), _unfinished(path.parent) as part:
            _fill(part, source)
            part.replace(path)

    def exists(self, key: str) -> bool:
        """Tell whether the file is there."""
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        """Return the file's size."""
        return self._stat(key).st_size

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Walk the folder."""
        folder = self._root / check_prefix(prefix)
        return self._walk(folder)

    def delete(self, key: str) -> None:
        """Remove the file; its folder stays, because another writer may be about to use it."""
        path = self._path(key)
        with _writing(f"cannot delete {key}"):
            if not path.is_dir():
                path.unlink(missing_ok=True)

    def refresh(self, key: str) -> bool:
        """Date the file now, unless it is young."""
        path = self._path(key)
        with _writing(f"cannot refresh {key}"):
            try:
                found = path.stat()
                if stat.S_ISDIR(found.st_mode):
                    return False
                if found.st_mtime < time.time() - _YOUNG_S:
                    os.utime(path)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def delete_before(self, key: str, moment: datetime) -> bool:
        """Take the file away, look at its date once nobody can refresh it, and put it back or not.

        A writer whose refresh found nothing in between writes the same content anew.
        """
        path = self._path(key)
        with _writing(f"cannot delete {key}"), _unfinished(self._incoming) as part:
            try:
                if _dated(path) >= moment:
                    return False
                path.rename(part)
            except (FileNotFoundError, NotADirectoryError):
                return False
            if _dated(part) < moment:
                return True
            with suppress(FileExistsError):
                os.link(part, path)
        return False

    def version(self, key: str) -> str | None:
        """Return modification time, size and inode: a rename changes the last at least."""
        try:
            found = self._stat(key)
        except NotFound:
            return None
        return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"

    def local_path(self, key: str) -> Path | None:
        """Return the file itself."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _stat(self, key: str) -> os.stat_result:
        path = self._path(key)
        with _reading(f"cannot read {key}"):
            found = path.stat()
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(key)
        return found

    @contextmanager
    def _written(self, target: Path, content: bytes | Path) -> Iterator[Path]:
        """Yield a finished file in the incoming folder; the target's folder is there."""
        if isinstance(content, Path) and not content.is_file():
            raise NotFound(f"cannot store {content}: there is no such file")
        with _writing(f"cannot write {target}"), _unfinished(self._incoming) as part:
            target.parent.mkdir(parents=True, exist_ok=True)
            _fill(part, content)
            yield part

    def _walk(self, folder: Path) -> Iterator[BlobInfo]:
        for parent, folders, names in os.walk(folder):
            if Path(parent) == self._root and INCOMING in folders:
                folders.remove(INCOMING)
            for name in names:
                path = Path(parent, name)
                try:
                    found = path.stat()
                except FileNotFoundError:  # deleted while we walked
                    continue
                yield BlobInfo(
                    key=path.relative_to(self._root).as_posix(),
                    size_bytes=found.st_size,
                    modified_at=datetime.fromtimestamp(found.st_mtime, UTC),
                )

    def _sweep(self) -> None:
        """Remove what writers left that are dead, or died a day ago where that is not known."""
        if not self._incoming.is_dir():
            return
        sweep_drafts(self._incoming)
        oldest = time.time() - _ABANDONED_AFTER_S
        for path in self._incoming.iterdir():
            with _writing(f"cannot clean {self._incoming}"):
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
