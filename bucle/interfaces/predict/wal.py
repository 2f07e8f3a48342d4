"""The write-ahead file of predictions: what was answered is here before the answer leaves.

A frame is length and CRC-32 (4 bytes each, little-endian), then a msgpack array.  A frame is
written with one system call; it survives kill -9 of the process, because it is in the kernel
then.  It is not waited for on the disk (fsync): a power cut may take the last second, which is
when the segment that is made of the file is.  A torn frame at the end was never acknowledged.

The lock on an open file tells the living from what a dead process left.
"""

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

SUFFIX = ".wal"
_HEAD = struct.Struct("<II")


class LoggedField(msgspec.Struct, frozen=True, array_like=True):
    """A column of a model's signature."""

    name: str
    type: str


class Source(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Who answers: written once per file, before the first answer that names it by number."""

    number: int
    project: str
    deployment: str
    model: str
    variant: str
    inputs: tuple[LoggedField, ...]
    outputs: tuple[LoggedField, ...]


class Answers(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The rows of one request."""

    source: int
    at_us: int  # microseconds since 1970
    latency_us: int
    ids: list[str]
    columns: dict[str, list[Any]]  # as they were sent; also those that the model does not take
    outputs: dict[str, list[Any]]
    error: str = ""


Frame: TypeAlias = Source | Answers
_DECODER = msgspec.msgpack.Decoder(Frame)
_ENCODER = msgspec.msgpack.Encoder()


def frame_of(record: Frame) -> bytes:
    """Return a record's frame."""
    payload = _ENCODER.encode(record)
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def frames_in(content: bytes) -> Iterator[Frame]:
    """Yield the whole frames of a file; the first torn or spoilt one ends it."""
    place, end = 0, len(content)
    while place + _HEAD.size <= end:
        length, checksum = _HEAD.unpack_from(content, place)
        place += _HEAD.size
        payload = content[place : place + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        place += length
        yield _DECODER.decode(payload)


class WalFile:
    """One open file, locked while it is ours."""

    def __init__(self, path: Path) -> None:
        """Create it; an `OSError` is the caller's to explain."""
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._written_bytes = 0

    def write(self, content: bytes) -> None:
        """Append all of it, or nothing: a full disk leaves no half frame behind.

        Raises:
            OSError: it could not be written.
        """
        try:
            written = os.write(self._fd, content)
            while written < len(content):
                written += os.write(self._fd, content[written:])
        except OSError:
            os.ftruncate(self._fd, self._written_bytes)
            raise
        self._written_bytes += len(content)

    def close(self) -> None:
        """Close it and let go of the lock."""
        os.close(self._fd)


def abandoned(folder: Path) -> list[Path]:
    """Return the files that no living process holds, oldest first."""
    return [path for path in sorted(folder.glob(f"*{SUFFIX}")) if not _is_held(path)]


def _is_held(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:  # another process took care of it
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
