"""Topics as segment files in a folder of this machine: no server, and safe against kill -9.

A topic is a folder, a segment a file that is called after its first number.  What one `append`
gives is one frame: it is there as a whole, checked by a CRC, or not at all.  Writers take turns
by a lock on the folder, and each cuts off the half frame that a killed one left behind; readers
need no lock and stop before a frame that is not whole.
"""

import fcntl
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec

from bucle.base.errors import Unavailable
from bucle.drivers.streams.names import (
    check_topic,
    check_values,
    number_of_position,
    plain_name,
    position_of_number,
)
from bucle.drivers.streams.protocol import Record

_MAGIC = b"bSt1"
_HEAD = struct.Struct("<4sQIII")  # magic, first number, values, bytes of the body, CRC
_LENGTH = struct.Struct("<I")
_SEGMENT_BYTES = 16 * 1024 * 1024
_FRAME_BYTES = 8 * 1024 * 1024
_LOOK_AGAIN_S = 0.02


class _Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Where a frame lies and which numbers it holds."""

    start: int
    end: int
    first: int
    count: int
    body: bytes  # b"": was not read

    @property
    def last(self) -> int:
        return self.first + self.count - 1


class LocalStream:
    """`local:///absolute/folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"local://{folder}"
        self._lock = threading.Lock()
        # Of each topic, the segment, place and number after which its reader went on last.
        self._places: dict[str, tuple[Path, int, int]] = {}

    def append(self, topic: str, values: Sequence[bytes]) -> str:
        """Write values, on disk when this returns."""
        folder = self._folder(topic)
        check_values(values)
        if not values:
            return ""
        with self._translated("write"), self._writing(folder):
            return position_of_number(_append(folder, values))

    def read(self, topic: str, after: str, limit: int, wait_s: float = 0) -> list[Record]:
        """Return values after a position."""
        folder = self._folder(topic)
        number = number_of_position(after)
        until = time.monotonic() + wait_s
        pause = threading.Event()
        while True:
            with self._translated("read"):
                found = self._read(folder, number, limit)
            if found or time.monotonic() >= until:
                return found
            pause.wait(min(_LOOK_AGAIN_S, max(0.0, until - time.monotonic())))

    def trim(self, topic: str, upto: str) -> None:
        """Delete the segments that hold nothing later; the newest stays, as it says the number."""
        folder = self._folder(topic)
        number = number_of_position(upto)
        if not folder.is_dir():
            return
        with self._translated("write"), self._writing(folder):
            segments = _segments(folder)
            for segment, following in pairwise(segments):
                if int(following.stem) - 1 <= number:
                    segment.unlink()

    def count(self, topic: str) -> int:
        """Return how many values a topic holds."""
        folder = self._folder(topic)
        with self._translated("read"):
            return sum(
                frame.count for segment in _segments(folder) for frame in _frames_of(segment, 0)
            )

    def close(self) -> None:
        """Forget where readers stood; no file is kept open."""
        self._places.clear()

    def _folder(self, topic: str) -> Path:
        return self.folder / plain_name(check_topic(topic))

    def _read(self, folder: Path, after: int, limit: int) -> list[Record]:
        found: list[Record] = []
        following = 0  # the number that comes next; 0: not known yet
        for segment, start in self._stretches(folder, after):
            try:
                file = segment.open("rb")
            except FileNotFoundError:  # trimmed meanwhile
                continue
            with file:
                for frame in _frames(file, start, wanted_after=after):
                    if following and frame.first != following:
                        raise _damaged(segment, frame.start)
                    following = frame.last + 1
                    if frame.last <= after:
                        continue
                    found.extend(_records(frame, after, limit - len(found)))
                    if len(found) >= limit:
                        if found[-1].position == position_of_number(frame.last):
                            self._remember(folder, segment, frame)
                        return found
                    self._remember(folder, segment, frame)
        return found

    def _stretches(self, folder: Path, after: int) -> list[tuple[Path, int]]:
        """Return the segments with something after a number, and where in each to begin."""
        segments = _segments(folder)
        first = sum(int(segment.stem) <= after + 1 for segment in segments) - 1
        stretches = [(segment, 0) for segment in segments[max(0, first) :]]
        with self._lock:
            known = self._places.get(folder.name)
        if known and known[2] == after and stretches and stretches[0][0] == known[0]:
            stretches[0] = (known[0], known[1])
        elif known and known[2] == after and len(stretches) > 1 and stretches[1][0] == known[0]:
            stretches = [(known[0], known[1]), *stretches[2:]]
        return stretches

    def _remember(self, folder: Path, segment: Path, frame: _Frame) -> None:
        with self._lock:
            self._places[folder.name] = (segment, frame.end, frame.last)

    @contextmanager
    def _writing(self, folder: Path) -> Iterator[None]:
        """Hold a topic's lock, against the threads of this process and against others."""
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync(folder.parent)
        with self._lock, (folder / "lock").open("ab") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _translated(self, act: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"the stream store {self.url} cannot {act}: {error}",
                hint="is the disk full or read-only, and BUCLE_STREAMS_URL right?",
            ) from error


def _append(folder: Path, values: Sequence[bytes]) -> int:
    """Write at the end; return the number of the last value."""
    segments = _segments(folder)
    following, size = 1, 0
    if segments:
        following, size = _mended(segments[-1])
    if not segments or size >= _SEGMENT_BYTES:
        path, size = folder / f"{position_of_number(following)}.log", 0
    else:
        path = segments[-1]
    with path.open("ab") as file:
        try:
            for part in _parts(values):
                file.write(_frame(following, part))
                following += len(part)
            file.flush()
            os.fsync(file.fileno())
        except OSError:  # a full disk: what was written of it must not stand in the way
            os.ftruncate(file.fileno(), size)
            raise
    if size == 0:
        _sync(folder)
    return following - 1


def _parts(values: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield values in parts that one frame can hold."""
    part: list[bytes] = []
    size = 0
    for value in values:
        if part and size + len(value) > _FRAME_BYTES:
            yield part
            part, size = [], 0
        part.append(value)
        size += len(value) + _LENGTH.size
    yield part


def _frame(first: int, values: Sequence[bytes]) -> bytes:
    body = b"".join(_LENGTH.pack(len(value)) + value for value in values)
    return _HEAD.pack(_MAGIC, first, len(values), len(body), _crc(first, values, body)) + body


def _crc(first: int, values: Sequence[bytes] | int, body: bytes) -> int:
    count = values if isinstance(values, int) else len(values)
    return zlib.crc32(body, zlib.crc32(struct.pack("<QI", first, count)))


def _mended(segment: Path) -> tuple[int, int]:
    """Cut off what a killed writer left unfinished; return the next number and the size.

    Raises:
        Unavailable: whole frames stand after one that is not: this is damage, and no half write.
    """
    following, end = int(segment.stem), 0
    for frame in _frames_of(segment, 0):
        following, end = frame.last + 1, frame.end
    if end < segment.stat().st_size:
        _check_torn(segment, end)
        os.truncate(segment, end)
    return following, end


def _check_torn(segment: Path, end: int) -> None:
    with segment.open("rb") as file:
        file.seek(end)
        rest = file.read()
    place = rest.find(_MAGIC, 1)
    while place >= 0:
        with segment.open("rb") as file:
            if next(_frames(file, end + place, wanted_after=0), None):
                raise _damaged(segment, end)
        place = rest.find(_MAGIC, place + 1)


def _damaged(segment: Path, place: int) -> Unavailable:
    return Unavailable(
        f"the stream's file {segment} is damaged, at or before byte {place}",
        hint="restore its folder from a backup, or remove it and lose the topic's values",
    )


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


def _frames_of(segment: Path, start: int) -> Iterator[_Frame]:
    with segment.open("rb") as file:
        yield from _frames(file, start, wanted_after=0)


def _frames(file: BinaryIO, start: int, *, wanted_after: int) -> Iterator[_Frame]:
    """Yield whole frames; of those with nothing after a number, only where they lie."""
    size = os.fstat(file.fileno()).st_size
    while True:
        file.seek(start)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        magic, first, count, length, crc = _HEAD.unpack(head)
        end = start + _HEAD.size + length
        if magic != _MAGIC or count == 0 or end > size:
            return
        body = b""
        if first + count - 1 > wanted_after:
            body = file.read(length)
            if len(body) < length or _crc(first, count, body) != crc:
                return
        yield _Frame(start=start, end=end, first=first, count=count, body=body)
        start = end


def _records(frame: _Frame, after: int, limit: int) -> list[Record]:
    found: list[Record] = []
    place = 0
    for number in range(frame.first, frame.last + 1):
        (length,) = _LENGTH.unpack_from(frame.body, place)
        place += _LENGTH.size
        if number > after and len(found) < limit:
            value = frame.body[place : place + length]
            found.append(Record(position_of_number(number), value))
        place += length
    return found


def _sync(folder: Path) -> None:
    """Have a folder's new names on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
