"""The binary tensor extension: values as bytes behind a request's JSON, or a response's.

https://github.com/open-inference/open-inference-protocol, and the extension's own document of
the same field: little-endian, row-major; a text is its length in four bytes and then UTF-8.
Numbers are views into the body; nothing is copied.
"""

from collections.abc import Sequence
from math import isfinite, prod
from struct import Struct
from typing import Any

import numpy as np

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec.calls import Array, Column, listed
from bucle.interfaces.predict.codec.datatypes import BOOL, BYTES, DATATYPES, DTYPES, MANY_ROWS
from bucle.interfaces.predict.codec.messages import (
    Input,
    Parameters,
    Request,
    check_datatype,
    check_values,
)
from bucle.lifecycle.registry import Field

LENGTH_HEADER = b"inference-header-content-length"
CONTENT_TYPE = b"application/octet-stream"
SIZE = "binary_data_size"
_LENGTH = Struct("<I")
_MOST_DIGITS = 12  # of a header that says a length
# Who sends bytes alone has no place to ask for them.
_IN_BYTES: Parameters = {"binary_data_output": True}


def split(body: bytes, said: bytes) -> tuple[bytes, memoryview]:
    """Return the JSON and the bytes behind it.

    Raises:
        Invalid: the header names no place in the body.
    """
    length = int(said) if said.isdigit() and len(said) <= _MOST_DIGITS else -1
    if not 0 <= length <= len(body):
        raise Invalid(
            f"Inference-Header-Content-Length is {said.decode('latin-1')[:40]!r}, and the body "
            f"has {len(body)} bytes",
            hint="send the number of bytes of the JSON before the first tensor",
        )
    return body[:length], memoryview(body)[length:]


def give_bytes(sent: Request, tail: memoryview) -> None:
    """Give the inputs their values, out of the bytes or out of the JSON.

    Raises:
        Invalid: the bytes are not those that the JSON tells of; the input is named.
    """
    place = 0
    for one in sent.inputs:
        said = (one.parameters or {}).get(SIZE)
        if said is None:
            if one.data is None:
                raise Invalid(
                    f"the input {one.name!r} has neither data nor {SIZE}",
                    hint=f"say how many bytes it has: 'parameters': {{'{SIZE}': ...}}",
                )
            check_values(one)
            continue
        if one.data is not None:
            raise Invalid(f"the input {one.name!r} has both data and {SIZE}", hint="send one")
        if type(said) is not int or not 0 <= said <= len(tail) - place:
            raise Invalid(
                f"the input {one.name!r} has {SIZE} {said!r:.40}, and {len(tail) - place} bytes "
                "are left",
                hint="send as many bytes as the inputs say, in their order",
            )
        one.data = values_of(one.name, one.datatype, one.shape, tail[place : place + said])
        place += said
    if place < len(tail):
        raise Invalid(
            f"{len(tail) - place} bytes are left behind the last input",
            hint=f"say of each input how many bytes are its own ({SIZE})",
        )


def values_of(name: str, datatype: str, shape: Sequence[int], view: memoryview) -> Column:
    """Read the values of one input; numbers are a view.

    Raises:
        Invalid: other bytes than the shape says.
    """
    dtype = DTYPES.get(datatype)
    count = shape[0] if len(shape) == 1 else prod(shape)
    if dtype is None:
        check_datatype(name, datatype)
        return _texts(name, count, view)
    if count * dtype.itemsize != len(view):
        raise Invalid(
            f"the input {name!r} has shape {list(shape)} of {datatype}, which are "
            f"{count * dtype.itemsize} bytes, and {len(view)} bytes",
            hint="send as many bytes as shape and datatype say",
        )
    values: Array = np.frombuffer(view, dtype)
    if datatype == BOOL and values.view(np.uint8).max(initial=0) > 1:
        raise Invalid(f"the input {name!r} is BOOL, and a byte of it is neither 0 nor 1")
    if count < MANY_ROWS:
        few: list[Any] = values.tolist()
        # NaN is a value that is missing; the column's own check looks at arrays for it.
        return few if all(map(isfinite, few)) else values.copy()
    # A library in C may not like an odd address.
    return values if values.flags.aligned else values.copy()


def _texts(name: str, count: int, view: memoryview) -> Column:
    texts: list[str] = []
    place, end = 0, len(view)
    while place < end:
        if end - place < _LENGTH.size:
            break
        (length,) = _LENGTH.unpack_from(view, place)
        place += _LENGTH.size
        if length > end - place:
            raise Invalid(
                f"the input {name!r} has a text of {length} bytes where {end - place} are left",
                hint="send each text as its length in 4 bytes, little-endian, and its UTF-8",
            )
        texts.append(text_of(name, view[place : place + length]))
        place += length
    if place != end or len(texts) != count:
        raise Invalid(
            f"the input {name!r} has {count} values by its shape, and {len(texts)} texts in "
            f"{end} bytes",
            hint="send each text as its length in 4 bytes, little-endian, and its UTF-8",
        )
    return texts


def text_of(name: str, encoded: bytes | memoryview) -> str:
    """Return the text of bytes.

    Raises:
        Invalid: they are not UTF-8.
    """
    try:
        return str(encoded, "utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"the input {name!r} holds bytes that are no UTF-8 text", hint="send UTF-8"
        ) from error


def raw_request(tail: memoryview, fields: Sequence[Field]) -> Request:
    """Return a request that is bytes alone: the values of a model's only column.

    Raises:
        Invalid: the model has several columns, or these are no values of its type.
    """
    if len(fields) != 1:
        raise Invalid(
            f"the body is bytes alone, and the model takes {len(fields)} columns",
            hint="send JSON before the bytes, and its length in Inference-Header-Content-Length",
        )
    (field,) = fields
    datatype = DATATYPES.get(field.type, BYTES)
    if datatype == BYTES:  # one text, without its length
        data: Column = [text_of(field.name, tail)]
        return Request([Input(field.name, [1], datatype, data)], parameters=_IN_BYTES)
    size = DTYPES[datatype].itemsize
    if len(tail) % size:
        raise Invalid(
            f"the input {field.name!r} takes {datatype}, and {len(tail)} bytes are no whole "
            f"number of values of {size} bytes"
        )
    shape = [len(tail) // size]
    values = values_of(field.name, datatype, shape, tail)
    return Request([Input(field.name, shape, datatype, values)], parameters=_IN_BYTES)


def bytes_of(values: Column, datatype: str) -> bytes | None:
    """Return an output's values as bytes; None where there is no such form: a missing number."""
    if datatype == BYTES:
        parts: list[bytes] = []
        for value in listed(values):
            if value is None:
                return None
            encoded = told(value).encode()
            parts += (_LENGTH.pack(len(encoded)), encoded)
        return b"".join(parts)
    try:
        return np.ascontiguousarray(values, DTYPES[datatype]).tobytes()
    except (TypeError, ValueError, OverflowError):
        return None


def told(value: Any) -> str:  # noqa: ANN401 - whatever a model gives
    """Return a value as a text."""
    if isinstance(value, str):
        return value
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
