"""The shapes of MLflow's `/invocations`, so that its users change an address.

`dataframe_split`, `dataframe_records`, `instances` (rows) and `inputs` (columns, or rows), with
`params` beside them; a matrix stands for all columns, in the model's order.  What the shapes are
was read off `mlflow models serve` of MLflow 3.17, which the tests compare with.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer, Call, Column, listed
from bucle.interfaces.predict.forms.records import (
    ROUTING_KEY,
    checked_columns,
    columns_of_rows,
    malformed,
)
from bucle.lifecycle.registry import Field

PARAMS, OUTPUTS = "params", "outputs"
SHAPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
_HINT = 'send {"dataframe_split": {"columns": ["column"], "data": [[value]]}}'
_ENCODER = msgspec.json.Encoder()


class Invocation(NamedTuple):
    """What was asked, and what was said beside it."""

    call: Call
    wanted: tuple[str, ...]  # outputs; (): the prediction alone
    ignored: tuple[str, ...]  # names of parameters that mean nothing here


def decode_invocation(body: bytes, fields: Sequence[Field]) -> Invocation:
    """Read one of MLflow's shapes.

    Raises:
        Invalid: not JSON (with the position), none or several of the shapes, or a shape that
            holds no table; what is wrong in it is named.
    """
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error, body, _HINT) from error
    if not isinstance(sent, dict):
        raise Invalid("the request is no object", hint=_HINT)
    named = [shape for shape in SHAPES if shape in sent]
    if len(named) != 1:
        told = f"both {named[0]!r} and {named[1]!r}" if named else f"none of {', '.join(SHAPES)}"
        raise Invalid(f"the request has {told}; it should have one of them", hint=_HINT)
    (shape,) = named
    if strange := sorted(set(sent) - {shape, PARAMS}):
        raise Invalid(f"{strange[0]!r} stands beside {shape!r}", hint=f'"{PARAMS}" may: {{}}')
    columns = _READ[shape](sent[shape], shape, [field.name for field in fields])
    found, count = checked_columns(columns)
    _refuse_nested(found)
    return _with_params(Call(columns=found, count=count), sent.get(PARAMS))


def encode_predictions(answer: Answer, wanted: Sequence[str] = ()) -> bytes:
    """Write `{"predictions": [...]}`: the prediction of each row, or a record where asked.

    Raises:
        Invalid: an output was asked for that the model does not give.
    """
    outputs = {name: listed(values) for name, values in answer.outputs.items()}
    for name in wanted:
        if name not in outputs:
            raise Invalid(
                f"the model gives no output {name!r}",
                hint=f'"params": {{"{OUTPUTS}": ["{next(iter(outputs), "prediction")}"]}}',
            )
    names = tuple(wanted) or (("prediction",) if "prediction" in outputs else tuple(outputs))
    if len(names) == 1 and not wanted:
        return _ENCODER.encode({"predictions": outputs[names[0]]})
    rows = zip(*(outputs[name] for name in names), strict=True)
    return _ENCODER.encode({"predictions": [dict(zip(names, row, strict=True)) for row in rows]})


def _with_params(call: Call, params: object) -> Invocation:
    if params is None:
        return Invocation(call, (), ())
    if not isinstance(params, dict):
        raise Invalid(f"{PARAMS!r} is {params!r:.60} and no object", hint=f'"{PARAMS}": {{}}')
    key, wanted = params.get(ROUTING_KEY, ""), params.get(OUTPUTS, [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(key, str):
        raise Invalid(f"the parameter {ROUTING_KEY!r} is {key!r:.60} and no text")
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise Invalid(
            f"the parameter {OUTPUTS!r} is {wanted!r:.60}",
            hint=f'"{PARAMS}": {{"{OUTPUTS}": ["prediction"]}}',
        )
    ignored = tuple(sorted(set(params) - {ROUTING_KEY, OUTPUTS}))
    return Invocation(msgspec.structs.replace(call, routing_key=key), tuple(wanted), ignored)


def _split(sent: object, shape: str, known: Sequence[str]) -> dict[str, Column]:
    names = sent.get("columns") if isinstance(sent, dict) else None
    rows = sent.get("data") if isinstance(sent, dict) else None
    if names is None and isinstance(rows, list):  # pandas without names: the model's order
        names = list(known)
    if not isinstance(rows, list) or not isinstance(names, list):
        raise Invalid(f"{shape!r} has no lists 'columns' and 'data'", hint=_HINT)
    for name in names:
        if not isinstance(name, str):
            raise Invalid(f"the column {name!r:.60} of {shape!r} is not named by a text")
        if names.count(name) > 1:
            raise Invalid(f"two columns of {shape!r} are named {name!r}", hint="leave one out")
    return _columns(rows, names, shape)


def _records(sent: object, shape: str, known: Sequence[str]) -> dict[str, Column]:
    """Read rows: objects, lists in the model's order, or values of a model of one column."""
    if not isinstance(sent, list):
        raise Invalid(f"{shape!r} is {sent!r:.60} and no list of rows", hint=_HINT)
    if not sent:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    if isinstance(sent[0], dict):
        for place, row in enumerate(sent):
            if not isinstance(row, dict):
                raise Invalid(f"row {place} of {shape!r} is {row!r:.60} and no object")
        # A frame made of records has a gap where a record lacks a name that others have.
        names = list(dict.fromkeys(name for row in sent for name in row))
        if shape == "dataframe_records":
            return columns_of_rows([{name: row.get(name) for name in names} for row in sent])
        return columns_of_rows(sent)
    if isinstance(sent[0], list):
        return _columns(sent, list(known), shape)
    if len(known) != 1:
        raise Invalid(
            f"row 0 of {shape!r} is {sent[0]!r:.60}, and the model takes {len(known)} columns",
            hint=f"send an object or a list per row, of {', '.join(known)}",
        )
    return {known[0]: sent}


def _inputs(sent: object, shape: str, known: Sequence[str]) -> dict[str, Column]:
    """Read columns by name; rows are taken too."""
    if not isinstance(sent, dict):
        return _records(sent, shape, known)
    is_row = sent and not any(isinstance(value, list) for value in sent.values())
    if is_row:
        return {name: [value] for name, value in sent.items()}
    for name, values in sent.items():
        if not isinstance(values, list):
            raise Invalid(f"the column {name!r} is {values!r:.60}, and others are lists")
    return {name: [_alone(value) for value in values] for name, values in sent.items()}


def _columns(rows: Sequence[object], names: Sequence[str], shape: str) -> dict[str, Column]:
    """Return a matrix as columns."""
    if not rows:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    checked: list[list[Any]] = []
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            has = f"{len(row)} values" if isinstance(row, list) else f"{row!r:.60}"
            raise Invalid(
                f"row {place} of {shape!r} has {has}, and there are {len(names)} columns",
                hint=f"send one value for each of {', '.join(names)}",
            )
        checked.append(row)
    return dict(zip(names, map(list, zip(*checked, strict=True)), strict=True))


def _alone(value: object) -> object:
    """Return the value of a tensor's row of one: columns may come as n x 1."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _refuse_nested(columns: Mapping[str, Column]) -> None:
    for name, values in columns.items():
        for place, value in enumerate(values):
            if isinstance(value, list | dict):
                raise Invalid(
                    f"row {place} holds {value!r:.60} at {name!r}", hint="send one value there"
                )


_READ = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _records,
    "inputs": _inputs,
}
