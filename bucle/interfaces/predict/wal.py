"""The write-ahead file of predictions: what was answered is here before the answer leaves.

A frame of `Rows` has the rows of many requests: numbers as bytes, so that neither writing nor
shipping looks at each of them.  `Answers` is how one request was written before: files of an
earlier release are read still.

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
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

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
    left_out: tuple[str, ...] = ()  # inputs that are not logged
    hashed: tuple[str, ...] = ()  # inputs of which a keyed hash is logged


class Answers(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The rows of one request, a value each; what earlier releases wrote."""

    source: int
    at_us: int  # microseconds since 1970
    latency_us: int
    ids: list[str]
    columns: dict[str, list[Any]]  # as they were sent; also those that the model does not take
    outputs: dict[str, list[Any]]
    error: str = ""


Packed: TypeAlias = list[Any] | bytes  # values, or a letter and what NumPy has in memory


class Rows(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Rows of any number of requests to one source."""

    source: int
    ids: bytes  # 26 letters each
    at_us: int | bytes  # microseconds since 1970; bytes: of each row, 64 bits
    latency_us: bytes  # of each row, 64 bits
    columns: dict[str, Packed]
    outputs: dict[str, Packed]
    errors: list[str] | None = None  # None: no row failed
    share: float = 1.0  # of the rows like these that are logged


Frame: TypeAlias = Source | Answers | Rows
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
ID_LETTERS = 26
# letter of a packed column -> what the bytes after it are; `m` is a matrix, its width first
KINDS: dict[str, np.dtype[Any]] = {
    "d": np.dtype("<f8"),
    "q": np.dtype("<i8"),
    "b": np.dtype("?"),
    "t": np.dtype("<M8[us]"),
}
_LETTERS = {kind: letter.encode() for letter, kind in KINDS.items()}
MATRIX = "m"
WIDTH = struct.Struct("<I")
_PLANE = 2  # dimensions of a matrix
_DECODER = msgspec.msgpack.Decoder(Frame)
_ENCODER = msgspec.msgpack.Encoder()


def frame_of(record: Frame) -> bytes:
    """Return a record's frame."""
    payload = _ENCODER.encode(record)
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def packed(values: Array | Sequence[Any]) -> Packed:
    """Return a column as a frame has it: an array of numbers as bytes, the rest as values."""
    if not isinstance(values, np.ndarray):
        return values if isinstance(values, list) else list(values)
    if values.dtype.kind == "M":
        values = values.astype("<M8[us]")
    elif values.dtype.kind == "f":
        values = values.astype("<f8", copy=False)
    elif values.dtype.kind in "iu" and values.dtype != np.uint64:
        values = values.astype("<i8", copy=False)
    if values.ndim == _PLANE and values.dtype == KINDS["d"]:
        return MATRIX.encode() + WIDTH.pack(values.shape[1]) + values.tobytes()
    letter = _LETTERS.get(values.dtype)
    if letter is None or values.ndim != 1:
        listed: list[Any] = values.tolist()
        return listed
    return letter + values.tobytes()


def sixty_four(values: Sequence[int]) -> bytes:
    """Return whole numbers as bytes, 64 bits each."""
    return array("q", values).tobytes()


def rows_of(answers: Answers) -> Rows:
    """Return what an earlier release wrote as it is written now."""
    count = len(answers.ids)
    return Rows(
        source=answers.source,
        ids="".join(answers.ids).encode(),
        at_us=answers.at_us,
        latency_us=sixty_four([answers.latency_us] * count),
        columns=dict(answers.columns),
        outputs=dict(answers.outputs),
        errors=[answers.error] * count if answers.error else None,
    )


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
