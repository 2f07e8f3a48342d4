"""Events as arrays: of the types that the view's state has, and without those of no use."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid
from bucle.lifecycle.features.online import key_bytes
from bucle.lifecycle.features.records import FeatureView
from bucle.lifecycle.features.stream.layout import Layout
from bucle.lifecycle.features.stream.sets import text_words
from bucle.lifecycle.features.stream.tiles import Bools, Words, is_fraction

_INSTANT = pa.timestamp("us", "UTC")


class Batch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events that have a key and a time, in the order in which they came."""

    places: Words  # of each among all that were given
    times: Words  # microseconds since 1970
    entities: Words  # of each its entity's place in `names`
    names: list[bytes]
    values: list[Words]  # of each aggregated column
    present: list[Bools]  # of each aggregated column: whether there is a value
    rows: pa.Table  # the events, for the columns whose latest value is a feature


def schema_of(view: FeatureView, types: pa.Schema) -> pa.Schema:
    """Return the columns of events that a view uses, typed as its dataset or first events are.

    Raises:
        Invalid: a column that the view uses is not there, or its time is no time.
    """
    used = [*view.entity.keys, view.time, *view.columns]
    used += [each.column for each in view.aggregations if each.column]
    fields = []
    for name in dict.fromkeys(used):
        if name not in types.names:
            raise Invalid(
                f"the feature view {view.name!r} uses {name!r}, which its events have not",
                hint=f"they have {', '.join(types.names)}",
            )
        type_ = _settled(types.field(name).type, is_time=name == view.time)
        if name == view.time and not (pa.types.is_timestamp(type_) or pa.types.is_date(type_)):
            raise Invalid(
                f"the time of {view.name!r}, {name!r}, is {type_} in its events",
                hint="an event's time is a timestamp, a date or ISO text with its zone",
            )
        fields.append(pa.field(name, type_))
    return pa.schema(fields)


def batch_of(layout: Layout, schema: pa.Schema, events: pa.Table, places: Words) -> Batch:
    """Return events as arrays; those without a key or a time are left out.

    A feature's column that none of them has is missing in each.

    Raises:
        Invalid: the key or the time is not among their columns, or a value is of another type.
    """
    rows = _conformed(layout, schema, events)
    there = _present(rows[layout.time])
    for name in layout.keys:
        there &= _present(rows[name])
    if not there.all():
        rows, places = rows.filter(pa.array(there)), places[there]
    entities, names = _entities(layout.keys, rows)
    columns = [rows[column.name] for column in layout.columns]
    kinds = [column.kind for column in layout.columns]
    return Batch(
        places=places,
        times=_times(rows[layout.time]),
        entities=entities,
        names=names,
        values=[
            text_words(column) if kind == "text" and place in layout.sets else _words(column, kind)
            for place, (column, kind) in enumerate(zip(columns, kinds, strict=True))
        ],
        present=[_present(column) for column in columns],
        rows=rows,
    )


def _settled(type_: pa.DataType, *, is_time: bool) -> pa.DataType:
    """Return the type that a column is kept in: what is only text in JSON, and what is nothing."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if is_time and (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        return _INSTANT
    return pa.float64() if pa.types.is_null(type_) else type_


def _conformed(layout: Layout, schema: pa.Schema, events: pa.Table) -> pa.Table:
    columns = []
    for field in schema:
        if field.name in events.column_names:
            columns.append(_cast(events[field.name], field))
        elif field.name in {*layout.keys, layout.time}:
            raise Invalid(
                f"the events have no {field.name!r}", hint=f"send {', '.join(schema.names)}"
            )
        else:
            columns.append(pa.chunked_array([pa.nulls(events.num_rows, field.type)]))
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    try:
        # A whole number above 2**53 is the nearest fraction; a fraction is no whole number.
        return column.cast(field.type, safe=not pa.types.is_floating(field.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Invalid(
            f"{field.name!r} of the events is {column.type}, not {field.type}: {error}",
            hint=f"send {field.name!r} as {field.type}",
        ) from error


def _present(column: pa.ChunkedArray) -> Bools:
    if not column.null_count:
        return np.ones(len(column), np.bool_)
    present: Bools = column.is_valid().to_numpy()
    return present


def _times(column: pa.ChunkedArray) -> Words:
    """Return moments as microseconds; nanoseconds are rounded up: never early."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        nanoseconds: Words = column.cast(pa.int64()).to_numpy()
        return -(-nanoseconds // 1000)
    return _words(column, "moment")


def _words(column: pa.ChunkedArray, kind: str) -> Words:
    """Return values as eight bytes each; a missing one is anything."""
    if kind in {"other", "text"}:
        return np.zeros(len(column), np.int64)
    if kind in {"date", "moment", "instant"}:
        zone = column.type.tz if pa.types.is_timestamp(column.type) else None
        column = column.cast(pa.timestamp("us", zone), safe=False)
    whole = column.cast(pa.float64() if is_fraction(kind) else pa.int64())
    if whole.null_count:
        whole = pc.fill_null(whole, 0)
    words: Words = whole.to_numpy().view(np.int64)
    return words


def _entities(keys: Sequence[str], rows: pa.Table) -> tuple[Words, list[bytes]]:
    """Return each row's place among the entities, and how these are written."""
    codes = np.zeros(rows.num_rows, np.int64)
    firsts = codes[:1]
    for name in keys:
        encoded = rows[name].combine_chunks().dictionary_encode()
        codes = codes * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy()
        # Numbered anew for each column of the key, so that the codes stay small.
        _, firsts, codes = np.unique(codes, return_index=True, return_inverse=True)
    parts = [rows[name].take(firsts).to_pylist() for name in keys]
    return codes, [key_bytes(keys, key) for key in zip(*parts, strict=True)]
