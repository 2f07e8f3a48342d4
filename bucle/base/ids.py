"""Ids that sort by time: ULID (https://github.com/ulid/spec), 26 letters of Crockford base 32."""

import secrets
from datetime import datetime

from bucle.base.errors import Invalid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each
_PLACES = range(120, -1, -10)
_RANDOM_BITS = 80
_LENGTH = 26
_TIME_LENGTH = 10


def new_id(now: datetime) -> str:
    """Return a new ULID: 48 bits of milliseconds, then 80 random bits."""
    return encode_ulid(int(now.timestamp() * 1000), secrets.randbits(_RANDOM_BITS))


class IdsOfAMoment:
    """Ids that sort in the order in which they were made, although their time is the same.

    The random part counts on from a random beginning, as ULID's monotonic ids do.
    """

    def __init__(self, now: datetime) -> None:
        self._milliseconds = int(now.timestamp() * 1000)
        self._next = secrets.randbits(_RANDOM_BITS - 1)  # half of the range is left to count on

    def take(self) -> str:
        """Return the next id."""
        self._next += 1
        return encode_ulid(self._milliseconds, self._next)


def encode_ulid(milliseconds: int, randomness: int) -> str:
    """Encode the two parts of a ULID."""
    number = (milliseconds << _RANDOM_BITS) | randomness
    return "".join([_PAIRS[(number >> place) & 1023] for place in _PLACES])


def milliseconds_of(ulid: str) -> int:
    """Return the time part of a ULID, in milliseconds since 1970.

    Raises:
        Invalid: not 26 letters of Crockford base 32.
    """
    if len(ulid) != _LENGTH or not set(ulid).issubset(_ALPHABET):
        raise Invalid(f"{ulid!r} is not an id", hint="an id has 26 letters and digits (ULID)")
    number = 0
    for letter in ulid[:_TIME_LENGTH]:
        number = number * 32 + _ALPHABET.index(letter)
    return number


def counted_on(first: str, count: int) -> list[str]:
    """Return so many ids from one on, each the one before plus one.

    Raises:
        Invalid: the first is no id.
    """
    milliseconds = milliseconds_of(first)
    randomness = 0
    for letter in first[_TIME_LENGTH:]:
        randomness = randomness * 32 + _ALPHABET.index(letter)
    return [encode_ulid(milliseconds, randomness + place) for place in range(count)]
