"""Show Arrow tables and Parquet files to a session of Spark, under any name and from any folder."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn
from pyspark.sql.pandas.types import from_arrow_schema, from_arrow_type

from bucle.base.errors import Invalid
from bucle.drivers.engine.protocol import PLACE, PLACED, TableSource
from bucle.drivers.engine.sources import files_of
from bucle.drivers.engine.spark.types import is_nanoseconds, spark_schema, spark_table

# A row's place: its file's number, and its own number in the file.
_ROWS_OF_A_FILE = 2**40
_FILE, _ROW, _NUMBER = "bucle_file", "bucle_row_of_file", "bucle_file_number"


def show_tables(
    session: SparkSession, tables: Mapping[str, TableSource], sql: str, links: Path
) -> None:
    """Make a view of each table; of those that the statement wants in order, a second one.

    `links` is a folder for links to files whose names Spark would pass over.

    Raises:
        Invalid: a file is no Parquet, or a column is of a type that Spark has not.
        NotFound: there is no such file.
    """
    for name, source in tables.items():
        is_placed = PLACED + name in sql
        if isinstance(source, pa.Table):
            shown = spark_table(name, source)
            if is_placed:
                shown = shown.append_column(PLACE, pa.array(np.arange(shown.num_rows)))
            frame = session.createDataFrame(shown)
            if is_placed:
                _show(frame, PLACED + name)
                frame = frame.drop(PLACE)
            _show(frame, name)
            continue
        paths = [_seen(path, links) for path in files_of(name, source)]
        groups = _by_schema(name, paths)
        _show(_read(session, groups, placed={}), name)
        if is_placed:
            places = {path: number for number, path in enumerate(paths)}
            _show(_read(session, groups, placed=places), PLACED + name)


def _show(frame: DataFrame, name: str) -> None:
    frame.createOrReplaceTempView("`" + name.replace("`", "``") + "`")


def _seen(path: str, links: Path) -> str:
    """Return the path, or a link's: Spark passes over hidden files without a word."""
    if not Path(path).name.startswith((".", "_")):
        return path
    link = Path(tempfile.mkdtemp(dir=links), "part.parquet")
    link.symlink_to(path)
    return str(link)


class _Group:
    """Files of one schema, as they are and as the table has it."""

    def __init__(self, schema: pa.Schema, nanoseconds: frozenset[str]) -> None:
        self.schema = schema
        self.nanoseconds = nanoseconds  # columns that are read as whole numbers
        self.whole = schema
        self.paths: list[str] = []


def _by_schema(name: str, paths: Sequence[str]) -> list[_Group]:
    groups: dict[Any, _Group] = {}
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                schema, nanoseconds = file.schema_arrow, _nanoseconds(file)
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).strip()
            raise Invalid(f"table {name!r} cannot be read: {path}: {reason}") from error
        schema = spark_schema(name, schema)
        mine = (tuple(schema), nanoseconds)
        groups.setdefault(mine, _Group(schema, nanoseconds)).paths.append(path)
    several = list(groups.values())
    try:
        whole = pa.unify_schemas([each.schema for each in several], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise Invalid(f"table {name!r} cannot be read: {error}") from error
    for each in several:
        each.whole = spark_schema(name, whole)
    return several


def _nanoseconds(file: pq.ParquetFile) -> frozenset[str]:
    """Return the times in nanoseconds; those that Spark itself writes (INT96) it can read."""
    old = {
        column.path
        for column in map(file.schema.column, range(len(file.schema)))
        if column.physical_type == "INT96"
    }
    return frozenset(
        field.name
        for field in file.schema_arrow
        if is_nanoseconds(field.type) and field.name not in old
    )


def _read(
    session: SparkSession, groups: Sequence[_Group], *, placed: Mapping[str, int]
) -> DataFrame:
    """Return the rows of the files, joined by column name; with their places if asked."""
    frames = [_read_group(session, each, placed=bool(placed)) for each in groups]
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    if not placed:
        return whole
    as_uri = session._jvm.org.apache.hadoop.fs.Path  # noqa: SLF001 - a path as rows tell it
    numbers = pa.table(
        {
            _FILE: [str(as_uri(f"file://{path}").toUri().getRawPath()) for path in placed],
            _NUMBER: pa.array(placed.values(), pa.int64()),
        }
    )
    joined = whole.join(fn.broadcast(session.createDataFrame(numbers)), _FILE, "left")
    # A file that Spark calls otherwise than we do would lose its rows, were nothing said.
    unknown = fn.raise_error(fn.concat(fn.lit("no place of "), _FILE)).cast("bigint")
    number = fn.coalesce(fn.col(_NUMBER), unknown)
    place = (number * fn.lit(_ROWS_OF_A_FILE) + fn.col(_ROW)).alias(PLACE)
    return joined.select(*map(_column, groups[0].whole.names), place)


def _read_group(session: SparkSession, group: _Group, *, placed: bool) -> DataFrame:
    asked = pa.schema(
        pa.field(field.name, pa.int64()) if field.name in group.nanoseconds else field
        for field in group.schema
    )
    # As they are named: no folder of the path is a column (a=1), no letter of it a pattern.
    frame = (
        session.read.schema(from_arrow_schema(asked, prefer_timestamp_ntz=True))
        .option("recursiveFileLookup", "true")
        .option("__globPaths__", "false")
        .parquet(*(f"file://{path}" for path in group.paths))
    )
    columns = [_as_in_whole(group, field) for field in group.whole]
    if placed:
        columns += [
            fn.regexp_replace("_metadata.file_path", "^file:/*", "/").alias(_FILE),
            fn.col("_metadata.row_index").alias(_ROW),
        ]
    return frame.select(*columns)


def _as_in_whole(group: _Group, field: pa.Field) -> Any:  # noqa: ANN401 - a column of Spark
    kind = from_arrow_type(field.type, prefer_timestamp_ntz=True)
    place = group.schema.get_field_index(field.name)
    if place < 0:
        return fn.lit(None).cast(kind).alias(field.name)
    column = _column(field.name)
    if field.name in group.nanoseconds:  # rounded up: never early
        quoted = "`" + field.name.replace("`", "``") + "`"
        up = f"CASE WHEN {quoted} > 0 THEN ({quoted} + 999) DIV 1000 ELSE {quoted} DIV 1000 END"
        column = fn.expr(f"timestamp_micros({up})")
    same = group.schema.field(place).type == field.type and field.name not in group.nanoseconds
    return column.alias(field.name) if same else column.cast(kind).alias(field.name)


def _column(name: str) -> Any:  # noqa: ANN401
    return fn.col("`" + name.replace("`", "``") + "`")
