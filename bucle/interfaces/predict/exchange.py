"""What the workers on one port tell each other: each answers for all at `/metrics`.

Every worker writes the text of its own counters into a file of its own, five times a second
and whenever it is asked; who is asked writes first and then adds up all of the files, so that
no sum is ever smaller than one that was told before.  The files of workers that died stay and go on
counting.  Files and no shared memory: they have no size to run out of, and a reader sees an old
text or a new one, never half of one.
"""

import os
from contextlib import suppress
from pathlib import Path

from bucle.interfaces.predict.exposition import add_up

_SUFFIX = ".prom"
_FLUSH = "flush"
_FLUSHED = ".flushed"


class Neighbours:
    """The folder in which the workers of one model server leave their texts."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._name = f"{number}-{os.getpid()}"
        self._flushed = self.flush_asked()
        self._told = b""
        self.problem = ""  # why this worker's text is an old one; "": it is not

    def publish(self, text: bytes) -> None:
        """Leave this worker's text; a disk that takes nothing leaves the last one."""
        if text == self._told:
            return
        part = self._folder / f".{self._name}.part"
        try:
            part.write_bytes(text)
            part.replace(self._folder / f"{self._name}{_SUFFIX}")
        except OSError as error:
            self.problem = f"this worker's counters can not be written: {error.strerror}"
            with suppress(OSError):
                part.unlink(missing_ok=True)
        else:
            self.problem, self._told = "", text

    def together(self, own: bytes) -> bytes:
        """Return the counters of all workers, and the gauges of those that live."""
        self.publish(own)
        texts: list[tuple[bytes, bool]] = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with suppress(OSError):
                texts.append((path.read_bytes(), _is_alive(path)))
        return add_up(texts) if texts else own

    def living(self) -> int:
        """Return how many workers live."""
        return sum(_is_alive(path) for path in self._folder.glob(f"*{_SUFFIX}"))

    def ask_flush(self) -> int:
        """Ask all workers to hand their logs over; return the number of this request."""
        number = self.flush_asked() + 1
        part = self._folder / f".{self._name}.flush"
        part.write_text(str(number), encoding="ascii")
        part.replace(self._folder / _FLUSH)
        return number

    def flush_asked(self) -> int:
        """Return the number of the last request to hand the logs over; 0: there was none."""
        return _number_in(self._folder / _FLUSH)

    def flush_due(self) -> int:
        """Return the number of a request that this worker has not carried out; 0: there is none."""
        asked = self.flush_asked()
        return asked if asked > self._flushed else 0

    def flushed(self, number: int) -> None:
        """Say that this worker's log was handed over."""
        self._flushed = number
        with suppress(OSError):
            (self._folder / f"{self._name}{_FLUSHED}").write_text(str(number), encoding="ascii")

    def still_flushing(self, number: int) -> int:
        """Return how many living workers have not handed their logs over yet."""
        return sum(
            _is_alive(path) and _number_in(path.with_suffix(_FLUSHED)) < number
            for path in self._folder.glob(f"*{_SUFFIX}")
        )


def _number_in(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _is_alive(path: Path) -> bool:
    pid = path.stem.partition("-")[2]
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
