"""Ids that sort by time: ULID (https://github.com/ulid/spec), 26 letters of Crockford base 32."""

import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_LENGTH = 26


def new_id(now: datetime) -> str:
    """Return a new ULID: 48 bits of milliseconds, then 80 random bits."""
    return encode_ulid(int(now.timestamp() * 1000), secrets.randbits(_RANDOM_BITS))


def encode_ulid(milliseconds: int, randomness: int) -> str:
    """Encode the two parts of a ULID."""
    number = (milliseconds << _RANDOM_BITS) | randomness
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(_LENGTH - 1, -1, -1))
