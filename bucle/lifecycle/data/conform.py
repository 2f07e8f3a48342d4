"""Bring every table to the house's types, and to the columns that the dataset has.

Types are normalised so that the same rows give the same bytes, whichever program wrote them:
dictionaries are decoded, times are microseconds in UTC, text is `string`.  A value is never
changed to make it fit: what can not be cast without loss (a single nanosecond too) is refused.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.lifecycle.data.delimited import Types, first_bad_row
from bucle.lifecycle.data.sources import Source


def house_type(type_: pa.DataType) -> pa.DataType:
    """Return the type that the house stores such values in."""
    kinds = pa.types
    if kinds.is_dictionary(type_) or kinds.is_run_end_encoded(type_):
        return house_type(type_.value_type)
    if kinds.is_timestamp(type_):
        return pa.timestamp("us", "UTC" if type_.tz else None)
    if kinds.is_large_list(type_):
        return pa.list_(house_type(type_.value_type))
    return _PLAINER.get(str(type_), type_)


# What the house writes instead of types that say the same in more ways than one.
_PLAINER: dict[str, pa.DataType] = {
    "null": pa.string(),
    "large_string": pa.string(),
    "string_view": pa.string(),
    "large_binary": pa.binary(),
    "binary_view": pa.binary(),
    "halffloat": pa.float32(),
    "date64[ms]": pa.date32(),
}


def house_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema in the house's types, without what other programs left in it."""
    return pa.schema([(field.name, house_type(field.type)) for field in schema])


def first_schema(sources: Sequence[Source]) -> pa.Schema:
    """Return the schema that several files of a first commit share.

    Raises:
        Invalid: a column has types in two files that nothing can hold together.
    """
    found = house_schema(sources[0].schema)
    for source in sources[1:]:
        other = house_schema(source.schema)
        require_columns(source, found, evolve=False)
        try:
            found = pa.unify_schemas([found, other], promote_options="permissive")
        except pa.ArrowTypeError as error:
            reason = str(error).partition("\n")[0]
            raise Invalid(f"{source.name} does not go with {sources[0].name}: {reason}") from error
    return found


def evolved_schema(sources: Sequence[Source], known: pa.Schema) -> pa.Schema:
    """Return the known columns that are still there in their order, then the new ones."""
    found = first_schema(sources[:1])
    for source in sources[1:]:
        found = pa.unify_schemas([found, house_schema(source.schema)], promote_options="permissive")
    kept = [known.field(name) for name in known.names if name in found.names]
    return pa.schema(kept + [field for field in found if field.name not in known.names])


def require_columns(source: Source, schema: pa.Schema, *, evolve: bool) -> None:
    """Refuse missing and extra columns, all of them in one message.

    Raises:
        Invalid: some are missing or extra, and `evolve` was not asked for.
    """
    missing = [name for name in schema.names if name not in source.schema.names]
    extra = [name for name in source.schema.names if name not in schema.names]
    if (missing or extra) and not evolve:
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"has more than the dataset: {_listed(extra)}"] if extra else []
        raise Invalid(
            f"{source.name} {' and '.join(parts)}",
            hint="rename the columns, or commit with evolve to change the dataset's columns",
        )


def conformed(source: Source, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield a source's batches in exactly this schema; absent columns are null.

    Raises:
        Invalid: a value does not fit its column's type, named with its row.
    """
    row = 0
    for batch in source.batches():
        arrays = [
            _fitted(batch, field, source.name, row)
            if field.name in batch.schema.names
            else pa.nulls(batch.num_rows, field.type)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        row += batch.num_rows


def known_types(schema: pa.Schema | None) -> Types:
    """Return what a reader may take for granted of the columns."""
    return {} if schema is None else {field.name: field.type for field in schema}


def _fitted(batch: pa.RecordBatch, field: pa.Field, name: str, rows_before: int) -> pa.Array:
    values = batch.column(field.name)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if values.type == field.type:
        return values
    if not _may_become(values.type, field.type):
        raise Invalid(
            f"column {field.name!r} of {name} is {values.type}, and {field.type} in the dataset",
            hint="cast it; a change of type needs mode replace and evolve",
        )
    try:
        return values.cast(field.type)
    except pa.ArrowInvalid as error:
        row = first_bad_row(values, field.type) or 0
        raise Invalid(
            f"column {field.name!r} of {name}: row {rows_before + row + 1} holds "
            f"{values[row].as_py()!r}, which is not {field.type}",
            hint="correct the file; a change of type needs mode replace and evolve",
        ) from error


def _may_become(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether a cast keeps the meaning; whether it keeps each value, the cast itself says."""
    kinds = pa.types
    given = house_type(given) if not kinds.is_null(given) else given
    if kinds.is_null(given) or given == wanted:
        return True
    if kinds.is_floating(given) and kinds.is_floating(wanted):
        return bool(given.bit_width <= wanted.bit_width)
    numbers = (kinds.is_integer, kinds.is_floating, kinds.is_decimal)
    times = (kinds.is_timestamp, kinds.is_date)
    if any(kind(given) for kind in numbers):
        return any(kind(wanted) for kind in numbers)
    if any(kind(given) for kind in times):
        return bool(kinds.is_timestamp(wanted))
    return bool(kinds.is_nested(given) and kinds.is_nested(wanted))


def _listed(names: Sequence[str]) -> str:
    noun = "column" if len(names) == 1 else "columns"
    return f"{noun} " + ", ".join(repr(name) for name in names)
