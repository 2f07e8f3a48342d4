"""From request bodies to columns, and from answers to response bodies; no model, no network.

The Open Inference Protocol, version 2: `infer`; its messages, tensors, datatypes and bytes have a
file each.  Plain rows have a room of their own (`forms`).
"""

from bucle.interfaces.predict.codec.binary import CONTENT_TYPE as BINARY
from bucle.interfaces.predict.codec.calls import Answer, Array, Call, Column, Scalar, listed
from bucle.interfaces.predict.codec.datatypes import DATATYPES
from bucle.interfaces.predict.codec.infer import (
    check_wanted,
    decode_infer,
    describe,
    encode_infer,
)

__all__ = [
    "BINARY",
    "DATATYPES",
    "Answer",
    "Array",
    "Call",
    "Column",
    "Scalar",
    "check_wanted",
    "decode_infer",
    "describe",
    "encode_infer",
    "listed",
]
