"""From write-ahead files to Parquet segments in the blob store.

Shipping a file twice writes the same blob twice, so dying in between loses and doubles nothing.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.drivers.blobs import BlobStore
from bucle.interfaces.predict.gather import Gathered
from bucle.interfaces.predict.wal import Answers, Frame, Source, frames_in, rows_of
from bucle.lifecycle.serving.segments import Segment, join_tables

# A dictionary of values that hardly repeat takes longer to make than the rest of a file.
_REPEATING = ["at", "deployment_ref", "model_ref", "variant", "latency_us", "error", "share"]
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
    pq.write_table(table, sink, compression="zstd", use_dictionary=_REPEATING)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def tables_of(frames: Iterable[Frame]) -> dict[tuple[str, str], pa.Table]:
    """Return one table per project and deployment, by id."""
    gathered: dict[int, Gathered] = {}
    for frame in frames:
        if isinstance(frame, Source):
            gathered.setdefault(frame.number, Gathered(frame))
        elif isinstance(frame, Answers):
            gathered[frame.source].add(rows_of(frame))
        else:
            gathered[frame.source].add(frame)
    tables: dict[tuple[str, str], list[pa.Table]] = {}
    for found in gathered.values():
        if found.rows:
            tables.setdefault(found.about, []).append(found.table())
    return {
        key: parts[0] if len(parts) == 1 else join_tables(parts).sort_by("id")
        for key, parts in tables.items()
    }


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
        contents = [content for part in parts if (content := self._content(part)) is not None]
        if not contents:  # all of them are older than what is kept
            return merged
        self._blobs.put(merged.key, merged_of(contents))
        for part in parts:
            self._blobs.delete(part.key)
        return merged

    def _content(self, part: Segment) -> bytes | None:
        try:
            return self._blobs.get(part.key)
        except NotFound:  # retention took it
            return None


def merged_of(contents: Sequence[bytes]) -> bytes:
    """Return segments as one file: a piece each, where their columns are the same."""
    files = [pq.ParquetFile(pa.BufferReader(content)) for content in contents]
    schema = files[0].schema_arrow
    if any(file.schema_arrow != schema for file in files):
        return parquet_of(join_tables([file.read(use_threads=False) for file in files]))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=_REPEATING) as writer:
        for file in files:
            writer.write_table(file.read(use_threads=False))
    whole: bytes = sink.getvalue().to_pybytes()
    return whole
