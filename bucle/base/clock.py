"""Clocks: where `now` comes from, so that no verb asks the machine and no test sleeps.

`SharedClock` is how a whole installation runs in accelerated time: every process reads the
same eight bytes, and only a replay (the demo, a back-test, a story) moves them.
"""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from bucle.base.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = struct.Struct("<q")


class Clock(Protocol):
    """Tell the time as an aware UTC datetime."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is set: for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time it was last set to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        self._now += by


class SharedClock:
    """A clock in a file of eight bytes (microseconds since 1970), shared by processes."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise Invalid(
                f"the clock file {path} does not exist",
                hint="unset BUCLE_CLOCK_URL to use the machine's clock",
            )
        with path.open("r+b") as file:
            self._view = mmap.mmap(file.fileno(), _INT64.size)

    @classmethod
    def create(cls, path: Path, start: datetime) -> "SharedClock":
        """Make the file and set it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_INT64.pack(_micros(start)))
        return cls(path)

    def now(self) -> datetime:
        """Return the time that the replay has reached."""
        return _EPOCH + timedelta(microseconds=_INT64.unpack(self._view[:])[0])

    def set(self, moment: datetime) -> None:
        """Move every reader to this moment; an aligned 8-byte store is never seen half-way."""
        self._view[:] = _INT64.pack(_micros(moment))


def open_clock(url: str) -> Clock:
    """Open `system:` or `shared:<path>`.

    Raises:
        Invalid: another scheme, or a shared clock whose file is missing.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "system":
        return SystemClock()
    if scheme == "shared":
        return SharedClock(Path(rest))
    raise Invalid(f"{url!r} is not a clock", hint="write system: or shared:<path>")


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
