"""A package in the making: what is asked for, the weights, and how the model itself answers."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import pyarrow as pa

from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.records import BOOLEAN, FLOAT, INTEGER, MATRIX, TEXT, Field, Manifest

EXAMPLE_ROWS = 100

Ask: TypeAlias = Callable[[Columns], dict[str, Array]]  # the model itself, on checked columns


class Packaging(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is made of besides the model."""

    example: pa.Table  # some rows of input, as the model will get them; at most 100 are kept
    target: str = ""  # "": the model has no target column
    task: str = ""  # "": asked of the model
    reference: pa.Table | None = None  # None: no profile of the training rows is kept
    check: pa.Table | None = None  # None: only the example decides whether ONNX is equal
    allow_pickle: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest without its files, and the weights."""

    manifest: Manifest
    weights: bytes
    packages: tuple[str, ...]
    ask: Ask
    note: str = ""


def outputs_of(answers: dict[str, Array]) -> tuple[Field, ...]:
    """Return the fields of a model's answers."""
    return tuple(
        Field(name=name, type=MATRIX if column.ndim > 1 else _type(column))
        for name, column in answers.items()
    )


def _type(column: Array) -> str:
    return {"f": FLOAT, "i": INTEGER, "b": BOOLEAN}.get(column.dtype.kind, TEXT)
