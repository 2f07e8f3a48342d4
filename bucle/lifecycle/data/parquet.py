"""Write rows as Parquet files of moderate size into the content store, and read their footers.

The same rows in the same schema give the same bytes, whatever batches they come in: groups
are cut at fixed rows and each is written from one contiguous piece.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Unavailable
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import store_file
from bucle.lifecycle.data.records import ColumnStats, DataFile

ROWS_PER_GROUP = 131_072
_CELLS_PER_FILE = 24_000_000


def store_rows(
    blobs: BlobStore, batches: Iterator[pa.RecordBatch], schema: pa.Schema, *, folder: Path
) -> tuple[DataFile, ...]:
    """Write all rows, and return the files in the order of the rows.

    Files grow in `folder` before they are stored.

    Raises:
        Unavailable: the folder's disk is full, or can not be written.
    """
    files = []
    per_file = max(1, _CELLS_PER_FILE // (ROWS_PER_GROUP * max(len(schema), 1)))
    groups = _groups(batches, schema)
    group = next(groups, None)
    while group is not None:
        with _growing(folder) as path:
            with pq.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
                for _ in range(per_file):
                    writer.write_table(group, row_group_size=ROWS_PER_GROUP)
                    group = next(groups, None)
                    if group is None:
                        break
            files.append(_stored(blobs, path))
    return tuple(files)


@contextmanager
def _growing(folder: Path) -> Iterator[Path]:
    """Yield a place for a file, and remove what is there afterwards."""
    path = folder / f"{uuid.uuid4().hex}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield path
    except OSError as error:
        raise Unavailable(
            f"{folder} can not be written: {error.strerror or error}",
            hint="free some space, or set BUCLE_HOME to a folder that you can write",
        ) from error
    finally:
        if path.is_file():
            path.unlink()


def _groups(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut the stream at every `ROWS_PER_GROUP` rows, each piece in one chunk."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= ROWS_PER_GROUP:
            table = pa.Table.from_batches(waiting, schema=schema)
            yield table.slice(0, ROWS_PER_GROUP).combine_chunks()
            rest = table.slice(ROWS_PER_GROUP)
            waiting, rows = rest.to_batches(), rest.num_rows
    if rows:
        yield pa.Table.from_batches(waiting, schema=schema).combine_chunks()


def _stored(blobs: BlobStore, path: Path) -> DataFile:
    metadata = pq.read_metadata(path)
    return DataFile(
        digest=store_file(blobs, path),
        size_bytes=path.stat().st_size,
        rows=metadata.num_rows,
        stats=_stats(metadata),
    )


def _stats(metadata: pq.FileMetaData) -> tuple[ColumnStats, ...]:
    """Join the statistics of the row groups; nested columns have none."""
    found = []
    for place in range(metadata.num_columns):
        pieces = [
            metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)
        ]
        if "." in pieces[0].path_in_schema or not all(piece.is_stats_set for piece in pieces):
            continue
        stats = [piece.statistics for piece in pieces]
        ranges = [each for each in stats if each.has_min_max]
        found.append(
            ColumnStats(
                name=pieces[0].path_in_schema,
                nulls=sum(each.null_count or 0 for each in stats),
                minimum=_plain(min((each.min for each in ranges), default=None)),
                maximum=_plain(max((each.max for each in ranges), default=None)),
            )
        )
    return tuple(found)


def _plain(value: object) -> float | int | str | None:
    """Return a limit as JSON has it; None for what has no short form."""
    match value:
        case bool():
            return int(value)
        case int() | float():
            return value if value == value else None  # noqa: PLR0124 - a NaN is no limit
        case datetime() | date():
            return value.isoformat()
        case str() if len(value) <= 200:  # noqa: PLR2004 - longer texts say nothing in a listing
            return value
    return None
