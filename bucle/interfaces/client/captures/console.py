"""What a run writes to stdout and stderr, kept as it is written and bounded.

It is seen where Python sees it: `print`, logging, warnings, tracebacks that are printed.  What a
C library or a subprocess writes to the terminal by itself is not.
"""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

PATH = "console.txt"
_HEAD_BYTES = 512 << 10
_TAIL_BYTES = 256 << 10  # of each of two files that take turns, so the last 256 KiB at least
_OVERWRITTEN = re.compile(rb"[^\n]*\r(?!\n)")


class Console:
    """The output of one run in a folder: its beginning, and its end in two files by turns.

    Each write goes to the kernel at once, so it outlives the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._turn = -1  # the file of the tail that is written to; -1: the beginning is not full
        self._file = _opened(folder / "console-head")
        self._room = _HEAD_BYTES
        self.length = 0  # bytes that were written in all

    def write(self, text: str) -> None:
        """Keep a text; what can not be kept is left out, as output must go on."""
        content = text.encode("utf-8", "backslashreplace")
        with self._lock:
            self.length += len(content)
            while content and self._file >= 0:
                part, content = content[: self._room], content[self._room :]
                try:
                    os.write(self._file, part)
                except OSError:  # the disk is full
                    self.close()
                    return
                self._room -= len(part)
                if not self._room:
                    self._next_file()

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _next_file(self) -> None:
        self._turn += 1
        self.close()
        path = self._folder / f"console-tail-{self._turn:06d}"
        self._file = _opened(path)
        self._room = _TAIL_BYTES
        (self._folder / f"console-tail-{self._turn - 2:06d}").unlink(missing_ok=True)


def read_console(folder: Path) -> bytes:
    """Return what was kept of the output; lines that a progress bar wrote over are left out."""
    head = folder / "console-head"
    if not head.exists():
        return b""
    tails = sorted(folder.glob("console-tail-*"))
    content = head.read_bytes()
    if tails:
        left_out = int(tails[0].name.rpartition("-")[2]) * _TAIL_BYTES
        note = f"\n[... {left_out} bytes are left out here ...]\n".encode()
        content += note if left_out else b""
        content += b"".join(tail.read_bytes() for tail in tails)
    return _OVERWRITTEN.sub(b"", content)


@contextmanager
def tee(console: Console) -> Iterator[None]:
    """Keep what the block writes to stdout and stderr, which it reaches as before."""
    before = sys.stdout, sys.stderr
    ours = tuple(_Tee(stream, console) for stream in before)
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        # Somebody who put another stream there meanwhile keeps it.
        if sys.stdout is ours[0]:
            sys.stdout = before[0]
        if sys.stderr is ours[1]:
            sys.stderr = before[1]


class _Tee:
    """A stream that is kept as well; in everything else it is the stream that it stands for."""

    def __init__(self, stream: TextIO, console: Console) -> None:
        self._stream = stream
        self._console = console

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        self._console.write(text)
        return written

    def writelines(self, lines: Any) -> None:  # noqa: ANN401 - as a stream has it
        for line in lines:
            self.write(line)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the stream's own
        return getattr(self._stream, name)


def _opened(path: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    return os.open(path, flags, 0o600)
