"""Columns by name: how a model's inputs come in, checked against its signature.

A wrong column is refused here with its name, because the model would fail with the name of a
tensor, or, worse, answer.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.records import BOOLEAN, FLOAT, INTEGER, MOMENT, TEXT, Field

if TYPE_CHECKING:
    import pyarrow as pa  # imported where a table comes in: a model server may never see one

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Columns: TypeAlias = Mapping[str, Array]
RawColumns: TypeAlias = Mapping[str, Array | Sequence[object]]

_BEYOND = 2.0**63
_KINDS = {"f": FLOAT, "i": INTEGER, "u": INTEGER, "b": BOOLEAN, "U": TEXT, "M": MOMENT}


def field_of(column: "pa.Field") -> Field:
    """Return the field of a model for an Arrow column.

    Raises:
        Invalid: no model takes such a type.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (
        (pa.types.is_floating, FLOAT),
        (pa.types.is_decimal, FLOAT),
        (pa.types.is_integer, INTEGER),
        (pa.types.is_boolean, BOOLEAN),
        (pa.types.is_string, TEXT),
        (pa.types.is_large_string, TEXT),
        (pa.types.is_string_view, TEXT),
        (pa.types.is_timestamp, MOMENT),
        (pa.types.is_date, MOMENT),
    )
    for is_one, name in tests:
        if is_one(kind):
            return Field(name=column.name, type=name)
    raise Invalid(
        f"column {column.name!r} is {column.type}, which no model takes",
        hint="numbers, booleans, text and times are taken; leave the column out or convert it",
    )


def columns_of(table: "pa.Table", fields: Sequence[Field]) -> dict[str, Array]:
    """Take the columns of a model out of a table, in the types of its signature.

    Raises:
        Invalid: a column is missing, or of another type.
    """
    have = set(table.column_names)
    if missing := [field.name for field in fields if field.name not in have]:
        raise Invalid(
            f"the table lacks the column {missing[0]!r}, which the model takes",
            hint=f"it has {', '.join(table.column_names)}",
        )
    taken = {field.name: _array(table.column(field.name)) for field in fields}
    return check_columns(taken, fields)


def check_columns(columns: RawColumns, fields: Sequence[Field]) -> dict[str, Array]:
    """Return the columns in the signature's order and types, all of one length.

    Raises:
        Invalid: a column is missing, unknown, of a wrong type, of another length, or holds
            nulls that the model does not cope with; the message names it.
    """
    known = [field.name for field in fields]
    if missing := [name for name in known if name not in columns]:
        raise Invalid(
            f"the column {missing[0]!r} is missing", hint=f"the model takes {', '.join(known)}"
        )
    if unknown := sorted(set(columns) - set(known)):
        raise Invalid(
            f"the model does not know the column {unknown[0]!r}",
            hint=f"it takes {', '.join(known)}",
        )
    checked = {field.name: _checked(columns[field.name], field) for field in fields}
    lengths = {len(column) for column in checked.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name}: {len(column)}" for name, column in checked.items())
        raise Invalid("the columns have different numbers of rows", hint=told)
    if lengths == {0}:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    return checked


def _checked(values: Array | Sequence[object], field: Field) -> Array:
    column = values if isinstance(values, np.ndarray) else _listed(values, field)
    if column.ndim != 1:
        raise Invalid(f"the column {field.name!r} has {column.ndim} dimensions; one is allowed")
    converted = _CONVERT[field.type](column, field)
    if not field.nullable and (nulls := int(np.count_nonzero(_is_null(converted)))):
        raise Invalid(
            f"the column {field.name!r} has no value in {nulls} of {len(converted)} rows, and "
            "the model does not cope with missing values there",
            hint="fill it in, or train the model with an imputer",
        )
    return converted


def _listed(values: Sequence[object], field: Field) -> Array:
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise Invalid(f"the column {field.name!r} is no list", hint="send one value per row")
    try:
        column = np.asarray(values)
    except ValueError as error:
        raise Invalid(f"the column {field.name!r} is no list of plain values") from error
    if column.dtype.kind in "US" and not all(isinstance(value, str) for value in values):
        return np.asarray(values, dtype=object)  # numpy makes text of [1, "a"]
    if column.dtype.kind in "if" and any(isinstance(value, bool) for value in values):
        return np.asarray(values, dtype=object)  # and a number of [1.5, True]
    return column


def _is_null(column: Array) -> Array:
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind == "M":
        return np.isnat(column)
    if column.dtype.kind == "O":
        return np.fromiter((value is None for value in column), bool, len(column))
    return np.zeros(len(column), bool)


def _floats(column: Array, field: Field) -> Array:
    if column.dtype.kind == "O":
        _each(column, field, (int, float, np.integer, np.floating))
    elif column.dtype.kind not in "fiu" and column.size:
        raise _wrong(field, _KINDS.get(column.dtype.kind, str(column.dtype)))
    converted: Array = column.astype(np.float64, copy=False)
    if np.isinf(converted).any():
        raise Invalid(f"the column {field.name!r} holds an infinite value")
    return converted


def _integers(column: Array, field: Field) -> Array:
    """Whole numbers; as floats where some are missing, because integers have no null."""
    if column.dtype.kind in "iu":
        if column.dtype == np.uint64 and column.size and column.max() >= _BEYOND:
            raise _beyond(field)
        return column.astype(np.int64, copy=False)
    numbers = _floats(column, field)
    present = numbers[~np.isnan(numbers)]
    if (present != np.floor(present)).any():
        raise _wrong(field, FLOAT)
    if (np.abs(present) >= _BEYOND).any():
        raise _beyond(field)
    return numbers if len(present) < len(numbers) else numbers.astype(np.int64)


def _beyond(field: Field) -> Invalid:
    return Invalid(
        f"the column {field.name!r} holds a whole number that 64 bits do not hold",
        hint="send numbers from -2**63 to 2**63 - 1",
    )


def _booleans(column: Array, field: Field) -> Array:
    if column.dtype.kind == "O":
        _each(column, field, (bool, np.bool_))
        return column if _is_null(column).any() else column.astype(bool)
    if column.dtype.kind != "b" and column.size:
        raise _wrong(field, _KINDS.get(column.dtype.kind, str(column.dtype)))
    return column.astype(bool, copy=False)


def _texts(column: Array, field: Field) -> Array:
    if column.dtype.kind == "O":
        _each(column, field, (str,))
    elif column.dtype.kind not in "UT" and column.size:
        raise _wrong(field, _KINDS.get(column.dtype.kind, str(column.dtype)))
    return column.astype(object)


def _moments(column: Array, field: Field) -> Array:
    try:
        return column.astype("datetime64[us]")
    except (ValueError, TypeError) as error:
        raise _wrong(field, str(column.dtype)) from error


def _each(column: Array, field: Field, kinds: tuple[type, ...]) -> None:
    """Refuse the first value that is neither null nor of these kinds."""
    takes_bool = bool in kinds
    for value in column:
        is_one = isinstance(value, kinds) and (takes_bool or not isinstance(value, bool))
        if value is None or is_one:
            continue
        if isinstance(value, float) and np.isnan(value):
            raise Invalid(f"the column {field.name!r} holds NaN", hint="send null instead")
        raise Invalid(
            f"the column {field.name!r} takes {field.type}, not {value!r}",
            hint=f"every value of it is {field.type}",
        )


def _wrong(field: Field, found: str) -> Invalid:
    return Invalid(
        f"the column {field.name!r} takes {field.type}, not {found}",
        hint=f"convert it to {field.type} before calling",
    )


_CONVERT = {FLOAT: _floats, INTEGER: _integers, BOOLEAN: _booleans, TEXT: _texts, MOMENT: _moments}


def _array(column: "pa.ChunkedArray") -> Array:
    """Return an Arrow column as numpy: NaN and None are its nulls."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    array: Array = column.to_numpy()
    if array.dtype.kind == "O" and pa.types.is_boolean(column.type):
        return np.asarray(column.to_pylist(), dtype=object)
    return array
