"""The columns of a version: those of its head, of what is brought, and of both."""

from collections.abc import Sequence

import pyarrow as pa

from bucle.governance.session import Session
from bucle.lifecycle.data.conform import evolved_schema, first_schema, require_columns
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.read import file_paths
from bucle.lifecycle.data.records import Column, DataFile, DatasetVersion
from bucle.lifecycle.data.sources import Source


def known_schema(session: Session, head: DatasetVersion) -> pa.Schema:
    """Return the columns of a version: its record says plain types, its files all others."""
    plain = [_plain_type(column.type) for column in head.columns]
    if None not in plain:
        return pa.schema(list(zip(head.column_names, plain, strict=True)))
    whole = schema_of(file_paths(session.drivers, head.files[-1:]))
    if {field.name: str(field.type) for field in whole} != {
        column.name: column.type for column in head.columns
    }:
        whole = schema_of(file_paths(session.drivers, head.files))
    return pa.schema([whole.field(name) for name in head.column_names])


def _plain_type(said: str) -> pa.DataType | None:
    """Return the type that Arrow calls so; None: it is nested, or says more than its name."""
    if said == "timestamp[us, tz=UTC]":
        return pa.timestamp("us", "UTC")
    try:
        found = pa.type_for_alias(said)
    except ValueError:
        return None
    return found if str(found) == said else None


def schema_for(
    sources: Sequence[Source], known: pa.Schema | None, *, evolve: bool, retype: bool
) -> pa.Schema:
    """Return the columns that rows of sources are to have: of what is known, or their own.

    Raises:
        Invalid: a column is missing, or of another type, and may not be.
    """
    if known is None:
        return first_schema(sources)
    for source in sources:
        require_columns(source, known, evolve=evolve)
    if retype:
        return first_schema(sources)
    return evolved_schema(sources, known) if evolve else known


def joined(known: pa.Schema, schema: pa.Schema) -> pa.Schema:
    """Return the columns of a version that keeps old files: all that were, then the new."""
    return pa.schema([*known, *(field for field in schema if field.name not in known.names)])


def columns_of(schema: pa.Schema, files: Sequence[DataFile]) -> tuple[Column, ...]:
    """Return the columns; one is nullable if a row lacks it, or nobody counted."""
    whole = [{each.name for each in file.stats if not each.nulls} for file in files]
    full = set.intersection(*whole) if whole else set()
    return tuple(
        Column(name=field.name, type=str(field.type), nullable=field.name not in full)
        for field in schema
    )
