"""Run a question: its first rows in memory, all of them into a file that grows on disk."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from bucle.base.codec import encode
from bucle.base.errors import Invalid, Refused
from bucle.drivers.blobs.content import store_file
from bucle.drivers.engine.deadline import deadline
from bucle.governance.session import Session
from bucle.lifecycle.data.ask.prepare import Prepared, explained, prepare, sources
from bucle.lifecycle.data.ask.records import Answer, Question
from bucle.lifecycle.data.records import Column

FORMATS = ("parquet", "arrow", "csv", "json")
MOST_BYTES = 8 << 30  # of a file; more is a version, which --commit makes
_ROWS_PER_BATCH = 65_536
_MOST_S = 3_600.0
_LEFT_S = 86_400.0  # nobody works in a folder for so long

Write = Callable[[pa.RecordBatch], None]


class _Batches(Protocol):
    """A writer of Arrow's, of any format."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        ...


def ask(session: Session, question: Question) -> Answer:
    """Answer a question about dataset versions.

    Without a format, no more is computed than the rows that are answered need.

    Raises:
        Invalid: it is no SQL, or asks for what is not there; place and near names are given.
        NotFound: no such dataset or version.
        Denied: the caller may not read one of the datasets.
        Refused: it ran longer than it may, or its file would be too large.
    """
    if question.format not in {"", *FORMATS}:
        raise Invalid(f"{question.format!r} is no format of answers", hint=", ".join(FORMATS))
    prepared = prepare(session, question.sql)
    if not question.format:
        return _first_rows(session, prepared, question)
    with workplace(session) as folder:
        path = folder / f"answer.{question.format}"
        return _filed(session, prepared, question, path)


def batches(session: Session, prepared: Prepared, timeout_s: float) -> Iterator[pa.RecordBatch]:
    """Yield the whole answer; an empty one has one batch without rows.

    Raises:
        Invalid: the engine can not run it; place and near names are given.
        Refused: it ran longer than it may.
    """
    if not 0 < timeout_s <= _MOST_S:
        raise Invalid(f"a timeout of {timeout_s:g} s", hint=f"from above 0 to {_MOST_S:g} s")
    stream = iter(session.drivers.engine.stream(
        prepared.statement.sql,
        tables=sources(session, prepared),
        rows_per_batch=_ROWS_PER_BATCH,
    ))  # fmt: skip
    try:
        with deadline(timeout_s):  # the engine reads it when the first batch is asked for
            first = next(stream, None)
        if first is not None:
            yield first
            yield from stream
    except Invalid as error:
        raise explained(prepared, error) from error


def opened(
    session: Session, prepared: Prepared, timeout_s: float
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Begin an answer: return its columns, and its batches to come.

    Raises:
        Invalid: as `batches`, or two columns have one name.
    """
    found = batches(session, prepared, timeout_s)
    first = next(found, None)
    schema = _columns_of_nothing(session, prepared) if first is None else first.schema
    names = schema.names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"two columns of the answer are called {twice[0]!r}", hint="name one with AS")
    return schema, chain([] if first is None else [first], found)


def _columns_of_nothing(session: Session, prepared: Prepared) -> pa.Schema:
    return session.drivers.engine.query(
        f"SELECT * FROM (\n{_without_end(prepared.statement.sql)}\n) LIMIT 0",
        tables=sources(session, prepared),
    ).schema


def _without_end(sql: str) -> str:
    return sql.rstrip().removesuffix(";")


def _first_rows(session: Session, prepared: Prepared, question: Question) -> Answer:
    schema, found = opened(session, prepared, question.timeout_s)
    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in found:
        kept.append(batch)
        rows += batch.num_rows
        if rows > question.limit:
            break
    table = pa.Table.from_batches(kept, schema)
    return Answer(
        columns=_columns(table.schema),
        rows=_plain(table, question.limit),
        more=rows > question.limit,
        inputs=prepared.inputs,
    )


def _filed(session: Session, prepared: Prepared, question: Question, path: Path) -> Answer:
    schema, found = opened(session, prepared, question.timeout_s)
    first: list[pa.RecordBatch] = []
    rows = 0
    with ExitStack() as closing:
        write = _writer(path, question.format, schema, closing)
        for batch in found:
            if rows <= question.limit:
                first.append(batch)
            rows += batch.num_rows
            write(batch)
            _require_room(path)
    return Answer(
        columns=_columns(schema),
        rows=_plain(pa.Table.from_batches(first, schema), question.limit),
        more=rows > question.limit,
        inputs=prepared.inputs,
        total=rows,
        digest=store_file(session.drivers.blobs, path),
        format=question.format,
        size_bytes=path.stat().st_size,
    )


def _writer(path: Path, format_: str, schema: pa.Schema, closing: ExitStack) -> Write:
    """Open a file of a format; it is whole when `closing` is closed."""
    match format_:
        case "parquet":
            file = closing.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))
            return partial(_into, file)
        case "arrow":
            stream = closing.enter_context(pa.ipc.new_stream(path, schema))
            return partial(_into, stream)
        case "csv":
            try:
                lines = closing.enter_context(pa_csv.CSVWriter(path, schema))
            except pa.ArrowInvalid as error:
                raise Invalid(
                    f"CSV has no way to write these columns: {error}", hint="ask for parquet"
                ) from error
            return partial(_into, lines)
    out = closing.enter_context(path.open("wb"))
    return lambda batch: out.writelines(
        encode({name: _whole(value) for name, value in row.items()}) + b"\n"
        for row in batch.to_pylist()
    )


def _into(writer: _Batches, batch: pa.RecordBatch) -> None:
    writer.write_batch(batch)


def _require_room(path: Path) -> None:
    if path.exists() and path.stat().st_size > MOST_BYTES:
        raise Refused(
            f"the answer has more than {MOST_BYTES >> 30} GiB",
            hint="ask for fewer rows, or make a version of it: --commit <name>",
        )


def _columns(schema: pa.Schema) -> tuple[Column, ...]:
    return tuple(
        Column(name=field.name, type=str(field.type), nullable=field.nullable) for field in schema
    )


def _plain(table: pa.Table, limit: int) -> list[dict[str, Any]]:
    rows = table.slice(0, limit).to_pylist()
    return [{name: _whole(value) for name, value in row.items()} for row in rows]


def _whole(value: object) -> object:
    """Return a sum of integers, which Arrow has as a decimal, as an integer."""
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        exponent = value.as_tuple().exponent
        return int(value) if exponent == 0 else value
    return value


@contextmanager
def workplace(session: Session) -> Iterator[Path]:
    """Yield a folder for a file that grows; what killed processes left in others is removed."""
    folder: Path = session.drivers.cache_path / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with suppress(FileNotFoundError):  # another process sweeps as well
            if time.time() - left.stat().st_mtime > _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        yield Path(inside)
