"""Inference requests and responses as messages: the same columns and answers as over REST."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer, Call, Column, Scalar, check_wanted, listed
from bucle.interfaces.predict.codec.binary import bytes_of, text_of, told, values_of
from bucle.interfaces.predict.codec.datatypes import BYTES, DATATYPES, DTYPES
from bucle.interfaces.predict.codec.infer import set_options, shape_of
from bucle.interfaces.predict.codec.messages import Input, Output, check_datatype, check_values
from bucle.interfaces.predict.codec.tensors import columns_of
from bucle.interfaces.predict.grpc_server.messages import Message
from bucle.lifecycle.registry import Field

# The field of `contents` in which each datatype's values lie; FP16 has none and comes raw.
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_NARROW = frozenset({"INT8", "INT16", "UINT8", "UINT16"})  # of which the field holds more
_Make: TypeAlias = Callable[[], Message]


def decode_message(sent: Message, fields: Sequence[Field]) -> Call:
    """Read a `ModelInferRequest`.

    Raises:
        Invalid: as `decode_infer` says.
    """
    raw = sent.raw_input_contents
    if raw and len(raw) != len(sent.inputs):
        raise Invalid(
            f"there are {len(sent.inputs)} inputs and {len(raw)} raw contents",
            hint="send the raw contents of every input, in their order, or none",
        )
    inputs = [_input(one, raw[place] if raw else None) for place, one in enumerate(sent.inputs)]
    columns, count = columns_of(inputs, fields)
    call = Call(columns, count, "", sent.id)
    call.binary = bool(raw)
    if sent.parameters or sent.outputs:
        outputs = [Output(one.name, _parameters(one.parameters)) for one in sent.outputs]
        set_options(call, _parameters(sent.parameters), outputs)
    return call


def _input(one: Message, raw: bytes | None) -> Input:
    name, datatype, shape = one.name, one.datatype, list(one.shape)
    if any(size < 0 for size in shape):
        raise Invalid(
            f"the input {name!r} has shape {shape}", hint="a size is 0 or more, and known"
        )
    for parameter in one.parameters:
        if parameter.startswith("shared_memory"):
            raise Invalid(
                f"the input {name!r} asks for {parameter!r}, which this server does not offer",
                hint="send the values",
            )
    check_datatype(name, datatype)
    if raw is not None:
        if one.HasField("contents") and one.contents.ByteSize():
            raise Invalid(f"the input {name!r} has contents and raw contents", hint="send one")
        return Input(name, shape, datatype, values_of(name, datatype, shape, memoryview(raw)))
    return Input(name, shape, datatype, _contents(one))


def _contents(one: Message) -> Column:
    name, datatype = one.name, one.datatype
    field = _CONTENTS.get(datatype)
    if field is None:
        raise Invalid(f"the input {name!r} is {datatype}", hint="send it as raw_input_contents")
    values = list(getattr(one.contents, field))
    if datatype == BYTES:
        return [text_of(name, value) for value in values]
    if datatype in _NARROW:
        given = Input(name, [len(values)], datatype, values)
        check_values(given)
        return list(given.data)
    # NaN is a value that is missing; the column's own check looks at arrays for it.
    if datatype[0] == "F" and not np.isfinite(values).all():
        return np.array(values, DTYPES[datatype])
    return values


def _parameters(sent: Mapping[str, Message]) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name, parameter in sent.items():
        choice = parameter.WhichOneof("parameter_choice")
        if choice is not None:
            found[name] = getattr(parameter, choice)
    return found


def encode_message(
    answer: Answer, call: Call, name: str, fields: Sequence[Field], make: _Make
) -> Message:
    """Return a `ModelInferResponse`: raw where the request was, else with typed contents.

    Raises:
        Invalid: values are missing where the datatype has no word for that.
    """
    check_wanted(call, fields)
    said = make()
    said.model_name = name
    said.model_version = answer.model.rpartition("@")[2]
    said.id = call.id or answer.ids[0]
    for key, value in call.parameters.items():
        _set(said.parameters[key], value)
    for key, text in (
        ("deployment", answer.deployment),
        ("model", answer.model),
        ("variant", answer.variant),
        ("prediction_ids", ",".join(answer.ids)),
    ):
        said.parameters[key].string_param = text
    types = {field.name: DATATYPES.get(field.type, BYTES) for field in fields}
    for item in call.wanted or answer.outputs:
        values, datatype = answer.outputs[item], types.get(item, BYTES)
        output = said.outputs.add(name=item, datatype=datatype, shape=shape_of(values))
        if call.binary:
            said.raw_output_contents.append(_raw(item, values, datatype))
        else:
            getattr(output.contents, _CONTENTS[datatype]).extend(_typed(item, values, datatype))
    return said


def _raw(name: str, values: Column, datatype: str) -> bytes:
    encoded = bytes_of(values, datatype)
    if encoded is None:
        raise _missing(name)
    return encoded


def _typed(name: str, values: Column, datatype: str) -> list[Scalar | bytes]:
    plain = listed(values)
    if plain and isinstance(plain[0], list):
        plain = [value for row in plain for value in row]
    if datatype == BYTES and None not in plain:
        return [told(value).encode() for value in plain]
    if datatype[0] == "F":
        return [float("nan") if value is None else value for value in plain]
    if None in plain:
        raise _missing(name)
    return plain


def _missing(name: str) -> Invalid:
    return Invalid(
        f"values of the output {name!r} are missing, which its datatype can not say",
        hint="ask over REST, where they are null",
    )


def _set(parameter: Message, value: Scalar) -> None:
    match value:
        case bool():
            parameter.bool_param = value
        case int() if -(2**63) <= value < 2**63:
            parameter.int64_param = value
        case int():
            parameter.uint64_param = value
        case float():
            parameter.double_param = value
        case _:
            parameter.string_param = str(value)
