"""SQL in this process by DuckDB (imported here only).

Statements come from people (feature views, expectations), so each runs locked in: only one
`SELECT`, no file but those of its tables, no network, no extension, no settings.  Calls on
Arrow tables are cursors of one database (0.1 ms); a call that reads files gets a database of
its own (10 ms), because DuckDB allows files per database and not per cursor.
"""

import os
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, Unavailable
from bucle.drivers.engine.deadline import kept
from bucle.drivers.engine.protocol import Dialect, TableSource
from bucle.drivers.engine.sources import files_of

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_OUT_OF_MEMORY = "Out of Memory Error"


class DuckDBEngine:
    """`duckdb:`, or `duckdb:?memory=2GB&threads=2`; limits of each of its databases."""

    dialect: Dialect = "duckdb"

    def __init__(self, *, memory_bytes: int, threads: int) -> None:
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._spill = tempfile.TemporaryDirectory(prefix="bucle-duckdb-")
        self._lock = threading.Lock()
        self._shared = self._database(allowed=[])

    def query(
        self, sql: str, *, tables: Mapping[str, TableSource], parameters: Sequence[object] = ()
    ) -> pa.Table:
        """Run a statement and hold its whole answer in memory."""
        with self._connection(tables) as connection, _translated():
            return _relation(connection, sql, parameters).to_arrow_table()

    def stream(
        self,
        sql: str,
        *,
        tables: Mapping[str, TableSource],
        parameters: Sequence[object] = (),
        rows_per_batch: int = 65_536,
    ) -> Iterator[pa.RecordBatch]:
        """Run a statement and yield its answer while it is being computed."""
        with self._connection(tables) as connection, _translated():
            reader = _relation(connection, sql, parameters).to_arrow_reader(rows_per_batch)
            while (batch := _next_batch(reader)) is not None:
                yield batch

    def write_parquet(
        self,
        sql: str,
        *,
        tables: Mapping[str, TableSource],
        path: Path,
        parameters: Sequence[object] = (),
    ) -> int:
        """Run a statement into a file beside its place, then rename."""
        part = path.parent / f".{uuid.uuid4().hex}.part"
        try:
            with self._connection(tables, output=part) as connection, _translated():
                path.parent.mkdir(parents=True, exist_ok=True)
                relation = _relation(connection, sql, parameters)
                relation.write_parquet(str(part), compression="zstd")
                rows = int(pq.read_metadata(part).num_rows)
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return rows

    def close(self) -> None:
        """Close the shared database and remove what was spilled."""
        with self._lock:
            self._shared.close()
        self._spill.cleanup()

    @contextmanager
    def _connection(
        self, tables: Mapping[str, TableSource], *, output: Path | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that sees the tables, and may write the output."""
        in_memory = {name: table for name, table in tables.items() if isinstance(table, pa.Table)}
        files = {name: files_of(name, tables[name]) for name in tables if name not in in_memory}
        with _translated():
            connection = self._opened(files, output)
        try:
            with _translated():
                for name, table in in_memory.items():
                    connection.register(name, table)
            with kept(connection.interrupt):
                yield connection
        finally:
            connection.close()

    def _opened(
        self, files: Mapping[str, list[str]], output: Path | None
    ) -> duckdb.DuckDBPyConnection:
        if not files and output is None:
            with self._lock:
                return self._shared.cursor()
        allowed = [path for paths in files.values() for path in paths]
        return self._database(allowed + ([str(output)] if output else []), views=files)

    def _database(
        self, allowed: list[str], *, views: Mapping[str, list[str]] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Open a database in memory, give it its files and lock it."""
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{self._memory_bytes}B",
                "threads": self._threads,
                "temp_directory": str(Path(self._spill.name, uuid.uuid4().hex)),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
            },
        )
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute(f"SET allowed_paths = {_literal(allowed)}")
        connection.execute("SET enable_external_access = false")
        for name, paths in (views or {}).items():
            _view(connection, name, paths)
        connection.execute("SET lock_configuration = true")
        return connection


def _view(connection: duckdb.DuckDBPyConnection, name: str, paths: list[str]) -> None:
    try:
        connection.execute(
            f"CREATE TEMP VIEW {_quoted(name)} AS SELECT * FROM "  # noqa: S608 - quoted
            f"read_parquet({_literal(paths)}, union_by_name=true, hive_partitioning=false)"
        )
    except duckdb.Error as error:
        reason = str(error).partition("\n\n")[0]  # the rest shows our own statement
        raise Invalid(f"table {name!r} cannot be read: {reason}") from error


def default_memory_bytes() -> int:
    """Return half of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _relation(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object]
) -> duckdb.DuckDBPyRelation:
    """Prepare one reading statement.

    Raises:
        Invalid: none, several, or one that does more than read.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Invalid(f"expected one SQL statement, found {len(statements)}", hint="SELECT ...")
    kind = statements[0].type
    if kind not in _READING:
        raise Invalid(f"only SELECT may run here, not {kind.name}", hint="SELECT ...")
    relation = connection.sql(sql, params=list(parameters)) if parameters else connection.sql(sql)
    if relation is None:
        raise Invalid("the statement gives no rows", hint="SELECT ...")
    return relation


def _next_batch(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None


@contextmanager
def _translated() -> Iterator[None]:
    """Turn DuckDB's errors into ours; a stream raises them as `OSError`, with the same text."""
    try:
        yield
    except (duckdb.Error, OSError, pa.ArrowInvalid) as error:
        message = str(error).strip()
        if _OUT_OF_MEMORY in message:
            raise Unavailable(message, hint="BUCLE_ENGINE_URL='duckdb:?memory=8GB'") from error
        if message.startswith("IO Error") or getattr(error, "errno", None):
            raise Unavailable(message, hint="is the disk full, or read-only?") from error
        raise Invalid(message) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(paths: Sequence[str]) -> str:
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
