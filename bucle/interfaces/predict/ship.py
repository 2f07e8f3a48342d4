"""From write-ahead files to Parquet segments in the blob store.

Shipping a file twice writes the same blob twice, so dying in between loses and doubles nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.codec import utc
from bucle.drivers.blobs import BlobStore
from bucle.interfaces.predict.wal import Answers, Frame, Source, frames_in
from bucle.lifecycle.serving.segments import FEATURE, FRAME, OUTPUT, Segment, join_tables

_TYPES = {
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list<float64>": pa.list_(pa.float64()),
}
_UNTYPABLE = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
_FANOUT = 16  # segments that are merged into one
_LEVELS = 3
_ROWS_LIMIT = 1_000_000  # of a segment; larger ones are not merged further


def ship(path: Path, blobs: BlobStore) -> list[tuple[Segment, int]]:
    """Put a file's predictions into the blob store and remove it; return segments and rows.

    Raises:
        Unavailable: the blob store can not be written; the file is still there.
    """
    if not path.is_file():  # another process took care of it
        return []
    writer = writer_of(path)
    shipped = []
    for (project, deployment), table in tables_of(frames_in(path.read_bytes())).items():
        segment = Segment(
            project=project,
            deployment=deployment,
            first=table["id"][0].as_py(),
            last=table["id"][-1].as_py(),
            writer=writer,
        )
        blobs.put(segment.key, parquet_of(table))
        shipped.append((segment, len(table)))
    path.unlink(missing_ok=True)
    return shipped


def writer_of(path: Path) -> str:
    """Return the writer that a file's name starts with: `<writer>-<number>.wal`."""
    return path.name.partition("-")[0]


def parquet_of(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def tables_of(frames: Iterable[Frame]) -> dict[tuple[str, str], pa.Table]:
    """Return one table per project and deployment, by id."""
    sources: dict[int, Source] = {}
    answers: dict[int, list[Answers]] = {}
    for frame in frames:
        if isinstance(frame, Source):
            sources[frame.number] = frame
        else:
            answers.setdefault(frame.source, []).append(frame)
    tables: dict[tuple[str, str], list[pa.Table]] = {}
    for number, given in answers.items():
        source = sources[number]
        name = source.deployment.partition(":")[2].rpartition("@")[0]
        tables.setdefault((source.project, name), []).append(_table(source, given))
    return {key: join_tables(parts).sort_by("id") for key, parts in tables.items()}


def _table(source: Source, answers: Sequence[Answers]) -> pa.Table:
    counts = [len(answer.ids) for answer in answers]
    rows = sum(counts)

    def repeated(values: Iterable[Any]) -> list[Any]:
        pairs = zip(values, counts, strict=True)
        return [value for value, count in pairs for _ in range(count)]

    columns: dict[str, pa.Array] = {
        "id": pa.array([one for answer in answers for one in answer.ids]),
        "at": pa.array(repeated(answer.at_us for answer in answers), FRAME.field("at").type),
        "deployment_ref": pa.array([source.deployment] * rows),
        "model_ref": pa.array([source.model] * rows),
        "variant": pa.array([source.variant] * rows),
        "latency_us": pa.array(repeated(answer.latency_us for answer in answers), pa.int64()),
        "error": pa.array(repeated(answer.error for answer in answers), pa.string()),
    }
    parts = (
        (FEATURE, source.inputs, [answer.columns for answer in answers]),
        (OUTPUT, source.outputs, [answer.outputs for answer in answers]),
    )
    for prefix, fields, sent in parts:
        types = {field.name: field.type for field in fields}
        for name in dict.fromkeys([*types, *(name for one in sent for name in one)]):
            values = _column(name, sent, counts)
            columns[prefix + name] = _array(values, types.get(name))
    schema = pa.schema(
        [FRAME.field(name) if name in FRAME.names else pa.field(name, column.type)
         for name, column in columns.items()]
    )  # fmt: skip
    return pa.Table.from_arrays(list(columns.values()), schema=schema)


def _column(name: str, sent: Sequence[dict[str, list[Any]]], counts: Sequence[int]) -> list[Any]:
    values: list[Any] = []
    for one, count in zip(sent, counts, strict=True):
        values += one.get(name) or [None] * count
    return values


def _array(values: list[Any], type_: str | None) -> pa.Array:
    """Return a column in its signature's type; one without a type in whatever fits, or as text."""
    if type_ == "timestamp":
        values = [_moment(value) for value in values]
    for wanted in (_TYPES.get(type_ or ""), None):
        try:
            return pa.array(values, wanted)
        except _UNTYPABLE:
            continue
    return pa.array([None if value is None else str(value) for value in values])


def _moment(value: object) -> object:
    return utc(datetime.fromisoformat(value)) if isinstance(value, str) else value


class Merger:
    """Merges each sixteen segments into one, so that reading a month opens few files.

    A merged segment spans an unbroken run of one writer's segments: what it covers is in it.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._runs: dict[tuple[str, str, str], list[tuple[Segment, int, int]]] = {}

    def add(self, segment: Segment, rows: int) -> None:
        """Note a new segment, and merge where sixteen of a level have come together.

        Raises:
            Unavailable: the blob store can not be read or written; nothing is lost.
        """
        run = self._runs.setdefault((segment.project, segment.deployment, segment.writer), [])
        run.append((segment, rows, 0))
        for level in range(_LEVELS):
            last = list(islice(reversed(run), _FANOUT))[::-1]
            if len(last) < _FANOUT or any(found != level for _, _, found in last):
                return
            total = sum(count for _, count, _ in last)
            if total > _ROWS_LIMIT:
                run[-_FANOUT:] = [(part, count, _LEVELS) for part, count, _ in last]
                return
            run[-_FANOUT:] = [(self._merge([part for part, _, _ in last]), total, level + 1)]

    def _merge(self, parts: Sequence[Segment]) -> Segment:
        merged = Segment(
            project=parts[0].project,
            deployment=parts[0].deployment,
            first=parts[0].first,
            last=parts[-1].last,
            writer=parts[0].writer,
        )
        contents = (pa.BufferReader(self._blobs.get(part.key)) for part in parts)
        self._blobs.put(merged.key, parquet_of(join_tables([pq.read_table(c) for c in contents])))
        for part in parts:
            self._blobs.delete(part.key)
        return merged
