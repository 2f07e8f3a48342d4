"""Open Parquet files as a DuckDB relation, for a person's own statements in their own process.

Nothing is locked here, unlike in `duckdb.py`: the statements are those of whoever runs them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Connection: TypeAlias = "duckdb.DuckDBPyConnection"
Relation: TypeAlias = "duckdb.DuckDBPyRelation"


def open_relation(
    paths: Sequence[Path],
    schema: "pa.Schema",
    *,
    connection: "Connection | None" = None,
) -> Relation:
    """Return the rows of files in these columns; DuckDB reads of them what a statement needs.

    Without a connection, in a database of its own, in memory; times are told in UTC.
    """
    import duckdb  # here: whoever imports the client need not load it (60 MB)

    if connection is None:
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
    read = connection.read_parquet(
        [str(path) for path in paths], union_by_name=True, hive_partitioning=False
    )
    # By name alone: a column that a newer version dropped is still in an old file.
    return read.select(*(duckdb.ColumnExpression(name) for name in schema.names))
