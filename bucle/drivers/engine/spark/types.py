"""Bring Arrow's types to those that Spark has; what it has not is Invalid."""

import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid

_LONGEST_DECIMAL = 38
_SAME = (
    pa.types.is_boolean, pa.types.is_int8, pa.types.is_int16, pa.types.is_int32, pa.types.is_int64,
    pa.types.is_float32, pa.types.is_float64, pa.types.is_string, pa.types.is_binary,
    pa.types.is_date32, pa.types.is_time64, pa.types.is_null,
)  # fmt: skip
_WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
    pa.time32("s"): pa.time64("us"),
    pa.time32("ms"): pa.time64("us"),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
}


def spark_schema(name: str, schema: pa.Schema) -> pa.Schema:
    """Return a table's schema as Spark can hold it.

    Raises:
        Invalid: a column is of a type that it has not.
    """
    fields = []
    for field in schema:
        found = _spark_type(field.type)
        if found is None:
            raise Invalid(
                f"table {name!r}: {field.name!r} is {field.type}, which Spark has not",
                hint="cast it, or leave the column out",
            )
        fields.append(pa.field(field.name, found))
    return pa.schema(fields)


def spark_table(name: str, table: pa.Table) -> pa.Table:
    """Return a table as Spark can hold it; nanoseconds are rounded up: never early.

    Raises:
        Invalid: a column is of a type that it has not, or a value is too large for it.
    """
    schema = spark_schema(name, table.schema)
    columns = [_cast(column, field) for column, field in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def is_nanoseconds(type_: pa.DataType) -> bool:
    """Tell whether a time has digits that Spark has not."""
    return bool(pa.types.is_timestamp(type_)) and type_.unit == "ns"


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    try:
        if is_nanoseconds(column.type):
            column = pc.ceil_temporal(column, unit="microsecond")
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        is_cut = pa.types.is_duration(field.type)  # to microseconds, as every duration is
        return column.cast(field.type, safe=not is_cut)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Invalid(
            f"{field.name!r} is {column.type}, and Spark takes it as {field.type}: {error}",
            hint="cast it before",
        ) from error


def _spark_type(type_: pa.DataType) -> pa.DataType | None:  # noqa: PLR0911 - a table of cases
    """Return the type to cast to; None: there is none."""
    kinds = pa.types
    if any(is_same(type_) for is_same in _SAME):
        return type_
    if type_ in _WIDER:
        return _WIDER[type_]
    if kinds.is_timestamp(type_):
        return pa.timestamp("us", "UTC" if type_.tz else None)
    if kinds.is_duration(type_):
        return pa.duration("us")
    if kinds.is_fixed_size_binary(type_):
        return pa.binary()
    if kinds.is_decimal(type_):
        fits = type_.precision <= _LONGEST_DECIMAL and 0 <= type_.scale <= type_.precision
        return pa.decimal128(type_.precision, type_.scale) if fits else None
    if kinds.is_dictionary(type_):
        return _spark_type(type_.value_type)
    return _nested(type_)


def _nested(type_: pa.DataType) -> pa.DataType | None:
    kinds = pa.types
    if kinds.is_map(type_):
        key, item = _spark_type(type_.key_type), _spark_type(type_.item_type)
        return pa.map_(key, item) if key and item else None
    if kinds.is_struct(type_):
        fields = [(field.name, _spark_type(field.type)) for field in type_]
        return pa.struct(fields) if all(found for _, found in fields) else None
    is_list = (kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list)
    if any(is_one(type_) for is_one in is_list):
        item = _spark_type(type_.value_type)
        return pa.list_(item) if item else None
    return None
