"""Values as columns of the prediction log: in the types of the model's signature where they fit."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from bucle.base.codec import utc

TYPES = {
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list<float64>": pa.list_(pa.float64()),
}
UNTYPABLE = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def typed(values: list[Any], type_: str | None) -> pa.Array:
    """Return a column in its signature's type; one without a type in whatever fits, or as text."""
    if type_ == "timestamp":
        values = [_moment(value) for value in values]
    for wanted in (TYPES.get(type_ or ""), None):
        try:
            return pa.array(values, wanted)
        except UNTYPABLE:
            continue
    return pa.array([None if value is None else str(value) for value in values])


def _moment(value: object) -> object:
    """Read a time that came as text; what is none stays as it is, and makes the column text."""
    try:
        return utc(datetime.fromisoformat(value)) if isinstance(value, str) else value
    except ValueError:
        return value
