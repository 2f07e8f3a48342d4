"""SQL on Spark behind the protocol of engines.

Statements come from people (feature views), so each runs locked in: one `SELECT` in a session of
its own, which sees the tables that it was given and no file, command, script or Java method.
Answers come back as Arrow, batch by batch, and are written here: the workers of a cluster write
nothing but what they spill.
"""

import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, Unavailable
from bucle.drivers.engine.protocol import Dialect, TableSource
from bucle.drivers.engine.spark.address import Address
from bucle.drivers.engine.spark.reading import require_reading
from bucle.drivers.engine.spark.session import active, running
from bucle.drivers.engine.spark.tables import show_tables

from py4j.protocol import Py4JError, Py4JJavaError  # isort: skip - `session` says what is missing
from pyspark.errors import PySparkException  # isort: skip
from pyspark.serializers import NoOpSerializer  # isort: skip
from pyspark.sql import DataFrame  # isort: skip
from pyspark.sql.pandas.types import to_arrow_schema  # isort: skip
from pyspark.util import _local_iterator_from_socket  # isort: skip

# Classes of SQLSTATE of which the statement is not the cause: resources, the system, files.
_NOT_OURS = ("08", "53", "57", "58", "KD", "XX")
_STATE = re.compile(r"SQLSTATE: (\w{5})")
_FULL = ("OutOfMemoryError", "UNABLE_TO_ACQUIRE_MEMORY", "No space left on device")


class SparkEngine:
    """`spark://local[2]?memory=4GB&partitions=8`, or `spark://host:7077`."""

    dialect: Dialect = "spark"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._is_counted = False
        self._is_closed = False
        self._links = TemporaryDirectory(prefix="bucle-spark-links-")

    def query(
        self, sql: str, *, tables: Mapping[str, TableSource], parameters: Sequence[object] = ()
    ) -> pa.Table:
        """Run a statement and hold its whole answer in memory."""
        with self._translated():
            found = self._frame(sql, tables, parameters, {})
            return _plain(found.toArrow())

    def stream(
        self,
        sql: str,
        *,
        tables: Mapping[str, TableSource],
        parameters: Sequence[object] = (),
        rows_per_batch: int = 65_536,
    ) -> Iterator[pa.RecordBatch]:
        """Run a statement and yield its answer, one partition after the other."""
        with self._translated():
            yield from _batches(self._streamed(sql, tables, parameters, rows_per_batch))

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
        rows = 0
        try:
            with self._translated():
                found = self._streamed(sql, tables, parameters, 65_536)
                path.parent.mkdir(parents=True, exist_ok=True)
                schema = to_arrow_schema(found.schema)
                with pq.ParquetWriter(part, schema, compression="zstd") as writer:
                    for batch in _batches(found):
                        writer.write_batch(batch)
                        rows += batch.num_rows
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return rows

    def close(self) -> None:
        """Count out of the Spark of this process, which stops with the last engine."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._links.cleanup()
            if self._is_counted:
                running().release()

    def _streamed(
        self,
        sql: str,
        tables: Mapping[str, TableSource],
        parameters: Sequence[object],
        rows_per_batch: int,
    ) -> DataFrame:
        most = {"spark.sql.execution.arrow.maxRecordsPerBatch": str(rows_per_batch)}
        return self._frame(sql, tables, parameters, most)

    def _frame(
        self,
        sql: str,
        tables: Mapping[str, TableSource],
        parameters: Sequence[object],
        settings: Mapping[str, str],
    ) -> DataFrame:
        """Return what a statement gives, before it is computed."""
        with self._lock:
            if self._is_closed:
                raise Unavailable("this engine was closed", hint="open another one")
            if not self._is_counted:
                running().acquire(self._address)
                self._is_counted = True
        if partitions := self._address.partitions:
            settings = {"spark.sql.shuffle.partitions": str(partitions), **settings}
        session = running().fresh(self._address, settings)
        with active(session):
            parser = session._jsparkSession.sessionState().sqlParser()  # noqa: SLF001
            require_reading(parser.parsePlan(sql))
            show_tables(session, tables, sql, Path(self._links.name))
            return session.sql(sql, args=list(parameters) or None)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn Spark's errors into ours: by the class of their SQLSTATE."""
        try:
            yield
        except (PySparkException, Py4JError, OSError, EOFError) as error:
            state, message = _told(error)
            if any(word in message for word in _FULL):
                hint = "BUCLE_ENGINE_URL='spark://local?memory=8GB', or a larger disk"
                raise Unavailable(message, hint=hint) from error
            if state and not state.startswith(_NOT_OURS):
                raise Invalid(message) from error
            where = self._address.master
            hint = (
                "does its Java process live?"
                if self._address.is_local
                else "are its workers up, and do they see the files under the same path?"
            )
            raise Unavailable(f"Spark on {where}: {message}", hint=hint) from error


def _plain(table: pa.Table) -> pa.Table:
    """Return a table whose columns may be null, as those of other engines."""
    return table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))


def _batches(found: DataFrame) -> Iterator[pa.RecordBatch]:
    """Yield what a statement gives; Spark computes the next partition when it is asked for."""
    schema = to_arrow_schema(found.schema)
    plain = pa.schema([field.with_nullable(True) for field in schema])
    java = found.sparkSession._jvm.PythonRDD  # noqa: SLF001 - as `toLocalIterator`, in Arrow
    served = java.toLocalIteratorAndServe(found._jdf.toArrowBatchRdd(), False)  # noqa: SLF001
    for written in _local_iterator_from_socket(served, NoOpSerializer()):
        batch = pa.ipc.read_record_batch(pa.py_buffer(written), schema)
        if batch.num_rows:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=plain)


def _told(error: BaseException) -> tuple[str, str]:
    """Return an error's SQLSTATE and what it says; "": none of Spark's own errors."""
    if isinstance(error, PySparkException):
        state = error.getSqlState() or ("42000" if error.getCondition() else "")
        return state, _first_part(str(error))
    if isinstance(error, Py4JJavaError):
        return _cause(error.java_exception)
    return "", str(error) or type(error).__name__


def _cause(thrown: Any) -> tuple[str, str]:  # noqa: ANN401 - an exception in Java
    """Return the innermost cause that has a SQLSTATE, or the innermost of all."""
    found = ("", "")
    while thrown is not None:
        message = _first_part(str(thrown.getMessage() or thrown.toString()))
        state = _STATE.search(message)
        if state:
            found = (state.group(1), message)
        elif not found[0]:
            found = ("", f"{thrown.getClass().getSimpleName()}: {message}")
        thrown = thrown.getCause()
    return found


def _first_part(message: str) -> str:
    """Leave out the statement, the plan and the stack, which Spark adds."""
    for mark in ("\n\n== SQL", "\n== SQL", ";\n'", "\n\tat "):
        message = message.partition(mark)[0]
    return " ".join(message.split())
