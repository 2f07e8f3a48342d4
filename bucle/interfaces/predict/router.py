"""Which variant answers a request: by weight, and always the same one for a caller's key.

Pure: the random number comes in.
"""

import zlib
from collections.abc import Sequence

_SPAN = float(1 << 32)


def place_of(key: str, salt: str) -> float:
    """Return where in 0..1 a routing key falls; each deployment (salt) shuffles anew."""
    return zlib.crc32(f"{salt}\0{key}".encode()) / _SPAN


def choose(weights: Sequence[float], place: float) -> int:
    """Return the index of the variant at this place in 0..1.

    The last variant's share starts at 0: a canary that is given more keeps the callers it has.
    """
    bound = 0.0
    total = sum(weights)
    for index in range(len(weights) - 1, 0, -1):
        bound += weights[index] / total
        if place < bound:
            return index
    return 0
