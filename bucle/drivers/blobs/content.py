"""Content under its own digest, over any blob store: stored once, checked when read.

The key is `content/ab/cd/<digest>`.  What is read is digested again, so that a changed
byte on the disk is a refusal that names the digest, and not a wrong model.
"""

from pathlib import Path

from bucle.base.digest import digest_bytes, digest_file
from bucle.base.errors import Invalid, Refused
from bucle.drivers.blobs.protocol import BlobStore

_DIGEST_LENGTH = 64
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
    if not has_content(blobs, digest):
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
    if not has_content(blobs, digest):
        blobs.put(content_key(digest), path)
    return digest


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


def _require_same(expected: str, found: str, place: str) -> None:
    if expected != found:
        raise Refused(
            f"content {expected} in {place} is not what was stored: its digest is now {found}",
            hint="restore it from a backup, or store the original again after removing it",
        )
