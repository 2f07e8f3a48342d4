"""The usual request and its answer: a few plain rows, everything as text.

The same columns and the same JSON as the long way (`tensors.py`, `infer.py`) in half the time;
what is unusual in the least is left to it.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from bucle.interfaces.predict.codec.calls import Answer, Call, Column
from bucle.interfaces.predict.codec.datatypes import BYTES, DATATYPES, MANY_ROWS, PLAIN
from bucle.interfaces.predict.codec.messages import QuickRequest, Request
from bucle.interfaces.predict.codec.tensors import Tensor
from bucle.lifecycle.registry import Field

_ENCODER = msgspec.json.Encoder()


def quick_columns_of(
    sent: QuickRequest | Request, fields: Sequence[Field]
) -> tuple[dict[str, Column], int] | None:
    """Return the columns of plain lists in the model's order, and their rows; None: look closer."""
    tensors = sent.inputs
    width = len(fields)
    if len(tensors) == 1 and width > 1:
        return _of_row(tensors[0], fields)
    if len(tensors) != width or type(tensors[0].data) is not list:
        return None
    count = len(tensors[0].data)
    if not 0 < count < MANY_ROWS:
        return None
    shape = [count]
    columns: dict[str, Column] = {}
    for tensor, field in zip(tensors, fields, strict=True):
        name, values = tensor.name, tensor.data
        if (
            name != field.name
            or tensor.shape != shape
            or type(values) is not list
            or len(values) != count
            or (field.type, tensor.datatype) not in PLAIN
        ):
            return None
        columns[name] = values
    return columns, count


def _of_row(tensor: Tensor, fields: Sequence[Field]) -> tuple[dict[str, Column], int] | None:
    """Return the columns of a matrix of one row."""
    datatype, values, width = tensor.datatype, tensor.data, len(fields)
    if tensor.shape != [1, width] or type(values) is not list or len(values) != width:
        return None
    if any((field.type, datatype) not in PLAIN for field in fields):
        return None
    return {field.name: [value] for field, value in zip(fields, values, strict=True)}, 1


def quick_response(
    answer: Answer, call: Call, name: str, fields: tuple[Field, ...]
) -> bytes | None:
    """Return the response about one row; None: it takes a closer look."""
    ids, outputs = answer.ids, answer.outputs
    if len(ids) != 1 or call.wanted or call.binary or call.parameters:
        return None
    values: list[bytes] = []
    for column in outputs.values():
        if type(column) is not list or type(column[0]) is list:
            return None
        values.append(_ENCODER.encode(column))
    who = (answer.deployment, answer.model, answer.variant)
    template = _template(name, who, tuple(outputs), fields)
    row = ids[0].encode()
    own = _ENCODER.encode(call.id) if call.id else b'"%b"' % row
    return template % (own, row, *values)


@lru_cache(maxsize=256)
def _template(
    name: str, who: tuple[str, str, str], outputs: tuple[str, ...], fields: tuple[Field, ...]
) -> bytes:
    """Return a response with places for the request's id, the row's, and each output's values."""
    deployment, model, variant = who
    types = {field.name: DATATYPES.get(field.type, BYTES) for field in fields}
    parts = [
        b'{"model_name":', _text(name), b',"model_version":', _text(model.rpartition("@")[2]),
        b',"id":%b,"parameters":{"deployment":', _text(deployment), b',"model":', _text(model),
        b',"variant":', _text(variant), b',"prediction_ids":"%b"},"outputs":[',
    ]  # fmt: skip
    for place, output in enumerate(outputs):
        parts += [
            b"," if place else b"", b'{"name":', _text(output), b',"shape":[1],"datatype":',
            _text(types.get(output, BYTES)), b',"data":%b}',
        ]  # fmt: skip
    return b"".join([*parts, b"]}"])


def _text(text: str) -> bytes:
    return _ENCODER.encode(text).replace(b"%", b"%%")
