"""Write computed features as the rows of an online store."""

from collections.abc import Iterator

import pyarrow as pa

from bucle.lifecycle.features.compute import EVENT
from bucle.lifecycle.features.online import key_bytes, pack
from bucle.lifecycle.features.records import OnlineView

ROWS_PER_WRITE = 20_000


def packed_rows(view: OnlineView, keys: pa.Table, found: pa.Table) -> Iterator[dict[bytes, bytes]]:
    """Yield the rows of some entities, as `features_at` found them, in stretches."""
    names, columns = view.keys, len(view.columns)
    for start in range(0, keys.num_rows, ROWS_PER_WRITE):
        stretch = found.slice(start, ROWS_PER_WRITE)
        events = stretch[EVENT].to_pylist()
        features = zip(*(stretch[name].to_pylist() for name in view.features), strict=True)
        yield {
            key_bytes(names, key): pack(event, row[:columns], row[columns:])
            for key, event, row in zip(
                tuples(keys.slice(start, ROWS_PER_WRITE)), events, features, strict=True
            )
        }


def types_of(view: OnlineView, found: pa.Table) -> list[str]:
    """Return the features' types, as a header has them."""
    return [str(found.schema.field(name).type) for name in view.features]


def tuples(table: pa.Table) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a table."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
