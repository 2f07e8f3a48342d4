"""From request bodies to columns, and from answers to response bodies; no model, no network.

Two languages: plain rows (`{"rows": [{...}, ...]}`, or one row by itself), and the Open
Inference Protocol, version 2 (https://github.com/open-inference/open-inference-protocol).
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from bucle.base.errors import Invalid
from bucle.lifecycle.registry import Field

Scalar: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Scalar]

ROWS = "rows"
ROUTING_KEY = "routing_key"

# The protocol's datatype of each type of a model's column.
DATATYPES = {
    "float64": "FP64",
    "int64": "INT64",
    "bool": "BOOL",
    "string": "BYTES",
    "timestamp": "BYTES",  # ISO 8601 text
    "list<float64>": "FP64",
}
_NUMBERS = frozenset({"float64", "int64", "bool"})


class Call(msgspec.Struct):
    """What was asked: columns of equal length, in the caller's values."""

    columns: dict[str, list[Any]]
    count: int  # rows
    routing_key: str = ""  # "": a random variant answers
    id: str = ""  # the caller's own, repeated in the answer
    wanted: tuple[str, ...] = ()  # outputs asked for; (): all


class Answer(msgspec.Struct):
    """What is said of the rows of a call."""

    deployment: str  # deployment:<name>@<revision>
    model: str  # model:<name>@<number>
    variant: str
    ids: list[str]
    outputs: dict[str, list[Any]]


class _Parameters(msgspec.Struct):
    routing_key: str = ""


class _Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class _Output(msgspec.Struct):
    name: str


class _InferRequest(msgspec.Struct):
    inputs: list[_Tensor]
    id: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)
    outputs: list[_Output] = msgspec.field(default_factory=list)


_PLAIN = msgspec.json.Decoder(dict[str, Scalar | list[Row]])
_INFER = msgspec.json.Decoder(_InferRequest)
_ENCODER = msgspec.json.Encoder()


def decode_plain(body: bytes) -> Call:
    """Read plain rows.

    Raises:
        Invalid: not JSON (with the position), no rows, or rows with different columns.
    """
    try:
        sent = _PLAIN.decode(body)
    except msgspec.MsgspecError as error:
        raise _malformed(error, body, '{"rows": [{"column": value, ...}, ...]}') from error
    rows = sent.get(ROWS)
    if not isinstance(rows, list):
        key = sent.pop(ROUTING_KEY, "")
        lists = next((name for name, value in sent.items() if isinstance(value, list)), None)
        if lists is not None:
            raise Invalid(
                f"{lists!r} holds a list, and a row holds one value per column",
                hint='send {"rows": [{"column": value, ...}, ...]}',
            )
        columns = {name: [value] for name, value in sent.items()}
        return Call(columns=columns, count=1, routing_key=_key(key))
    if unknown := sorted(set(sent) - {ROWS, ROUTING_KEY}):
        raise Invalid(
            f"{unknown[0]!r} stands beside 'rows'", hint="put it into each row, or leave it out"
        )
    return Call(
        columns=_columns(rows), count=len(rows), routing_key=_key(sent.get(ROUTING_KEY, ""))
    )


def decode_infer(body: bytes, fields: Sequence[Field]) -> Call:
    """Read an inference request: one tensor per column, or one matrix of all of them.

    Raises:
        Invalid: not JSON (with the position), or tensors that are not columns of one length.
    """
    try:
        sent = _INFER.decode(body)
    except msgspec.MsgspecError as error:
        told = '{"inputs": [{"name": ..., "shape": [n], "datatype": ..., "data": [...]}]}'
        raise _malformed(error, body, told) from error
    columns = _matrix(sent.inputs, fields) or _tensors(sent.inputs)
    counts = {len(column) for column in columns.values()}
    if len(counts) != 1:
        told = ", ".join(f"{name}: {len(column)}" for name, column in columns.items())
        raise Invalid("the inputs have different numbers of rows", hint=told)
    return Call(
        columns=columns,
        count=counts.pop(),
        routing_key=sent.parameters.routing_key,
        id=sent.id,
        wanted=tuple(output.name for output in sent.outputs),
    )


def encode_plain(answer: Answer) -> bytes:
    """Write ids and outputs, one entry per row."""
    return _ENCODER.encode(answer)


def encode_infer(answer: Answer, call: Call, name: str, fields: Sequence[Field]) -> bytes:
    """Write an inference response; the ids of the rows are a parameter, joined by commas.

    Raises:
        Invalid: an output was asked for that the model does not give.
    """
    types = {field.name: field.type for field in fields}
    names = call.wanted or tuple(answer.outputs)
    for wanted in names:
        if wanted not in answer.outputs:
            raise Invalid(
                f"the model gives no output {wanted!r}", hint=f"it gives {', '.join(types)}"
            )
    return _ENCODER.encode(
        {
            "model_name": name,
            "model_version": answer.model.rpartition("@")[2],
            "id": call.id or answer.ids[0],
            "parameters": {
                "deployment": answer.deployment,
                "model": answer.model,
                "variant": answer.variant,
                "prediction_ids": ",".join(answer.ids),
            },
            "outputs": [_output(item, answer.outputs[item], types) for item in names],
        }
    )


def describe(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Return the protocol's description of a model's columns."""
    return [
        {
            "name": field.name,
            "datatype": DATATYPES.get(field.type, "BYTES"),
            "shape": [-1, -1] if field.type.startswith("list") else [-1],
        }
        for field in fields
    ]


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    if not rows:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    names = rows[0].keys()
    for place, row in enumerate(rows):
        if row.keys() != names:
            odd = min(row.keys() ^ names)
            lacking = place if odd in names else 0
            raise Invalid(
                f"row {lacking} lacks {odd!r}, which row {0 if lacking else place} has",
                hint="send null where there is no value",
            )
    return {name: [row[name] for row in rows] for name in names}


def _key(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _tensors(tensors: Sequence[_Tensor]) -> dict[str, list[Any]]:
    if not tensors:
        raise Invalid("there are no inputs", hint="send one tensor per column of the model")
    columns = {}
    for tensor in tensors:
        values = _flat(tensor)
        # Shape [n], or [n, 1] as several clients send columns.
        if tensor.shape not in ([len(values)], [len(values), 1]):
            raise Invalid(
                f"the input {tensor.name!r} has shape {tensor.shape} and {len(values)} values",
                hint=f"a column has shape [n] or [n, 1], here [{len(values)}]",
            )
        columns[tensor.name] = values
    return columns


def _matrix(tensors: Sequence[_Tensor], fields: Sequence[Field]) -> dict[str, list[Any]]:
    """Return the columns of one matrix that stands for all of them, in the model's order."""
    if len(tensors) != 1 or len(tensors[0].shape) != 2:  # noqa: PLR2004 - rows and columns
        return {}
    (tensor,) = tensors
    count, width = tensor.shape
    alone = width == 1 and tensor.name == fields[0].name
    if alone or width != len(fields) or any(field.type not in _NUMBERS for field in fields):
        return {}
    values = _flat(tensor)
    if len(values) != count * width:
        raise Invalid(
            f"the input {tensor.name!r} has shape {tensor.shape} and {len(values)} values"
        )
    return {field.name: values[place::width] for place, field in enumerate(fields)}


def _flat(tensor: _Tensor) -> list[Any]:
    """Return the values in row-major order; the protocol allows them nested."""
    values = tensor.data
    if values and isinstance(values[0], list):
        try:
            values = [value for row in values for value in row]
        except TypeError as error:
            raise Invalid(f"the data of input {tensor.name!r} are nested unevenly") from error
    for value in values:
        if isinstance(value, list | dict):
            raise Invalid(f"the data of input {tensor.name!r} hold {value!r:.80}")
    return values


def _output(name: str, values: list[Any], types: Mapping[str, str]) -> dict[str, Any]:
    shape = [len(values)]
    data = values
    if values and isinstance(values[0], list):
        shape.append(len(values[0]))
        data = [value for row in values for value in row]
    datatype = DATATYPES.get(types.get(name, ""), "BYTES")
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def _malformed(error: msgspec.MsgspecError, body: bytes, shape: str) -> Invalid:
    told = str(error)
    if "truncated" in told:  # the one complaint that comes without its place
        told = f"{told} (byte {len(body)})"
    return Invalid(f"the request is not understood: {told}", hint=f"send {shape}")
