"""Open what people bring (Parquet, CSV, JSON, Arrow) as one kind of thing: batches of a schema.

Parquet and Arrow files are read batch by batch; CSV and JSON are held in memory, because only
their last row settles what type a column has.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from bucle.base.errors import Invalid

_ENDINGS = {
    "parquet": ("parquet", "pq"),
    "csv": ("csv", "tsv", "txt"),
    "json": ("json", "jsonl", "ndjson"),
    "arrow": ("arrow", "feather", "ipc", "arrows"),
}
ROWS_PER_BATCH = 131_072
_DELIMITERS = (",", ";", "\t", "|")
_CHUNK_BYTES = 1 << 20

# The types that columns are known to have, by name; the rest is found out.
Types: TypeAlias = Mapping[str, pa.DataType]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One opened table: what to call it in errors, its schema, and its rows."""

    name: str
    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]


def open_source(path: Path, format_: str, *, name: str, types: Types) -> Source:
    """Open a file of one of the formats.

    Raises:
        Invalid: an unknown format, an empty file, not of that format, not UTF-8, or a CSV value
            that does not fit the column's known type (named with its row).
    """
    if format_ not in _READERS:
        raise Invalid(f"{format_!r} is not a format of data", hint=f"one of {', '.join(_READERS)}")
    if path.stat().st_size == 0:
        raise Invalid(f"{name} is empty", hint="a table has a header and at least one row")
    try:
        source = _READERS[format_](path, name, types)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise Invalid(f"{name} can not be read as {format_}: {reason}") from error
    names = source.schema.names
    if repeated := sorted({each for each in names if names.count(each) > 1}):
        raise Invalid(f"{name} has two columns called {repeated[0]!r}", hint="rename one of them")
    return source


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


def _open_parquet(path: Path, name: str, _types: Types) -> Source:
    def batches() -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=ROWS_PER_BATCH)

    return Source(name=name, schema=pq.read_schema(path), batches=batches)


def _open_arrow(path: Path, name: str, _types: Types) -> Source:
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


def _open_json(path: Path, name: str, types: Types) -> Source:
    """Read objects, one per line or in one array."""
    content = path.read_bytes()
    if content.lstrip()[:1] == b"[":
        try:
            rows = msgspec.json.decode(content, type=list[msgspec.Raw])
        except msgspec.DecodeError as error:
            raise Invalid(f"{name} can not be read as json: {error}") from error
        content = b"\n".join(bytes(row) for row in rows)
    if not content.strip():
        raise Invalid(f"{name} has no rows", hint="write at least one object")
    table = pa_json.read_json(
        pa.BufferReader(content),
        read_options=pa_json.ReadOptions(block_size=max(len(content) + 1, _CHUNK_BYTES)),
        parse_options=pa_json.ParseOptions(
            newlines_in_values=True,
            explicit_schema=pa.schema(list(types.items())) if types else None,
        ),
    )
    return table_source(_present_only(table, content, types), name=name)


def _present_only(table: pa.Table, content: bytes, types: Types) -> pa.Table:
    """Leave out the known columns that no object has: the reader makes them up as nulls."""
    absent = [
        column
        for column in types
        if table[column].null_count == table.num_rows and msgspec.json.encode(column) not in content
    ]
    return table.drop_columns(absent)


def _open_csv(path: Path, name: str, types: Types) -> Source:
    parse = _parse_options(path, name)
    read = partial(pa_csv.read_csv, path, parse_options=parse)
    try:
        table = read(convert_options=pa_csv.ConvertOptions(column_types=types))
    except pa.ArrowInvalid as error:
        _require_utf8(path, name)
        if "conversion error" in str(error):
            text = read(convert_options=_all_text(parse, path, name))
            _name_bad_value(text, types, name)
        raise
    if any(pa.types.is_binary(field.type) for field in table.schema):
        _require_utf8(path, name)
    return table_source(_without_empty_texts(table), name=name)


def _parse_options(path: Path, name: str) -> pa_csv.ParseOptions:
    with path.open("rb") as file:
        head = file.readline(_CHUNK_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid(f"{name} is UTF-16, not UTF-8", hint="iconv -f UTF-16 -t UTF-8 old > new")
    counts = {mark: head.count(mark.encode()) for mark in _DELIMITERS}
    return pa_csv.ParseOptions(
        delimiter=max(_DELIMITERS, key=lambda mark: counts[mark]), newlines_in_values=True
    )


def _all_text(parse: pa_csv.ParseOptions, path: Path, name: str) -> pa_csv.ConvertOptions:
    """Return options that read every column as text, to find what does not convert."""
    with path.open("rb") as file:
        head = file.readline(_CHUNK_BYTES)
    try:
        header = pa_csv.read_csv(pa.BufferReader(head), parse_options=parse)
    except pa.ArrowInvalid as error:
        raise Invalid(f"{name} has a header that can not be read: {error}") from error
    return pa_csv.ConvertOptions(column_types=dict.fromkeys(header.column_names, pa.string()))


def _name_bad_value(text: pa.Table, types: Types, name: str) -> None:
    """Raise for the first value, column by column, that does not convert."""
    nulls = pa.array(pa_csv.ConvertOptions().null_values)
    for column in (each for each in text.column_names if each in types):
        values = text[column].combine_chunks()
        values = pc.if_else(pc.is_in(values, value_set=nulls), None, values)
        row = first_bad_row(values, types[column])
        if row is not None:
            raise Invalid(
                f"column {column!r} of {name}: row {row + 1} holds {values[row].as_py()!r}, "
                f"which is not {types[column]}",
                hint="correct the file; a change of type needs mode replace and evolve",
            )


def first_bad_row(values: pa.Array, to: pa.DataType) -> int | None:
    """Return the place of the first value that can not be cast; None: all can."""
    if _casts(values, to):
        return None
    start, end = 0, len(values)
    while end - start > 1:
        middle = (start + end) // 2
        if _casts(values[start:middle], to):
            start = middle
        else:
            end = middle
    return start


def _casts(values: pa.Array, to: pa.DataType) -> bool:
    try:
        values.cast(to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _require_utf8(path: Path, name: str) -> None:
    """Raise with line and byte for the first bytes that are not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise Invalid(
                    f"{name} is not UTF-8: line {number} holds byte 0x{line[error.start]:02x}",
                    hint="iconv -f ISO-8859-1 -t UTF-8 old.csv > new.csv",
                ) from error


def _without_empty_texts(table: pa.Table) -> pa.Table:
    """Make empty text null: CSV has no other way to say that a text is missing."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(place)
            table = table.set_column(place, field, pc.if_else(pc.equal(column, ""), None, column))
    return table


_READERS: dict[str, Callable[[Path, str, Types], Source]] = {
    "parquet": _open_parquet,
    "csv": _open_csv,
    "json": _open_json,
    "arrow": _open_arrow,
}
