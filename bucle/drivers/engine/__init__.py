"""Engines: SQL over Arrow tables and Parquet files, chosen by URL."""

import os
from urllib.parse import parse_qsl, urlsplit

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_bytes
from bucle.drivers.engine.protocol import Dialect, Engine, TableSource

__all__ = ["Dialect", "Engine", "TableSource", "open_engine"]

_KNOWN = {"memory", "threads"}


def open_engine(url: str) -> Engine:
    """Open the engine that a URL names: `duckdb:?memory=2GB&threads=2` or `spark://local[2]`.

    By default a call may take half of the memory and all cores, and spills to disk.  Spark is
    started, or asked for on `spark://host:7077`, by the first statement.

    Raises:
        Invalid: the URL is of no known kind, or an option is unknown or wrong.
        NotInstalled: Spark's package is not there.
    """
    if url.startswith("spark:"):
        from bucle.drivers.engine.spark.address import parse_address
        from bucle.drivers.engine.spark.engine import SparkEngine

        return SparkEngine(parse_address(url))
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != "duckdb" or parts.netloc or parts.path or not _KNOWN.issuperset(options):
        raise Invalid(
            f"{url!r} is not the URL of an engine",
            hint="duckdb:?memory=2GB&threads=2 or spark://local[2]",
        )
    # Imported here: a program that only asks for a URL's form need not load DuckDB (60 MB).
    from bucle.drivers.engine.duckdb import DuckDBEngine, default_memory_bytes

    memory, threads = options.get("memory", ""), options.get("threads", "")
    if threads and not (threads.isdecimal() and int(threads)):
        raise Invalid(f"{threads!r} is not a number of threads", hint="duckdb:?threads=2")
    return DuckDBEngine(
        memory_bytes=parse_bytes(memory) if memory else default_memory_bytes(),
        threads=int(threads) if threads else os.cpu_count() or 1,
    )
