"""Named arrays in one file that can execute nothing: the layout of safetensors.

Eight bytes of length, a JSON header (type, shape and place of every array, and words), then the
numbers, little-endian.  Written from the public description of the format, so that serving needs
no further library; an equal set of arrays gives equal bytes.
"""

import json
import math
import struct
from collections.abc import Mapping

import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import Array

_WORDS = "__metadata__"
_HEAD = struct.Struct("<Q")
_MOST_HEADER_BYTES = 100 << 20  # what the format's own reader allows
_TYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}


def dump_tensors(arrays: Mapping[str, Array], words: Mapping[str, str]) -> bytes:
    """Return a file of arrays and words.

    Raises:
        Invalid: an array is of no type that the format knows.
    """
    header: dict[str, object] = {_WORDS: dict(sorted(words.items()))} if words else {}
    parts: list[bytes] = []
    start = 0
    for name, array in sorted(arrays.items()):
        plain = np.ascontiguousarray(array)
        plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
        if plain.dtype not in _NAMES:
            raise Invalid(f"{name!r} is of {plain.dtype}, which no file of tensors holds")
        parts.append(plain.tobytes())
        place = [start, start + len(parts[-1])]
        # The shape as it was: a contiguous scalar has one dimension more.
        header[name] = {
            "dtype": _NAMES[plain.dtype],
            "shape": list(np.shape(array)),
            "data_offsets": place,
        }
        start = place[1]
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % 8)
    return _HEAD.pack(len(told)) + told + b"".join(parts)


def load_tensors(content: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays of a file (views of its bytes, not to be written to) and its words.

    Raises:
        Invalid: it is no such file, or an array lies outside of it.
    """
    try:
        (length,) = _HEAD.unpack_from(content)
        body = _HEAD.size + length
        if length > _MOST_HEADER_BYTES or body > len(content):
            raise Invalid(f"its header of {length} bytes does not fit")
        header = json.loads(content[_HEAD.size : body])
        words = header.pop(_WORDS, {})
        arrays = {name: _array(content, body, entry) for name, entry in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"it is no file of tensors: {str(error)[:200]}") from error
    return arrays, {str(key): str(value) for key, value in words.items()}


def _array(content: bytes, body: int, entry: Mapping[str, object]) -> Array:
    kind = np.dtype(_TYPES[str(entry["dtype"])])
    shape = [int(length) for length in _list(entry["shape"])]
    start, end = (int(place) for place in _list(entry["data_offsets"]))
    count = math.prod(shape)
    fits = 0 <= start <= end <= len(content) - body and end - start == count * kind.itemsize
    if not fits or min(shape, default=0) < 0:
        raise Invalid(f"an array of shape {shape} does not lie at {start} to {end}")
    return np.frombuffer(content, kind, count, body + start).reshape(shape)


def _list(value: object) -> list[int]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value
