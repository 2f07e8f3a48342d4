"""What a run said besides its points: one line a word, in the order in which it was said.

A line is appended by one write, and counts once its end of line is there: the torn last line of
a killed process was never said.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.codec import decode, encode
from bucle.base.errors import Invalid


class Call(msgspec.Struct, frozen=True, kw_only=True, tag="call"):
    """An operation to be called: one that may be called twice and counts once."""

    operation: str
    fields: dict[str, Any]


class Content(msgspec.Struct, frozen=True, kw_only=True, tag="content"):
    """Content that later calls name: the code's patch, the environment."""

    digest: str


class Series(msgspec.Struct, frozen=True, kw_only=True, tag="series"):
    """The name behind a code in the rows of points; it is said before its first point."""

    code: int
    name: str


class Torn(msgspec.Struct, frozen=True, kw_only=True, tag="torn"):
    """A line that nobody can read, as a power cut may leave; never written."""

    text: str


Word = Call | Content | Series | Torn


class Journal:
    """The file of words, to append to."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self.length = os.fstat(self._file).st_size

    def append(self, word: Word) -> None:
        """Append a word; when this returns it outlives the process.

        Raises:
            OSError: the disk is full; then nothing was said.
        """
        line = encode(word) + b"\n"
        try:
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError:
            os.ftruncate(self._file, self.length)
            raise
        self.length += len(line)

    def sync(self) -> None:
        """Have it written to the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_words(path: Path, start: int) -> Iterator[tuple[int, Word]]:
    """Yield the words from a place on, each with the place behind it."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            start += len(line)
            yield start, _word(line)


def _word(line: bytes) -> Word:
    try:
        return decode(line, Word)  # type: ignore[arg-type]
    except Invalid:
        return Torn(text=line.decode("utf-8", "backslashreplace").rstrip("\n"))
