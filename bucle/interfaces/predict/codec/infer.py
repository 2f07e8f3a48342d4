"""Inference requests and responses of the Open Inference Protocol, version 2, over REST.

https://github.com/open-inference/open-inference-protocol
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import binary
from bucle.interfaces.predict.codec.calls import Answer, Call, Column, Scalar, listed
from bucle.interfaces.predict.codec.datatypes import BYTES, DATATYPES
from bucle.interfaces.predict.codec.messages import (
    Output,
    Parameters,
    Request,
    read_head,
    read_json,
)
from bucle.interfaces.predict.codec.quick import quick_columns_of, quick_response
from bucle.interfaces.predict.codec.tensors import columns_of
from bucle.lifecycle.registry import Field

_ENCODER = msgspec.json.Encoder()
_JSON_HEADERS: tuple[tuple[bytes, bytes], ...] = ()
_MICROSECONDS = 1e6
# What other servers of the field offer and this one does not: doing without would mislead.
_NOT_OFFERED = ("classification", "shared_memory_region")
# What says how to answer, or how others encode; the rest is the caller's own and goes back.
_OURS = frozenset({
    "routing_key", "timeout", "binary_data_output", "priority", "sequence_id", "sequence_start",
    "sequence_end", "content_type", "headers",
})  # fmt: skip


def decode_infer(body: bytes, headers: Mapping[bytes, bytes], fields: Sequence[Field]) -> Call:
    """Read an inference request: one tensor per column, or one matrix of all of them.

    Raises:
        Invalid: not JSON (with the position), tensors that are not columns of one length, or
            values that the model's types do not hold; the input is named.
    """
    said = headers.get(binary.LENGTH_HEADER)
    sent = read_json(body) if said is None else _read_bytes(body, said, fields)
    columns, count = quick_columns_of(sent, fields) or columns_of(sent.inputs, fields)
    call = Call(columns, count, "", sent.id)
    if sent.parameters or sent.outputs:
        set_options(call, sent.parameters or {}, sent.outputs or ())
    return call


def _read_bytes(body: bytes, said: bytes, fields: Sequence[Field]) -> Request:
    head, tail = binary.split(body, said)
    if not head:
        return binary.raw_request(tail, fields)
    sent = read_head(head)
    binary.give_bytes(sent, tail)
    return sent


def set_options(call: Call, parameters: Parameters, outputs: Sequence[Output]) -> None:
    """Note what a request's parameters and outputs ask for.

    Raises:
        Invalid: something that is not offered, or a parameter of a wrong type.
    """
    for name, value in parameters.items():
        _check_offered(name, "the request")
        if name == "routing_key":
            call.routing_key = value if isinstance(value, str) else _json_text(value)
        elif name == "timeout":
            call.timeout_s = timeout_of(value)
        elif name == "binary_data_output":
            call.binary = _boolean(name, value)
    if not _OURS.issuperset(parameters):
        call.parameters = {name: value for name, value in parameters.items() if name not in _OURS}
    if outputs:
        call.wanted = tuple(output.name for output in outputs)
        call.binary_of = {
            output.name: _boolean("binary_data", value)
            for output in outputs
            for value in _asked(output)
        }


def timeout_of(value: Scalar) -> float:
    """Return the seconds of the parameter `timeout`, which is in microseconds as elsewhere.

    Raises:
        Invalid: it is no number of microseconds.
    """
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 0 <= int(value or 0) < 2**63:
        raise Invalid(
            f"the parameter 'timeout' is {value!r:.40}",
            hint="send whole microseconds, such as 500000",
        )
    return int(value or 0) / _MICROSECONDS


def _asked(output: Output) -> list[Scalar]:
    parameters = output.parameters or {}
    for name in parameters:
        _check_offered(name, f"the output {output.name!r}")
    return [parameters["binary_data"]] if "binary_data" in parameters else []


def _check_offered(name: str, where: str) -> None:
    if name in _NOT_OFFERED:
        raise Invalid(
            f"{where} asks for {name!r}, which this server does not offer",
            hint="GET /v2 lists the extensions that it has",
        )


def _boolean(name: str, value: Scalar) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"the parameter {name!r} is {value!r:.40}", hint="send true or false")
    return value


def _json_text(value: Scalar) -> str:
    return _ENCODER.encode(value).decode()


def check_wanted(call: Call, fields: Sequence[Field]) -> None:
    """Refuse, before the model is asked, a call for outputs that it does not give.

    Raises:
        Invalid: an output was asked for that is none, or twice.
    """
    known = [field.name for field in fields]
    for place, name in enumerate(call.wanted):
        if name not in known:
            raise Invalid(
                f"the model gives no output {name!r:.80}", hint=f"it gives {', '.join(known)}"
            )
        if name in call.wanted[:place]:
            raise Invalid(f"the output {name!r} was asked for twice", hint="ask for it once")


def encode_infer(
    answer: Answer, call: Call, name: str, fields: Sequence[Field]
) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """Write an inference response and the headers that it needs: (): it is plain JSON.

    The ids of the rows are a parameter, joined by commas.  A number that is NaN or infinite is
    null in JSON, which has neither, and itself in bytes.

    Raises:
        Invalid: an output was asked for that the model does not give.
    """
    is_plain = not call.binary and not call.binary_of
    if is_plain and (quick := quick_response(answer, call, name, tuple(fields))) is not None:
        return quick, _JSON_HEADERS
    names = call.wanted or answer.outputs
    outputs, parts = [], []
    for item in names:
        values = answer.outputs.get(item)
        if values is None:
            check_wanted(call, fields)
            values = []
        datatype = _datatype(item, fields)
        if is_plain or not call.binary_of.get(item, call.binary):
            outputs.append(_output(item, values, datatype))
            continue
        encoded = binary.bytes_of(values, datatype)
        outputs.append(_output(item, values, datatype, encoded))
        if encoded is not None:
            parts.append(encoded)
    head = _ENCODER.encode(_response(answer, call, name, outputs))
    if not parts:
        return head, _JSON_HEADERS
    length = (binary.LENGTH_HEADER, str(len(head)).encode())
    return b"".join([head, *parts]), (length,)


def _response(
    answer: Answer, call: Call, name: str, outputs: list[dict[str, Any]]
) -> dict[str, Any]:
    parameters: dict[str, Scalar] = {
        "deployment": answer.deployment,
        "model": answer.model,
        "variant": answer.variant,
        "prediction_ids": ",".join(answer.ids),
    }
    if call.parameters:
        parameters = {**call.parameters, **parameters}
    return {
        "model_name": name,
        "model_version": answer.model.rpartition("@")[2],
        "id": call.id or answer.ids[0],
        "parameters": parameters,
        "outputs": outputs,
    }


def shape_of(values: Column) -> list[int]:
    """Return the shape of an output: rows, or rows x classes."""
    if not isinstance(values, list):
        return list(values.shape)
    if values and isinstance(values[0], list):
        return [len(values), len(values[0])]
    return [len(values)]


def _output(
    name: str, values: Column, datatype: str, encoded: bytes | None = None
) -> dict[str, Any]:
    shape = shape_of(values)
    if encoded is not None:
        size = {binary.SIZE: len(encoded)}
        return {"name": name, "shape": shape, "datatype": datatype, "parameters": size}
    data = listed(values)
    if len(shape) > 1:
        data = [value for row in data for value in row]
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def _datatype(name: str, fields: Sequence[Field]) -> str:
    for field in fields:
        if field.name == name:
            return DATATYPES.get(field.type, BYTES)
    return BYTES


def describe(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Return the protocol's description of a model's columns."""
    return [
        {
            "name": field.name,
            "datatype": DATATYPES.get(field.type, BYTES),
            "shape": [-1, -1] if field.type.startswith("list") else [-1],
        }
        for field in fields
    ]
