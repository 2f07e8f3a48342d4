"""The prediction log as it lies in the blob store: Parquet files named by their first and last id.

`predictions/<project>/<deployment>/<first>-<last>.<writer>.parquet`.  Ids are ULIDs and one
writer's ids only rise, so a name tells which times a segment holds, and two segments of one
writer overlap only if one was merged from the other: the wider one is then the one to read.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.base.ids import milliseconds_of
from bucle.drivers.blobs import BlobStore

SEGMENTS = "predictions"
FEATURE, OUTPUT = "in_", "out_"
# Of a row that a version said in the shadow: the prediction that its caller got.
COPY_OF = "shadow_of"
SHADOW_OF = OUTPUT + COPY_OF
SHARE = "share"  # of the rows like this one that were logged: it stands for 1 / share rows
_SUFFIX = ".parquet"
_ID_LENGTH = 26

# The columns of every segment; features (`in_<name>`) and outputs (`out_<name>`) follow.
FRAME = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("deployment_ref", pa.string(), nullable=False),
        pa.field("model_ref", pa.string(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("latency_us", pa.int64(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
        pa.field(SHARE, pa.float64(), nullable=False),
    ]
)


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the log."""

    project: str
    deployment: str
    first: str  # id of its first row
    last: str  # id of its last row
    writer: str  # the run of a model server that wrote it

    @property
    def key(self) -> str:
        """Where it lies."""
        return (
            f"{folder_of(self.project, self.deployment)}/"
            f"{self.first}-{self.last}.{self.writer}{_SUFFIX}"
        )

    def covers(self, other: "Segment") -> bool:
        """Tell whether the other one's rows are all in this one."""
        return (
            (self.project, self.deployment, self.writer)
            == (other.project, other.deployment, other.writer)
            and self.first <= other.first
            and other.last <= self.last
            and self != other
        )


def folder_of(project: str, deployment: str = "") -> str:
    """Return the folder of a deployment's segments; without one, of the project's."""
    return f"{SEGMENTS}/{project}" + (f"/{deployment}" if deployment else "")


def parse_segment(key: str) -> Segment | None:
    """Read a segment's name, or return None if a key is no segment's."""
    parts = key.split("/")
    if len(parts) != 4 or parts[0] != SEGMENTS or not key.endswith(_SUFFIX):  # noqa: PLR2004 - folder, project, deployment, file
        return None
    ids, _, writer = parts[3].removesuffix(_SUFFIX).partition(".")
    first, _, last = ids.partition("-")
    if len(first) != _ID_LENGTH or len(last) != _ID_LENGTH or not writer:
        return None
    return Segment(project=parts[1], deployment=parts[2], first=first, last=last, writer=writer)


def list_segments(blobs: BlobStore, project: str, deployment: str = "") -> tuple[Segment, ...]:
    """List the segments of a deployment, or of the whole project, by their first id."""
    found = (parse_segment(item.key) for item in blobs.list(folder_of(project, deployment)))
    return not_merged([segment for segment in found if segment is not None])


def not_merged(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Leave out what a wider segment of the same writer holds as well.

    A server that dies between writing a merged segment and deleting its parts leaves both.
    """
    widest_first = sorted(
        segments,
        key=lambda item: (item.deployment, item.writer, item.first, _falling(item.last)),
    )
    kept: list[Segment] = []
    for segment in widest_first:
        if not (kept and kept[-1].covers(segment)):
            kept.append(segment)
    return tuple(sorted(kept, key=lambda item: (item.first, item.last)))


def within(segment: Segment, since: datetime, until: datetime) -> bool:
    """Tell whether a segment may hold predictions of `since <= at < until`.

    An id's time is never before its prediction's, and at most a second after it (ids rise
    even if the clock steps back a little).
    """
    first, last = milliseconds_of(segment.first), milliseconds_of(segment.last)
    return last >= _milliseconds(since) and first - 1000 < _milliseconds(until) + 1


def local_segment(blobs: BlobStore, segment: Segment, cache: Path) -> Path:
    """Return a segment's file: in place if the store is local, else fetched once.

    Raises:
        NotFound: it was merged into another since it was listed.
    """
    path = blobs.local_path(segment.key)
    if path is None:
        path = cache / segment.key
        if not path.is_file():
            blobs.download(segment.key, path)
    if not path.is_file():
        raise NotFound(f"{segment.key} is gone")
    return path


def read_files(paths: Sequence[Path], names: Sequence[str] | None) -> pa.Table:
    """Read the named columns of segments (all, if None) as one table, by id.

    Where versions of a model gave a column different types, the wider one holds; text, where
    there is none.
    """
    tables = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            wanted = there if names is None else [name for name in names if name in there]
            tables.append(file.read(columns=wanted))
    joined = join_tables(tables) if tables else FRAME.empty_table()
    if names is None or SHARE in names:
        joined = _with_share(joined)
    for name in names or ():
        if name not in joined.column_names:
            joined = joined.append_column(name, pa.nulls(len(joined)))
    return joined if names is None else joined.select(list(names))


def _with_share(table: pa.Table) -> pa.Table:
    """Say of rows that an earlier release wrote that all were logged: they were."""
    if SHARE not in table.column_names:
        return table.append_column(FRAME.field(SHARE), pa.repeat(1.0, len(table)))
    shares = table[SHARE].fill_null(1.0)
    return table.set_column(table.column_names.index(SHARE), FRAME.field(SHARE), shares)


def join_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables below each other; a column that some lack is null there."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        clashing = _clashing(tables)
        texts = [_as_text(table, clashing) for table in tables]
        return pa.concat_tables(texts, promote_options="permissive")


def _clashing(tables: Sequence[pa.Table]) -> set[str]:
    """Return the columns whose types have no common one."""
    fields: dict[str, pa.Schema] = {}
    clashing = set()
    for field in (field for table in tables for field in table.schema):
        alone = pa.schema([field])
        try:
            before = fields.setdefault(field.name, alone)
            fields[field.name] = pa.unify_schemas([before, alone], promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            clashing.add(field.name)
    return clashing


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.name in names and not pa.types.is_nested(field.type):
            texts = table.column(place).cast(pa.string())
            table = table.set_column(place, field.name, texts)
        elif field.name in names:
            texts = pa.array([str(value) for value in table.column(place).to_pylist()])
            table = table.set_column(place, field.name, texts)
    return table


def _falling(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
