"""Write computed features as the rows of an online store."""

from collections.abc import Iterator

import msgspec
import pyarrow as pa

from bucle.lifecycle.features.compute import EVENT
from bucle.lifecycle.features.online import key_bytes
from bucle.lifecycle.features.records import OnlineView

ROWS_PER_WRITE = 20_000


def packed_rows(view: OnlineView, keys: pa.Table, found: pa.Table) -> Iterator[dict[bytes, bytes]]:
    """Yield the rows of some entities, as `features_at` found them, in stretches."""
    columns, names = len(view.columns), view.keys
    encode = msgspec.msgpack.Encoder().encode
    # Parts of a key that are no fractions are written as they are.
    is_plain = not any(pa.types.is_floating(field.type) for field in keys.schema)
    for start in range(0, keys.num_rows, ROWS_PER_WRITE):
        stretch = found.slice(start, ROWS_PER_WRITE)
        events = stretch[EVENT].to_pylist()
        features = zip(*(stretch[name].to_pylist() for name in view.features), strict=True)
        entities = tuples(keys.slice(start, ROWS_PER_WRITE))
        packed = map(encode, entities) if is_plain else (key_bytes(names, key) for key in entities)
        yield {
            # As `pack` would, without a record for each.
            key: encode((event, row[:columns], row[columns:]))
            for key, event, row in zip(packed, events, features, strict=True)
        }


def types_of(view: OnlineView, found: pa.Table) -> list[str]:
    """Return the features' types, as a header has them."""
    return [str(found.schema.field(name).type) for name in view.features]


def tuples(table: pa.Table) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a table."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
