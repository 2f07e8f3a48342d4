"""Tensors as columns: shapes checked, one tensor per column or one matrix of all of them."""

from collections.abc import Sequence
from math import prod
from typing import Protocol

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec.calls import Column
from bucle.interfaces.predict.codec.datatypes import BYTES, MANY_ROWS, PLAIN, array_of, fit
from bucle.lifecycle.registry import Field

_PLANE = 2  # dimensions of a matrix
_UINT64_MOST = 2**64 - 1


class Tensor(Protocol):
    """One input of a request."""

    @property
    def name(self) -> str:
        """Of the column, or of the matrix."""
        ...

    @property
    def shape(self) -> list[int]:
        """Of no negative number."""
        ...

    @property
    def datatype(self) -> str:
        """One of the protocol's."""
        ...

    @property
    def data(self) -> Column:
        """Flat, in row-major order, of the datatype."""
        ...


def columns_of(tensors: Sequence[Tensor], fields: Sequence[Field]) -> tuple[dict[str, Column], int]:
    """Return the columns of tensors, and their number of rows.

    Columns that the model does not take stay as they came: keys of features may be among them.

    Raises:
        Invalid: no rows, shapes that do not fit, or values that the model's types do not hold.
    """
    if not tensors:
        raise Invalid("there are no inputs", hint="send one tensor per column of the model")
    first = tensors[0]
    if len(tensors) == 1 and len(first.shape) == _PLANE and _is_matrix(first, fields):
        return _of_matrix(first, fields)
    columns: dict[str, Column] = {}
    for place, tensor in enumerate(tensors):
        name, values = tensor.name, _column(tensor)
        if name in columns:
            raise Invalid(f"the input {name!r} was sent twice", hint="send every column once")
        field = _field(fields, name, place)
        columns[name] = values if field is None else _fitted(values, tensor.datatype, field)
    count = len(columns[first.name])
    for column in columns.values():
        if len(column) != count:
            told = ", ".join(f"{name}: {len(column)}" for name, column in columns.items())
            raise Invalid("the inputs have different numbers of rows", hint=told)
    if not count:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    return columns, count


def _field(fields: Sequence[Field], name: str, place: int) -> Field | None:
    """Return the field of that name; most callers send them in the model's order."""
    if place < len(fields) and fields[place].name == name:
        return fields[place]
    return next((field for field in fields if field.name == name), None)


def _fitted(values: Column, datatype: str, field: Field) -> Column:
    if len(values) < MANY_ROWS and _is_list(values) and (field.type, datatype) in PLAIN:
        return values
    return fit(values, datatype, field)


def _is_list(values: Column) -> bool:
    return type(values) is list


def _column(tensor: Tensor) -> Column:
    values, shape = tensor.data, tensor.shape
    count = len(values)
    # Shape [n], or [n, 1] as several clients send columns.
    if not (shape == [count] or shape == [count, 1]):  # noqa: PLR1714 - a tuple would be made
        check_count(tensor.name, shape, count)
        raise Invalid(
            f"the input {tensor.name!r} has shape {shape}, which is no column",
            hint=f"a column has shape [n] or [n, 1], here [{count}]",
        )
    if tensor.datatype == "UINT64" and _is_list(values):
        _check_unsigned(tensor.name, values)
    return values


def _check_unsigned(name: str, values: Column) -> None:
    """Refuse what 64 bits do not hold: the decoder's own bounds end at 63."""
    for value in values:
        if value is not None and value > _UINT64_MOST:
            raise Invalid(f"the input {name!r} holds {value}, which is no UINT64")


def check_count(name: str, shape: Sequence[int], count: int) -> None:
    """Refuse a tensor whose shape says another number of values than came.

    Raises:
        Invalid: it does.
    """
    if prod(shape) != count:
        raise Invalid(
            f"the input {name!r} has shape {list(shape)} and {count} values",
            hint="send as many values as the shape says",
        )


def _is_matrix(tensor: Tensor, fields: Sequence[Field]) -> bool:
    """One column is a matrix where the model takes one; elsewhere it may be a feature's key."""
    return tensor.shape[1] != 1 or len(fields) == 1


def _of_matrix(tensor: Tensor, fields: Sequence[Field]) -> tuple[dict[str, Column], int]:
    """Return the columns of one matrix that stands for all of them, in the model's order."""
    values, datatype = tensor.data, tensor.datatype
    count, width = tensor.shape
    check_count(tensor.name, tensor.shape, len(values))
    if width != len(fields):
        known = ", ".join(field.name for field in fields)
        raise Invalid(
            f"the input {tensor.name!r} has shape {tensor.shape}, and the model takes "
            f"{len(fields)} columns",
            hint=f"send {len(fields)} values per row, or one tensor per column: {known}",
        )
    if not count:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    if datatype == "UINT64" and _is_list(values):
        _check_unsigned(tensor.name, values)
    if isinstance(values, list) and count >= MANY_ROWS and datatype != BYTES:
        values = array_of(values, datatype)
    if isinstance(values, list):  # a few, or texts, or some are missing
        if count < MANY_ROWS and all((field.type, datatype) in PLAIN for field in fields):
            return {field.name: values[place::width] for place, field in enumerate(fields)}, count
        return {
            field.name: fit(values[place::width], datatype, field)
            for place, field in enumerate(fields)
        }, count
    plane = values.reshape(count, width).T
    return {
        field.name: fit(plane[place], datatype, field) for place, field in enumerate(fields)
    }, count
