"""Open what people bring (Parquet, CSV, JSON, Arrow, Excel) as one thing: batches of a schema.

Parquet and Arrow files are read batch by batch; the others are held in memory, because only
their last row settles what type a column has.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Invalid
from bucle.lifecycle.data.delimited import Line, Reading, Types, read_delimited
from bucle.lifecycle.data.excel import read_excel
from bucle.lifecycle.data.objects import read_objects

_ENDINGS = {
    "parquet": ("parquet", "pq"),
    "csv": ("csv", "tsv", "txt"),
    "json": ("json", "jsonl", "ndjson"),
    "arrow": ("arrow", "feather", "ipc", "arrows"),
    "excel": ("xlsx", "xlsm"),
}
ROWS_PER_BATCH = 131_072
_PLAIN = Reading()

_Rows: TypeAlias = Callable[[], Iterator[pa.RecordBatch]]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One opened table: what to call it in errors, its schema, and its rows."""

    name: str
    schema: pa.Schema
    batches: _Rows
    lines: tuple[Line, ...] = ()  # of a text: what is no row of it


def open_source(
    path: Path, format_: str, *, name: str, types: Types, reading: Reading = _PLAIN
) -> Source:
    """Open a file of one of the formats; `reading` says how a text is meant.

    Raises:
        Invalid: an unknown format, an empty file, not of that format, not UTF-8, or a text that
            is no table (see `delimited.py`).
    """
    if format_ not in _READERS:
        raise Invalid(f"{format_!r} is not a format of data", hint=f"one of {', '.join(_READERS)}")
    if path.stat().st_size == 0:
        raise Invalid(f"{name} is empty", hint="a table has a header and at least one row")
    try:
        source = _READERS[format_](path, name, types, reading)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise Invalid(f"{name} can not be read as {format_}: {reason}") from error
    names = source.schema.names
    if repeated := sorted({each for each in names if names.count(each) > 1}):
        raise Invalid(f"{name} has two columns called {repeated[0]!r}", hint="rename one of them")
    rows = _translated(source.batches, name, format_)
    return msgspec.structs.replace(source, batches=rows)


def format_of(name: str) -> str:
    """Return the format that a file's name speaks of.

    Raises:
        Invalid: its ending says nothing.
    """
    ending = Path(name).suffix.lower().removeprefix(".")
    for format_, endings in _ENDINGS.items():
        if ending in endings:
            return format_
    raise Invalid(f"{name!r} does not say its format", hint=f"say it: {', '.join(_READERS)}")


def table_source(table: pa.Table, *, name: str = "the table") -> Source:
    """Let a table in memory stand for a file."""
    return Source(
        name=name,
        schema=table.schema,
        batches=lambda: iter(table.to_batches(max_chunksize=ROWS_PER_BATCH)),
    )


def _open_parquet(path: Path, name: str, _types: Types, _reading: Reading) -> Source:
    def batches() -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=ROWS_PER_BATCH)

    return Source(name=name, schema=pq.read_schema(path), batches=batches)


def _open_arrow(path: Path, name: str, _types: Types, _reading: Reading) -> Source:
    """Open an IPC file (Feather 2), or an IPC stream where it is none."""
    with pa.memory_map(str(path)) as file:
        stream = file.read(6) != b"ARROW1"

    def batches() -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(path)) as file:
            if stream:
                yield from pa.ipc.open_stream(file)
                return
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    with pa.memory_map(str(path)) as file:
        opened = pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file)
        return Source(name=name, schema=opened.schema, batches=batches)


def _open_json(path: Path, name: str, types: Types, reading: Reading) -> Source:
    """Read objects, one per line or in one array."""
    content = path.read_bytes()
    table, lines = read_objects(content, name, types, reading)
    source = table_source(_present_only(table, content, types), name=name)
    return msgspec.structs.replace(source, lines=lines)


def _present_only(table: pa.Table, content: bytes, types: Types) -> pa.Table:
    """Leave out the known columns that no object has: the reader makes them up as nulls."""
    absent = [
        column
        for column in types
        if column in table.column_names
        and table[column].null_count == table.num_rows
        and msgspec.json.encode(column) not in content
    ]
    return table.drop_columns(absent)


def _open_csv(path: Path, name: str, types: Types, reading: Reading) -> Source:
    table, lines = read_delimited(path, name, types, reading)
    return msgspec.structs.replace(table_source(table, name=name), lines=lines)


def _open_excel(path: Path, name: str, types: Types, reading: Reading) -> Source:
    table, lines = read_excel(path, name, types, reading)
    return msgspec.structs.replace(table_source(table, name=name), lines=lines)


def _translated(batches: Callable[[], Iterator[pa.RecordBatch]], name: str, format_: str) -> _Rows:
    """Name the file in an error that comes up between its rows."""

    def read() -> Iterator[pa.RecordBatch]:
        row = 0
        try:
            for batch in batches():
                batch.validate(full=True)
                yield batch
                row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise Invalid(
                f"{name} can not be read as {format_} behind row {row}: {reason}",
                hint="the file is damaged: bring it again",
            ) from error

    return read


_READERS: dict[str, Callable[[Path, str, Types, Reading], Source]] = {
    "parquet": _open_parquet,
    "csv": _open_csv,
    "json": _open_json,
    "arrow": _open_arrow,
    "excel": _open_excel,
}
