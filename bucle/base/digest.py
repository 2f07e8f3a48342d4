"""Content hashes: BLAKE3 for content, SHA-256 over canonical JSON for the event chain."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from blake3 import blake3

from bucle.base.codec import canonical_json

_PIECE_BYTES = 4 << 20


class Digester:
    """The BLAKE3 digest of bytes that come part by part."""

    def __init__(self) -> None:
        self._hasher = blake3()

    def update(self, part: bytes | bytearray | memoryview) -> None:
        """Take the next part."""
        self._hasher.update(part)

    @property
    def digest(self) -> str:
        """The digest of what was taken so far, 64 hexadecimal digits."""
        return self._hasher.hexdigest()


def digest_bytes(content: bytes | memoryview) -> str:
    """Return the BLAKE3 digest of bytes, 64 hexadecimal digits."""
    return blake3(content).hexdigest()


def digest_file(path: Path) -> str:
    """Return the BLAKE3 digest of a file, read piece by piece in constant memory.

    Not by memory map: all of a mapped file counts as the process's own memory while it is read.
    """
    hasher = blake3(max_threads=blake3.AUTO)
    with path.open("rb", buffering=0) as file:
        piece = bytearray(min(os.fstat(file.fileno()).st_size + 1, _PIECE_BYTES))
        while count := file.readinto(piece):
            hasher.update(memoryview(piece)[:count])
    return hasher.hexdigest()


def digest_stream(chunks: Iterable[bytes]) -> str:
    """Return the BLAKE3 digest of a stream of chunks."""
    hasher = blake3()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.hexdigest()


def digest_value(value: object) -> str:
    """Return the BLAKE3 digest of a value's canonical JSON."""
    return digest_bytes(canonical_json(value))


def sha256_value(value: object) -> str:
    """Return the SHA-256 digest of a value's canonical JSON: any auditor's tools can check it."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
