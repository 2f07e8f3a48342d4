"""Ids of predictions: ULIDs that rise within a process, even if the clock stands still.

Within one millisecond the next id is the last one plus one (as the ULID specification has it),
so ids of one request follow each other and a segment's first and last id bound its rows.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PAIR, _PAIR_LETTERS = 1023, 2  # the bits that two letters say
_TIME_LETTERS = 10
_RANDOM_BITS = 80
_TOLERATED_MS = 1000  # a step back of the clock that ids ride out


class PredictionIds:
    """A source of ids; one per process, used from one thread."""

    def __init__(self, randbits: Callable[[int], int] = secrets.randbits) -> None:
        self._randbits = randbits
        self._milliseconds = -1
        self._number = 0
        self._head = ""
        self.epoch = 0  # rises when the clock was put back: ids start over from there

    def take(self, now: datetime, count: int) -> list[str]:
        """Return new ids, each greater than the one before."""
        return self.take_at((now - _EPOCH) // _MILLISECOND, count)

    def take_at(self, milliseconds: int, count: int) -> list[str]:
        """Return new ids of a moment in milliseconds since 1970; see `take`.

        Ids of one call share all letters but the last two: a row costs a concatenation.
        """
        if milliseconds > self._milliseconds:
            self._start(milliseconds)
        elif milliseconds < self._milliseconds - _TOLERATED_MS:
            self.epoch += 1
            self._start(milliseconds)
        first = self._number
        self._number = end = first + count
        ids: list[str] = []
        while first < end:
            until = min((first | _PAIR) + 1, end)
            stem, low = self._head + _letters(first)[:-_PAIR_LETTERS], first & _PAIR
            ids += [stem + pair for pair in _PAIRS[low : low + until - first]]
            first = until
        return ids

    def _start(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds
        # The highest bit stays free, so that counting on can not overflow.
        self._number = self._randbits(_RANDOM_BITS - 1)
        self._head = "".join(
            _ALPHABET[(milliseconds >> (5 * place)) & 31]
            for place in range(_TIME_LETTERS - 1, -1, -1)
        )


def _letters(number: int) -> str:
    """Return 80 bits as 16 letters, two at a time."""
    pairs = _PAIRS
    return (
        pairs[number >> 70]
        + pairs[(number >> 60) & 1023]
        + pairs[(number >> 50) & 1023]
        + pairs[(number >> 40) & 1023]
        + pairs[(number >> 30) & 1023]
        + pairs[(number >> 20) & 1023]
        + pairs[(number >> 10) & 1023]
        + pairs[number & 1023]
    )
