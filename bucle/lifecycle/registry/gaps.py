"""Ask a model where it copes with a missing value; afterwards a gap is served or refused.

A model that was never shown a gap may still take one (trees do) or fail on it (most do), so it
is asked, column by column.
"""

import msgspec
import numpy as np
import pyarrow as pa

from bucle.lifecycle.registry.columns import Array, Columns, columns_of
from bucle.lifecycle.registry.compare import difference
from bucle.lifecycle.registry.draft import EXAMPLE_ROWS, Ask
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import FLOAT, INTEGER, Field, Manifest


def nullable(ask: Ask, example: pa.Table, inputs: tuple[Field, ...]) -> tuple[Field, ...]:
    """Mark the inputs where the model itself answers without a value."""
    opened = tuple(msgspec.structs.replace(field, nullable=True) for field in inputs)
    columns = columns_of(example.slice(0, EXAMPLE_ROWS), opened)
    return tuple(
        msgspec.structs.replace(field, nullable=_copes(ask, columns, field)) for field in inputs
    )


def agreed(ask: Ask, runner: Runner, manifest: Manifest, columns: Columns) -> Manifest:
    """Keep an input nullable only where the package answers a gap as the model does."""
    signature = manifest.signature
    inputs = tuple(
        msgspec.structs.replace(
            field, nullable=field.nullable and _same(ask, runner, columns, field)
        )
        for field in signature.inputs
    )
    changed = msgspec.structs.replace(signature, inputs=inputs)
    return msgspec.structs.replace(manifest, signature=changed)


def _copes(ask: Ask, columns: Columns, field: Field) -> bool:
    if field.type not in {FLOAT, INTEGER}:
        return any(value is None for value in columns[field.name])
    try:
        answers = ask(_with_gap(columns, field))
    except (ValueError, TypeError, IndexError, KeyError):
        return False
    return all(not _has_nan(column) for column in answers.values())


def _same(ask: Ask, runner: Runner, columns: Columns, field: Field) -> bool:
    if field.type not in {FLOAT, INTEGER}:
        return True  # its gaps, if any, were in the rows that were compared
    gap = _with_gap(columns, field)
    return not difference(ask(gap), runner.run(gap))


def _with_gap(columns: Columns, field: Field) -> dict[str, Array]:
    return {**columns, field.name: np.full(len(columns[field.name]), np.nan)}


def _has_nan(column: Array) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).any())
