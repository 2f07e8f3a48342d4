"""What an engine promises: SQL over tables that it is given, and over nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # a command that reads no table starts 0.2 s sooner without pyarrow
    import pyarrow as pa

# An Arrow table, or Parquet files that together are one table (columns joined by name).
TableSource: TypeAlias = "pa.Table | Sequence[str | Path]"
# Which SQL an engine speaks.
Dialect: TypeAlias = Literal["duckdb", "spark"]
# In the dialect of Spark, whose rows have no order: `bucle_placed_trips` are the rows of `trips`
# with the column `bucle_place`, which ascends as they came, file by file.
PLACED, PLACE = "bucle_placed_", "bucle_place"


class Engine(Protocol):
    """SQL over Arrow tables and Parquet files.

    The law, which `bucle.testing.contracts.engine` checks for every driver:

    - A statement is one `SELECT` (or `WITH`, `VALUES`, `DESCRIBE`, `EXPLAIN`); anything that
      would write, attach, install or set is `Invalid`.
    - It sees the tables that it was given under their names, and no other file, network,
      environment or Python variable; two calls never see each other's tables.
    - Parquet files of one table are joined by column name; a column that a file lacks is null.
    - Wrong SQL is `Invalid` with the engine's own words, a missing file `NotFound`, too little
      memory or disk `Unavailable`.
    - Times without an offset are UTC.  A sum of whole numbers is a `decimal128(38, 0)` in DuckDB,
      which cannot overflow (cast it where an integer is wanted), and a `BIGINT` in Spark, where
      one that overflows is `Invalid`.
    - Any thread may call at any time.
    """

    dialect: Dialect

    def query(
        self, sql: str, *, tables: Mapping[str, TableSource], parameters: Sequence[object] = ()
    ) -> "pa.Table":
        """Return the whole answer; `?` in the statement take the parameters in order."""
        ...

    def stream(
        self,
        sql: str,
        *,
        tables: Mapping[str, TableSource],
        parameters: Sequence[object] = (),
        rows_per_batch: int = 65_536,
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the answer in batches of at most that many rows, in constant memory.

        Errors are raised when the first batch is asked for, or later.
        """
        ...

    def write_parquet(
        self,
        sql: str,
        *,
        tables: Mapping[str, TableSource],
        path: Path,
        parameters: Sequence[object] = (),
    ) -> int:
        """Write the answer to a Parquet file, whole or not at all; return the number of rows."""
        ...

    def close(self) -> None:
        """Give back memory and temporary files; calls after this are errors."""
        ...
