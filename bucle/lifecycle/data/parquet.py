"""Write rows as Parquet files of moderate size into the content store, and read their footers.

The same rows in the same schema give the same bytes, whatever batches they come in: files
are cut at fixed rows and each is written from one contiguous piece.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import Unavailable
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import store_draft
from bucle.drivers.blobs.drafts import Draft, open_draft, sweep_drafts
from bucle.lifecycle.data.known import Seen, look
from bucle.lifecycle.data.records import ColumnStats, DataFile

ROWS_PER_FILE = 131_072  # a change by key writes whole files anew: small ones, then
_LOOKED_AT = 16  # one of so many rows, for whether a column's values repeat
_FEWEST_LOOKED_AT = 128  # rows; fewer say nothing
_MOSTLY_DIFFERENT = 0.9
_WRITTEN_AT_ONCE = 1 << 20  # bytes


def store_rows(
    blobs: BlobStore, batches: Iterable[pa.RecordBatch], schema: pa.Schema, *, folder: Path
) -> tuple[DataFile, ...]:
    """Write all rows, and return the files in the order of the rows.

    Files grow in `folder` before they are stored; what dead writers left there is removed.

    Raises:
        Unavailable: the folder's disk is full, or can not be written.
    """
    return tuple(file for file, _ in looked_at(blobs, batches, schema, folder=folder))


def looked_at(
    blobs: BlobStore, batches: Iterable[pa.RecordBatch], schema: pa.Schema, *, folder: Path
) -> Iterator[tuple[DataFile, Seen]]:
    """Do what `store_rows` does, and yield with each file what was seen of its rows on the way."""
    sweep_drafts(folder)
    for rows in _pieces(batches, schema):
        yield _file_of(blobs, rows, folder), look(rows)


def file_of(table: pa.Table) -> DataFile:
    """Return what a file of these rows would say of them; it is written nowhere."""
    stats = []
    for name in table.column_names:
        column = table.column(name)
        limits: dict[str, object] = {"min": None, "max": None}
        if _has_order(column.type):
            limits = pc.min_max(column).as_py()
        stats.append(
            ColumnStats(
                name=name,
                nulls=column.null_count,
                minimum=_plain(limits["min"]),
                maximum=_plain(limits["max"]),
            )
        )
    return DataFile(digest="", size_bytes=0, rows=table.num_rows, stats=tuple(stats))


def _has_order(type_: pa.DataType) -> bool:
    kinds = pa.types
    return bool(
        kinds.is_integer(type_)
        or kinds.is_string(type_)
        or kinds.is_timestamp(type_)
        or kinds.is_date(type_)
    )


def _file_of(blobs: BlobStore, rows: pa.Table, folder: Path) -> DataFile:
    footers: list[pq.FileMetaData] = []
    with _growing(folder) as file:
        with pq.ParquetWriter(
            file,
            rows.schema,
            compression="zstd",
            version="2.6",
            metadata_collector=footers,
            use_dictionary=_repeating(rows),
        ) as writer:
            writer.write_table(rows, row_group_size=ROWS_PER_FILE)
        return file.stored(blobs, footers[0])


def _repeating(rows: pa.Table) -> bool | list[str]:
    """Return the columns whose values repeat; True where nobody looked.

    A dictionary of values that hardly repeat takes longer to make than the rest of a file, and
    makes it larger.  A nested column has no name by which it could be left out.
    """
    seen = rows.slice(0, rows.num_rows // _LOOKED_AT)
    if seen.num_rows < _FEWEST_LOOKED_AT or any(
        pa.types.is_nested(one.type) for one in rows.schema
    ):
        return True
    most = _MOSTLY_DIFFERENT * seen.num_rows
    return [
        field.name
        for field in rows.schema
        if pc.count_distinct(seen.column(field.name), mode="all").as_py() < most
    ]


class _Growing:
    """A Parquet file that grows; its writer takes it for a file that is open."""

    closed = False

    def __init__(self, draft: Draft, folder: Path) -> None:
        self._draft = draft
        self._folder = folder
        self._waiting: list[bytes] = []  # the writer gives pages of some kilobytes
        self._waiting_bytes = 0

    def write(self, part: bytes) -> int:
        """Add bytes to what is digested and written."""
        self._waiting.append(part)
        self._waiting_bytes += len(part)
        if self._waiting_bytes >= _WRITTEN_AT_ONCE:
            self._hand_over()
        return len(part)

    def tell(self) -> int:
        """Return how many bytes there are."""
        return self._draft.size_bytes + self._waiting_bytes

    def _hand_over(self) -> None:
        with _told_when_full(self._folder):
            self._draft.write(b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0

    def flush(self) -> None:
        """Do nothing: what waits is handed over when the file is stored."""

    def close(self) -> None:
        """Do nothing: the draft is closed by whoever opened it."""

    def stored(self, blobs: BlobStore, footer: pq.FileMetaData) -> DataFile:
        """Move the whole file into the content store."""
        self._hand_over()
        digest = self._draft.digest
        store_draft(blobs, self._draft.path, digest)
        return DataFile(
            digest=digest,
            size_bytes=self._draft.size_bytes,
            rows=footer.num_rows,
            stats=_stats(footer),
        )


@contextmanager
def _growing(folder: Path) -> Iterator[_Growing]:
    """Yield a file to write, which is gone afterwards unless it was stored."""
    with ExitStack() as stack:
        with _told_when_full(folder):
            draft = stack.enter_context(open_draft(folder))
        yield _Growing(draft, folder)


@contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, Unavailable) as error:
        reason = error if isinstance(error, OSError) else error.__cause__
        raise Unavailable(
            f"{folder} can not be written: {getattr(reason, 'strerror', None) or error}",
            hint="free some space, or set BUCLE_HOME to a folder that you can write",
        ) from error


def _pieces(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut the stream at every `ROWS_PER_FILE` rows, each piece in one chunk."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= ROWS_PER_FILE:
            table = pa.Table.from_batches(waiting, schema=schema)
            yield table.slice(0, ROWS_PER_FILE).combine_chunks()
            rest = table.slice(ROWS_PER_FILE)
            waiting, rows = rest.to_batches(), rest.num_rows
    if rows:
        yield pa.Table.from_batches(waiting, schema=schema).combine_chunks()


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
        # A group of very long texts says nothing of them: then nobody knows of the whole file.
        unknown = any(each.num_values and not each.has_min_max for each in stats)
        found.append(
            ColumnStats(
                name=pieces[0].path_in_schema,
                nulls=sum(each.null_count or 0 for each in stats),
                minimum=None
                if unknown
                else _plain(min((each.min for each in ranges), default=None)),
                maximum=None
                if unknown
                else _plain(max((each.max for each in ranges), default=None)),
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
