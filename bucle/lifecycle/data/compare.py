"""Write rows as their key and a hash in SQL: two rows of one key differ where their hashes do.

The hash has 64 bits; that two rows that differ have the same one is a chance of one in 10^19.
"""

from collections.abc import Sequence

import pyarrow as pa

from bucle.drivers.engine import TableSource
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.read import quoted

HASH = "bucle_h"


def no_rows_like(there: TableSource, key: Sequence[str]) -> pa.Table:
    """Return no rows, with the key of a table that has some."""
    schema = schema_of(there)
    return pa.schema([schema.field(name) for name in key]).empty_table()


def hashes(
    name: str,
    table: TableSource,
    *,
    key: Sequence[str],
    hashed: Sequence[str],
    also: Sequence[str] = (),
) -> str:
    """Select the key, other columns as they are and a hash of each row of a named table.

    A column that no file of the table has is null.
    """
    there = schema_of(table).names
    values = ", ".join(quoted(each) if each in there else "NULL" for each in hashed)
    chosen = ", ".join(
        quoted(each) if each in there else f"NULL AS {quoted(each)}" for each in (*key, *also)
    )
    return f"SELECT {chosen}, hash({values}) AS {HASH} FROM {name}"


def same_key(key: Sequence[str], one: str, other: str) -> str:
    """Return the condition that two rows have the same key."""
    return " AND ".join(f"{one}.{quoted(name)} = {other}.{quoted(name)}" for name in key)
