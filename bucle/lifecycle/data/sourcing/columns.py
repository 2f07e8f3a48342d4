"""Rows as a driver gives them, as columns: exactly in the types that the database says.

A value is never changed to make it fit.  Where the database says no type, the first rows' values
decide, and a later value that is of another type is refused with its row.
"""

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid

Row = Sequence[Any]
_EXACT_DIGITS = 15  # that every fraction of base two has
_LAST_PLACES = 4  # units in which a sum or product of decimals may be off
_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def schema_of(
    kinds: dict[str, pa.DataType | None], first: Sequence[Row], known: pa.Schema | None
) -> pa.Schema:
    """Return the types of columns: the database's, the dataset's, or those of the first values.

    Raises:
        Invalid: the first values of a column are of several types.
    """
    fields = []
    for place, (name, kind) in enumerate(kinds.items()):
        if kind is None and known is not None and name in known.names:
            kind = known.field(name).type  # noqa: PLW2901 - found by looking further
        fields.append(pa.field(name, kind if kind is not None else _inferred(name, place, first)))
    return pa.schema(fields)


def batch_of(
    rows: Sequence[Row], schema: pa.Schema, *, name: str, before: int
) -> pa.RecordBatch:  # fmt: skip
    """Return rows as columns of a schema; `before` counts the rows that came before them.

    Raises:
        Invalid: a value is not of its column's type, named with its row.
    """
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [
        _array(values, field, name, before) for values, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _inferred(name: str, place: int, first: Sequence[Row]) -> pa.DataType:
    values = [row[place] for row in first]
    try:
        kind = pa.array(values).type
    except _REFUSED as error:
        found = sorted({type(value).__name__ for value in values if value is not None})
        raise Invalid(
            f"the column {name!r} holds values of several types: {', '.join(found)}",
            hint=f"say which it has: CAST({name} AS text), or name a table instead of a query",
        ) from error
    return pa.string() if pa.types.is_null(kind) else kind


def _array(values: Sequence[Any], field: pa.Field, name: str, before: int) -> pa.Array:
    for make_all in (pa.array, _of_texts, _of_fractions, _of_each):
        try:
            return make_all(values, field.type)
        except (ValueError, TypeError, ArithmeticError, *_REFUSED):
            continue
    place, value = next(
        (place, value) for place, value in enumerate(values) if not _is_of(value, field.type)
    )
    raise Invalid(
        f"column {field.name!r} of {name}: row {before + place + 1} holds {value!r}, which is not "
        f"{field.type}",
        hint="correct the row, or CAST the column in a query",
    )


def _of_texts(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Read moments and days that are all kept as text, as SQLite keeps them."""
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise TypeError(kind)
    return pa.array(values, pa.string()).cast(kind)


def _of_fractions(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Read decimals that are all kept as fractions of base two, as SQLite keeps them."""
    if not pa.types.is_decimal(kind) or kind.precision > _EXACT_DIGITS:
        raise TypeError(kind)
    found = pa.array(values, pa.float64())
    given = found.fill_null(0.0).to_numpy()
    near = np.round(given, kind.scale)
    if not (np.abs(near - given) <= _LAST_PLACES * np.spacing(np.abs(given))).all():
        raise ValueError(kind)
    return pc.if_else(found.is_valid(), pa.array(near), None).cast(kind)


def _of_each(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    make = _maker(kind)
    return pa.array([None if value is None else make(value) for value in values], kind)


def _is_of(value: object, kind: pa.DataType) -> bool:
    try:
        _of_each([value], kind)
    except (ValueError, TypeError, ArithmeticError, *_REFUSED):
        return False
    return True


def _maker(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return what makes a driver's value one of a type; it raises where that is none."""
    kinds = pa.types
    makers: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]]] = (
        (kinds.is_boolean, _truth),
        (kinds.is_integer, _whole),
        (kinds.is_floating, _fraction),
        (kinds.is_decimal, partial(_decimal, scale=getattr(kind, "scale", 0))),
        (kinds.is_timestamp, _moment),
        (kinds.is_date, _day),
        (kinds.is_time, lambda value: time.fromisoformat(value) if _is_text(value) else value),
        (kinds.is_binary, lambda value: value.encode() if _is_text(value) else bytes(value)),
        (kinds.is_string, _text),
    )
    if kinds.is_list(kind):
        inner = _maker(kind.value_type)
        return lambda value: [None if one is None else inner(one) for one in value]
    return next((maker for fits, maker in makers if fits(kind)), lambda value: value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _truth(value: object) -> bool:
    if value in (0, 1):  # as SQLite and MySQL keep them
        return bool(value)
    raise ValueError(value)


def _whole(value: Any) -> int:  # noqa: ANN401 - any value of a driver
    if isinstance(value, bool) or _is_text(value) or int(value) != value:
        raise ValueError(value)
    return int(value)


def _fraction(value: Any) -> float:  # noqa: ANN401 - any value of a driver
    if isinstance(value, Decimal | int | float):
        return float(value)
    raise TypeError(value)


def _decimal(value: Any, scale: int) -> Decimal:  # noqa: ANN401 - any value of a driver
    """Read a number as it is written; a fraction of base two is the decimal that it stands for.

    SQLite keeps decimals so: what it computed may be a few units of the last place away.
    """
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(value) from error
    if not found.is_finite():
        raise ValueError(value)
    if isinstance(value, float):
        near = found.quantize(Decimal(1).scaleb(-scale))
        if abs(float(near) - value) <= _LAST_PLACES * math.ulp(value):
            return near
    return found


def _moment(value: object) -> datetime:
    """Read a moment; SQLite keeps text, and a day for midnight."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, date):
        raise TypeError(value)
    if not isinstance(found, datetime):
        return datetime(found.year, found.month, found.day)  # noqa: DTZ001 - the column has no zone
    return found.astimezone(UTC) if found.tzinfo else found


def _day(value: object) -> date:
    found = date.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(found, datetime) or not isinstance(found, date):
        raise TypeError(value)
    return found


def _text(value: object) -> str:
    """Write what has no type of its own as text: UUIDs, addresses, JSON; never a plain number."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, int | float | Decimal | bytes):
        raise TypeError(value)
    return str(value)
