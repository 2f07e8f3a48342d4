"""Cut bytes where their content says, so that an edit moves the cuts beside it and no others.

A place may be a cut if a sum over the 4 bytes before it (modulo 256) is one value, and a hash of
the 32 bytes before it is below a threshold; the first test runs at memory speed and leaves one
place in 256 to the second.  Of the possible cuts, the first that makes a chunk of at least
`LEAST_BYTES` is taken, and a chunk is cut at `MOST_BYTES` where none came.

The idea is that of content-defined chunking (Muthitacharoen and others, LBFS, 2001; Xia and
others, FastCDC, 2016); a table of random numbers per byte, as there, is slow in numpy.  The
numbers below are part of what is stored: with others, the same file is cut otherwise, and is
stored once more.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

LEAST_BYTES = 64 << 10
MOST_BYTES = 640 << 10  # with the list of 8,000 parts, an edit in 2 GB stores less than 1 MB
_WINDOW = 32
_FACTORS = (0x9D, 0x3B, 0xC5, 0x6F)
_FILTER = 0x5A
_MIX = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93],
    dtype=np.uint64,
)
_BELOW = np.uint64((1 << 64) // 768)  # of one place in 256: a cut every 192 KiB of noise
_BLOCK = 1 << 18  # what the first test looks at stays in the processor's cache
_BUFFER_BYTES = 16 << 20


def chunks_of(file: BinaryIO, *, buffer_bytes: int = _BUFFER_BYTES) -> Iterator[memoryview]:
    """Yield the chunks of a file in order; a view is valid until the next one is asked for."""
    size = max(buffer_bytes, 4 * MOST_BYTES)
    buffer = bytearray(size)
    view = memoryview(buffer)
    filled, ended = 0, False
    while not ended or filled:
        while filled < size and not ended:
            count = file.readinto(view[filled:])  # type: ignore[attr-defined]
            ended = not count
            filled += count
        start = 0
        for end in cuts(view[:filled], whole=ended):
            yield view[start:end]
            start = end
        left = filled - start
        buffer[:left] = bytes(view[start:filled])
        filled = left


def cuts(content: memoryview | bytes, *, whole: bool) -> Iterator[int]:
    """Yield the ends of the chunks; without `whole`, not those that later bytes may move.

    `content` begins at a cut.  A cut depends on at most `MOST_BYTES` before it.
    """
    size = len(content)
    start = 0
    for place in _places(content):
        while place - start > MOST_BYTES:
            start += MOST_BYTES
            yield start
        if place - start >= LEAST_BYTES:
            start = place
            yield start
    while size - start > MOST_BYTES:
        start += MOST_BYTES
        yield start
    if whole and size > start:
        yield size


def _places(content: memoryview | bytes) -> Iterator[int]:
    """Yield every place where a chunk may end."""
    octets = np.frombuffer(content, dtype=np.uint8)
    if len(octets) < LEAST_BYTES:
        return
    words: np.ndarray = np.ndarray(
        (len(octets) - 7,), dtype="<u8", buffer=content, strides=(1,)
    )  # the 8 bytes that begin at each place
    total, one = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.uint8)
    # A place `end` looks at the bytes before it.
    for begin in range(_WINDOW, len(octets) + 1, _BLOCK):
        many = min(_BLOCK, len(octets) + 1 - begin)
        for step, factor in enumerate(_FACTORS, start=1):
            near = octets[begin - step : begin - step + many]
            np.multiply(near, np.uint8(factor), out=(one if step > 1 else total)[:many])
            if step > 1:
                np.add(total[:many], one[:many], out=total[:many])
        ends = np.flatnonzero(total[:many] == _FILTER) + begin
        if len(ends):
            yield from ends[_hash(words, ends) < _BELOW].tolist()


def _hash(words: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return a hash of the 32 bytes before each place."""
    mixed = np.zeros(len(ends), dtype=np.uint64)
    for step, factor in enumerate(_MIX):
        mixed ^= words[ends - _WINDOW + 8 * step]
        mixed *= factor
        mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX[0]
    return mixed
