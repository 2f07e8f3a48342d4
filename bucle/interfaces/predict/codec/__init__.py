"""From request bodies to columns, and from answers to response bodies; no model, no network.

Two languages: plain rows (`plain`), and the Open Inference Protocol, version 2 (`infer`; its
messages, tensors, datatypes and bytes have a file each).
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
from bucle.interfaces.predict.codec.plain import ROUTING_KEY, ROWS, Row, decode_plain, encode_plain

__all__ = [
    "BINARY",
    "DATATYPES",
    "ROUTING_KEY",
    "ROWS",
    "Answer",
    "Array",
    "Call",
    "Column",
    "Row",
    "Scalar",
    "check_wanted",
    "decode_infer",
    "decode_plain",
    "describe",
    "encode_infer",
    "encode_plain",
    "listed",
]
