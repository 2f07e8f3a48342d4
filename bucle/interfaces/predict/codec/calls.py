"""What was asked and what is answered, whatever language said it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Column: TypeAlias = list[Any] | Array
Scalar: TypeAlias = bool | int | float | str | None

NOTHING: Mapping[str, Any] = {}


class Call(msgspec.Struct):
    """What was asked: columns of equal length, in the caller's values.

    A column is a list where rows are few, or an array where they are many or came as bytes.
    """

    columns: dict[str, Column]
    count: int  # rows
    routing_key: str = ""  # "": a random variant answers
    id: str = ""  # the caller's own, repeated in the answer
    wanted: tuple[str, ...] = ()  # outputs asked for; (): all
    timeout_s: float = 0.0  # how long the caller waits; 0: it did not say
    binary: bool = False  # whether outputs go back as bytes
    binary_of: Mapping[str, bool] = NOTHING  # the same of single outputs; it goes before
    parameters: Mapping[str, Scalar] = NOTHING  # the caller's own, repeated in the answer


class Answer(msgspec.Struct):
    """What is said of the rows of a call."""

    deployment: str  # deployment:<name>@<revision>
    model: str  # model:<name>@<number>
    variant: str
    ids: list[str]
    outputs: Mapping[str, Column]


def listed(column: Column) -> list[Any]:
    """Return a column as plain values."""
    if isinstance(column, list):
        return column
    values: list[Any] = column.tolist()
    return values
