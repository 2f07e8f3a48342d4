"""The open protocol's datatypes, and how their values become those of a model's column.

A value becomes the model's own or is refused: nothing is rounded, wrapped round or guessed.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec.calls import Column
from bucle.lifecycle.registry import Field

BYTES, BOOL = "BYTES", "BOOL"

# The protocol's datatype of each type of a model's column.
DATATYPES = {
    "float64": "FP64",
    "int64": "INT64",
    "bool": BOOL,
    "string": BYTES,
    "timestamp": BYTES,  # ISO 8601 text
    "list<float64>": "FP64",
}
# How each datatype lies in the bytes of a request; BYTES has lengths of its own.
DTYPES: dict[str, np.dtype[Any]] = {
    BOOL: np.dtype("?"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
KNOWN = (*DTYPES, BYTES)
MANY_ROWS = 16  # from here on an array is quicker than a list, whatever comes after

_EXACT = 2**53  # every whole number up to here is a float64
_LEAST, _MOST = -(2**63), 2**63 - 1


class Misfit(Exception):  # noqa: N818 - it never leaves this package
    """A value that the model's type does not hold."""

    def __init__(self, value: object, place: int) -> None:
        super().__init__(value, place)
        self.value = value
        self.place = place


Fit: TypeAlias = Callable[[Column], Column]


def fit(values: Column, datatype: str, field: Field) -> Column:
    """Return values of a datatype as those of a model's column.

    Raises:
        Invalid: the column takes no such datatype, or not one of its values; both are named.
    """
    try:
        change = _FITS[field.type, datatype]
    except KeyError:
        raise Invalid(
            f"the input {field.name!r} takes {told_type(field)}, not {datatype}",
            hint=f"send {field.name!r} with datatype {DATATYPES.get(field.type, BYTES)}",
        ) from None
    if len(values) >= MANY_ROWS and isinstance(values, list) and datatype != BYTES:
        values = array_of(values, datatype)
    if change is None:
        return values
    try:
        return change(values)
    except Misfit as misfit:
        raise Invalid(
            f"the input {field.name!r} takes {told_type(field)}, which does not hold "
            f"{misfit.value!r:.40} exactly (value {misfit.place})",
            hint=f"send {field.name!r} with datatype {DATATYPES[field.type]}",
        ) from None


def told_type(field: Field) -> str:
    """Return what a column takes, in the protocol's words."""
    if field.type == "timestamp":
        return "BYTES (a time such as 2026-01-31T12:00:00Z)"
    return DATATYPES.get(field.type, BYTES)


def array_of(values: list[Any], datatype: str) -> Column:
    """Return a list that was checked against its datatype as an array, if nothing is missing."""
    try:
        # A text may give FP32 more digits than four bytes hold; they are not thrown away.
        return np.array(values, np.float64 if datatype[0] == "F" else DTYPES[datatype])
    except (TypeError, ValueError, OverflowError):  # None among whole numbers
        return values


def _same_size(values: Column) -> Column:
    return values if isinstance(values, list) else values.astype(np.float64, copy=False)


def _widened(values: Column) -> Column:
    return values if isinstance(values, list) else values.astype(np.int64, copy=False)


def _whole_as_float(values: Column) -> Column:
    """Whole numbers of 64 bits, as floats."""
    if isinstance(values, list):
        for place, value in enumerate(values):
            if value is not None and abs(value) > _EXACT and int(float(value)) != value:
                raise Misfit(value, place)
        return values
    floats = values.astype(np.float64)
    if values.size and np.abs(floats).max() >= _EXACT:
        _whole_as_float(values.tolist())
    return floats


def _float_as_whole(values: Column) -> Column:
    if isinstance(values, list):
        return [_whole(value, place) for place, value in enumerate(values)]
    with np.errstate(invalid="ignore"):
        present = values[~np.isnan(values)]
        if (np.floor(present) != present).any() or (np.abs(present) >= _MOST).any():
            _float_as_whole(values.astype(np.float64).tolist())
    if len(present) < len(values):  # missing values: the column's own check has its say
        return values.astype(np.float64, copy=False)
    return values.astype(np.int64)


def _whole(value: float | None, place: int) -> int | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN: a missing value
        return None
    if not float(value).is_integer() or not _LEAST <= value <= _MOST:
        raise Misfit(value, place)
    return int(value)


def _within_64(values: Column) -> Column:
    """Whole numbers without a sign, as those with one."""
    if isinstance(values, list):
        for place, value in enumerate(values):
            if value is not None and value > _MOST:
                raise Misfit(value, place)
        return values
    if values.size and values.max() > _MOST:
        _within_64(values.tolist())
    return values.astype(np.int64)


def _number_as_bool(values: Column) -> Column:
    found: list[bool | None] = []
    for place, value in enumerate(values if isinstance(values, list) else values.tolist()):
        if value is not None and value not in {0, 1}:
            raise Misfit(value, place)
        found.append(None if value is None else bool(value))
    return found


_SMALL_WHOLE = ("INT8", "INT16", "INT32", "UINT8", "UINT16", "UINT32")
_FLOATS = ("FP16", "FP32", "FP64")
# None: as it is.  Pairs that are not here are refused.
_FITS: dict[tuple[str, str], Fit | None] = {
    ("float64", "FP64"): None,
    ("float64", "FP32"): _same_size,
    ("float64", "FP16"): _same_size,
    **{("float64", name): _same_size for name in _SMALL_WHOLE},
    ("float64", "INT64"): _whole_as_float,
    ("float64", "UINT64"): _whole_as_float,
    ("int64", "INT64"): None,
    **{("int64", name): _widened for name in _SMALL_WHOLE},
    ("int64", "UINT64"): _within_64,
    **{("int64", name): _float_as_whole for name in _FLOATS},
    ("bool", BOOL): None,
    **{("bool", name): _number_as_bool for name in DTYPES if name != BOOL},
    ("string", BYTES): None,
    ("timestamp", BYTES): None,
}
# Pairs of which a list stays as it is.
PLAIN = frozenset(pair for pair, change in _FITS.items() if change in {None, _same_size, _widened})
