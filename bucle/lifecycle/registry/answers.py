"""A model's answers as a table, so that they can be kept in a package and compared later."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import Array
from bucle.lifecycle.registry.records import MATRIX, Field


def answers_table(answers: Mapping[str, Array]) -> pa.Table:
    """Return answers as Arrow: a list per row where the model gives several numbers.

    Raises:
        Invalid: an output mixes types, so that no reader could tell what it holds.
    """
    return pa.table({name: _column(name, values) for name, values in answers.items()})


def answers_of(table: pa.Table, outputs: tuple[Field, ...]) -> dict[str, Array]:
    """Return the answers of a table, in the types in which the model gave them."""
    matrices = {field.name for field in outputs if field.type == MATRIX}
    return {
        name: np.array(table.column(name).to_pylist())
        if name in matrices
        else table.column(name).to_numpy()
        for name in table.column_names
    }


def _column(name: str, values: Array) -> pa.Array:
    try:
        return pa.array(values if values.ndim == 1 else values.tolist())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise Invalid(
            f"the model's output {name!r} is of no one type: {str(error)[:200]}",
            hint="return one array of numbers, booleans or text per output",
        ) from error
