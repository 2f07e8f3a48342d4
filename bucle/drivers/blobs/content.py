"""Content under its own digest, over any blob store: stored once, checked when read.

The key is `content/ab/cd/<digest>`.  What is read is digested again, so that a changed
byte on the disk is a refusal that names the digest, and not a wrong model.

To store what is there already makes it young again: garbage is what nothing refers to and was
stored long ago, so that what is about to be referred to is none.
"""

from pathlib import Path

from bucle.base.digest import digest_bytes, digest_file
from bucle.base.errors import Invalid, Refused
from bucle.drivers.blobs.protocol import BlobStore

_DIGEST_LENGTH = 64
_MOST_KNOWN = 10_000
_HEXADECIMAL = frozenset("0123456789abcdef")


def content_key(digest: str) -> str:
    """Return the key under which content of that digest lies.

    Raises:
        Invalid: not 64 lower-case hexadecimal digits.
    """
    if len(digest) != _DIGEST_LENGTH or not _HEXADECIMAL.issuperset(digest):
        raise Invalid(f"{digest!r} is not a digest", hint="64 hexadecimal digits (BLAKE3)")
    return f"content/{digest[:2]}/{digest[2:4]}/{digest}"


def store_bytes(blobs: BlobStore, content: bytes) -> str:
    """Store content, unless it is there, and return its digest."""
    digest = digest_bytes(content)
    if not blobs.refresh(content_key(digest)):
        blobs.put(content_key(digest), content)
    return digest


def store_file(blobs: BlobStore, path: Path) -> str:
    """Store a file's content, unless it is there, and return its digest.

    Raises:
        Invalid: the path is not a file.
    """
    if not path.is_file():
        raise Invalid(f"{path} is not a file")
    digest = digest_file(path)
    if not blobs.refresh(content_key(digest)):
        blobs.put(content_key(digest), path)
    return digest


def store_draft(blobs: BlobStore, path: Path, digest: str) -> None:
    """Store a file that was digested while it was written, and take it away."""
    if blobs.refresh(content_key(digest)):
        path.unlink(missing_ok=True)
    else:
        blobs.take(content_key(digest), path)


def has_content(blobs: BlobStore, digest: str) -> bool:
    """Tell whether content of that digest is stored."""
    return blobs.exists(content_key(digest))


def read_content(blobs: BlobStore, digest: str) -> bytes:
    """Return content, after checking that it still has that digest.

    Raises:
        NotFound: it was never stored, or was collected.
        Refused: it was tampered with.
    """
    content = blobs.get(content_key(digest))
    _require_same(digest, digest_bytes(content), blobs.url)
    return content


class SoundContent:
    """Content that was checked already: a file is read once, as long as nobody touches it.

    For doors that send parts of a large file: each part would read all of it again.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int, int]] = {}

    def path(self, blobs: BlobStore, digest: str, cache: Path) -> Path:
        """Return what `content_path` returns, and raise what it raises."""
        path = blobs.local_path(content_key(digest)) or cache / content_key(digest)
        found = _mark_of(path)
        if found is None or self._known.get(digest) != found:
            path = content_path(blobs, digest, cache)
            found = _mark_of(path)
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            if found is not None:
                self._known[digest] = found
        return path


def content_path(blobs: BlobStore, digest: str, cache: Path) -> Path:
    """Return a file with that content: in place if the store is local, else from the cache.

    Raises:
        NotFound: it was never stored, or was collected.
        Refused: it was tampered with.
    """
    key = content_key(digest)
    path = blobs.local_path(key)
    if path is None:
        path = _cached(blobs, digest, cache / key)
    elif not path.is_file():
        blobs.size(key)  # says that it is missing, as every read does
    _require_same(digest, digest_file(path), str(path))
    return path


def _cached(blobs: BlobStore, digest: str, path: Path) -> Path:
    """Download unless it was; a spoilt cache heals itself, a spoilt store does not."""
    if not path.is_file() or digest_file(path) != digest:
        blobs.download(content_key(digest), path)
    return path


def _mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with every writing to a file; None if it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns


def _require_same(expected: str, found: str, place: str) -> None:
    if expected != found:
        raise Refused(
            f"content {expected} in {place} is not what was stored: its digest is now {found}",
            hint="restore it from a backup, or store the original again after removing it",
        )
