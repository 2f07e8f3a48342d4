"""Metric points on this machine, before a server has them: rows in files that are mapped.

Writing a point is a store into memory that the kernel holds, so a call costs no system call and
what returned outlives the process, however it dies.  The count in a file's head is moved after
the rows it counts; it is one aligned store of eight bytes, so a reader never sees half of it.
"""

import mmap
import os
import struct
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROW_BYTES = 32  # code of the series, step, milliseconds since 1970, value: eight bytes each
_HEAD_BYTES = 64  # how many rows follow, and room
_SMALLEST_ROWS = 1 << 10
_LARGEST_ROWS = 1 << 18
_GROWTH = 4
_ROW = struct.Struct("qqqd")  # native, as the count: eight bytes at once


class PointWriter:
    """Appends rows; one thread at a time.

    Raises:
        OSError: the disk is full, before anything was written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = _SMALLEST_ROWS // _GROWTH
        self._first = 0  # number of the first row of the file that is written to
        self._used = self._rows  # rows in it
        self._map: mmap.mmap | None = None  # None: no file yet
        self._head: memoryview[int] = memoryview(bytearray(8)).cast("q")
        self._structs = {1: _ROW}
        self.count = 0

    def add_one(self, code: int, step: int, at_ms: int, value: float) -> int:
        """Append one row, as fast as Python can, and return how many there are."""
        used = self._used
        if used == self._rows:
            self._next_file(1)
            used = 0
        _ROW.pack_into(self._map, _HEAD_BYTES + used * ROW_BYTES, code, step, at_ms, value)  # type: ignore[arg-type]
        self._used = self._head[0] = used + 1
        self.count = count = self.count + 1
        return count

    def add(self, *cells: float) -> None:
        """Append rows that fit a small file: code, step, time, value, code, step, ..."""
        rows = len(cells) // 4
        if self._used + rows > self._rows:
            self._next_file(rows)
        assert self._map is not None
        packer = self._structs.get(rows) or self._packer(rows)
        packer.pack_into(self._map, _HEAD_BYTES + self._used * ROW_BYTES, *cells)
        self._used += rows
        self._head[0] = self._used
        self.count += rows

    def add_columns(
        self, code: int, steps: "NDArray[np.int64]", at_ms: int, values: "NDArray[np.float64]"
    ) -> None:
        """Append the points of one series."""
        import numpy as np

        place = 0
        while place < len(values):
            if self._used == self._rows:
                self._next_file(1)
            assert self._map is not None
            count = min(self._rows - self._used, len(values) - place)
            offset = _HEAD_BYTES + self._used * ROW_BYTES
            rows = np.frombuffer(self._map, _dtype(), count, offset)
            rows["code"], rows["at_ms"] = code, at_ms
            rows["step"] = steps[place : place + count]
            rows["value"] = values[place : place + count]
            del rows  # a map with a view can not be closed
            place += count
            self._used += count
            self._head[0] = self._used
            self.count += count

    def sync(self) -> None:
        """Have the newest rows written to the disk; until then a power cut may cost them."""
        write_out = getattr(os, "fdatasync", None)
        if self._map is None:
            return
        if write_out is None:  # macOS, where it takes this; it holds every thread meanwhile
            self._map.flush()
            return
        file = os.open(_path(self._folder, self._first), os.O_RDWR)
        try:
            write_out(file)  # on Linux, also what was stored through the map
        finally:
            os.close(file)

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._head.release()
            self._map.close()
            self._map = None

    def _next_file(self, rows: int) -> None:
        """Go on in a new file with room for so many rows; its blocks are taken from the disk now.

        A store into a mapped file that the disk has no room for would kill the process.
        """
        most = min(max(self._rows * _GROWTH, rows), max(_LARGEST_ROWS, rows))
        path = _path(self._folder, self.count)
        length = _HEAD_BYTES + most * ROW_BYTES
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _take_blocks(file, length)
            mapped = mmap.mmap(file, length)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(file)
        self.close()
        self._map, self._head = mapped, memoryview(mapped)[:8].cast("q")
        self._first, self._used, self._rows = self.count, 0, most

    def _packer(self, rows: int) -> struct.Struct:
        packer = self._structs[rows] = struct.Struct("qqqd" * rows)
        return packer


def count_rows(folder: Path) -> int:
    """Return how many rows were written, of whoever is no more there to ask."""
    files = _files(folder)
    if not files:
        return 0
    first, path = files[-1]
    with path.open("rb") as file:
        head = file.read(8)
    used = struct.unpack("q", head)[0] if len(head) == struct.calcsize("q") else 0
    room = max(path.stat().st_size - _HEAD_BYTES, 0) // ROW_BYTES
    return first + min(max(used, 0), room)


def read_rows(folder: Path, start: int, end: int) -> "NDArray[np.void]":
    """Return rows by their numbers, with the columns code, step, at_ms and value."""
    import numpy as np

    parts = []
    files = _files(folder)
    ends = [first for first, _ in files[1:]] + [end]
    for (first, path), until in zip(files, ends, strict=True):
        low, high = max(start, first), min(end, until)
        if low < high:
            offset = _HEAD_BYTES + (low - first) * ROW_BYTES
            parts.append(np.fromfile(path, _dtype(), high - low, offset=offset))
    return np.concatenate(parts) if parts else np.zeros(0, _dtype())


def drop_rows(folder: Path, before: int) -> None:
    """Remove the files whose rows all come before a number; the last file stays."""
    files = _files(folder)
    for (_, path), (following, _) in pairwise(files):
        if following <= before:
            path.unlink()


def _files(folder: Path) -> list[tuple[int, Path]]:
    """Return the files of rows by the number of their first."""
    return sorted((int(path.name.partition("-")[2]), path) for path in folder.glob("points-*"))


def _path(folder: Path, first: int) -> Path:
    return folder / f"points-{first:015d}"


def _take_blocks(file: int, length: int) -> None:
    take = getattr(os, "posix_fallocate", None)  # not on macOS
    if take is not None:
        take(file, 0, length)
        return
    zeros = bytes(1 << 16)
    for start in range(0, length, len(zeros)):
        os.write(file, zeros[: length - start])


def _dtype() -> "np.dtype[np.void]":
    import numpy as np

    return np.dtype([("code", "i8"), ("step", "i8"), ("at_ms", "i8"), ("value", "f8")])
