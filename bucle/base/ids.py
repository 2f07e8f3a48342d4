"""Ids that sort by time: ULID (https://github.com/ulid/spec), 26 letters of Crockford base 32."""

import secrets
from datetime import datetime

from bucle.base.errors import Invalid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_LENGTH = 26
_TIME_LENGTH = 10


def new_id(now: datetime) -> str:
    """Return a new ULID: 48 bits of milliseconds, then 80 random bits."""
    return encode_ulid(int(now.timestamp() * 1000), secrets.randbits(_RANDOM_BITS))


def encode_ulid(milliseconds: int, randomness: int) -> str:
    """Encode the two parts of a ULID."""
    number = (milliseconds << _RANDOM_BITS) | randomness
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(_LENGTH - 1, -1, -1))


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
