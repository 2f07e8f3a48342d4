"""The prediction log as a dataset: versioned, found, joined, and kept as long as any other.

Rows come late: a model server that was cut off hands its log over when it starts again, and merges
move rows into other files.  So what is remembered is not a time but, for each writer, the spans
of ids that are in the dataset: a row is collected once, whenever and in whichever file it comes.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.codec import convert
from bucle.base.errors import Conflict, NotFound, Unavailable
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.data.columns import known_schema
from bucle.lifecycle.data.commit import commit_opened
from bucle.lifecycle.data.sources import Source
from bucle.lifecycle.serving import segments
from bucle.lifecycle.serving.read import get_deployment
from bucle.lifecycle.serving.scoring import store
from bucle.lifecycle.serving.scoring.records import Collected

_KIND = "log"
_ATTEMPTS = 5
_ROWS_AT_ONCE = 32_768

Span = tuple[str, str]


class _Spans(msgspec.Struct, frozen=True, kw_only=True):
    """The first and last ids of what was collected, by writer."""

    writers: dict[str, tuple[Span, ...]] = {}


class _Found(msgspec.Struct, kw_only=True):
    """What is collected this time."""

    paths: list[Path]
    spans: dict[str, tuple[Span, ...]]
    rows: int = 0
    made_by: dict[str, None]  # deployments and models


def collect_log(session: Session, name: str, output: str = "") -> Collected:
    """Append what is new in a deployment's prediction log to a dataset (`<name>_predictions`).

    Raises:
        NotFound: there is no such deployment.
        Invalid: a column has another type than it has in the dataset.
        Conflict: somebody else collects, or the log kept being rewritten.
        Unavailable: the blob store does not answer, or the disk is full.
    """
    output = check_name(output or f"{name}_predictions")
    with session.begin(write=False) as scope:
        scope.require(Permission.PREDICTION_READ, Ref("deployment", name))
        scope.require(Permission.DATASET_WRITE, Ref("dataset", output))
        deployment = get_deployment(scope, Ref("deployment", name)).ref.bare
        before = _spans(scope, name, output)
        head = data.find_head(scope, output)
    with _folder(session) as folder:
        found = _gathered(session, name, before, folder)
        if not found.rows:
            return Collected(deployment=deployment, output=None, rows=0, segments=0)
        known = known_schema(session, head) if head else None
        version = _commit(session, (name, output), found, before, _schema(found.paths, known))
    return Collected(
        deployment=deployment, output=version.ref, rows=found.rows, segments=len(found.paths)
    )


@contextmanager
def _folder(session: Session) -> Iterator[Path]:
    """Yield a folder of this machine, and remove it afterwards."""
    try:
        session.drivers.cache_path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=session.drivers.cache_path, prefix=".collect-"
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise Unavailable(
            f"the prediction log can not be collected: {error.strerror or error}",
            hint="free some space, or set BUCLE_HOME to a folder that you can write",
        ) from error


def _spans(scope: Scope, name: str, output: str, *, lock: bool = False) -> _Spans:
    about = f"{name} {output}"
    found = store.find_state(scope.tx, scope.project, _KIND, about, lock=lock)
    return convert(found, _Spans) if found else _Spans()


def _gathered(session: Session, name: str, before: _Spans, folder: Path) -> _Found:
    """Write what is new into files of a folder: the log may be merged while it is committed."""
    blobs, cache = session.drivers.blobs, session.drivers.cache_path
    for _ in range(_ATTEMPTS):
        found = _Found(paths=[], spans=dict(before.writers), made_by={})
        try:
            for segment in segments.list_segments(blobs, session.project, name):
                spans = found.spans.get(segment.writer, ())
                if any(first <= segment.first and segment.last <= last for first, last in spans):
                    continue
                path = segments.local_segment(blobs, segment, cache)
                _keep(found, path, folder / f"{len(found.paths)}.parquet", spans)
                found.spans[segment.writer] = added(spans, (segment.first, segment.last))
        except (NotFound, FileNotFoundError):  # it was merged away meanwhile
            continue
        return found
    raise Conflict(f"the log of {name!r} kept being rewritten while it was read", hint="call again")


def _keep(found: _Found, path: Path, target: Path, spans: Sequence[Span]) -> None:
    """Write the rows of a segment that are in none of the spans."""
    table = segments.read_files([path], None)
    ids = np.asarray(table["id"].to_numpy(zero_copy_only=False)).astype(str)
    fresh = np.ones(len(ids), bool)
    for first, last in spans:
        fresh &= (ids < first) | (ids > last)
    table = table.filter(pa.array(fresh))
    if not table.num_rows:
        return
    pq.write_table(table, target, row_group_size=_ROWS_AT_ONCE)
    found.paths.append(target)
    found.rows += table.num_rows
    for column in ("deployment_ref", "model_ref"):
        found.made_by |= dict.fromkeys(table[column].unique().to_pylist())


def added(spans: Sequence[Span], new: Span) -> tuple[Span, ...]:
    """Return spans with another one; those that it covers are in it.  Pure."""
    kept = [one for one in spans if not (new[0] <= one[0] and one[1] <= new[1])]
    return tuple(sorted([*kept, new]))


def _schema(paths: Sequence[Path], known: pa.Schema | None) -> pa.Schema:
    """Return the columns of all files; text, where versions of a model gave one several types."""
    empty = [pq.read_schema(path).empty_table() for path in paths]
    schema = segments.join_tables(empty).schema
    if known is None:
        return schema
    fields = [
        known.field(field.name)
        if field.name in known.names and pa.types.is_string(known.field(field.name).type)
        else field
        for field in schema
    ]
    lacking = [field for field in known if field.name not in schema.names]
    return pa.schema([*fields, *lacking])


def _commit(
    session: Session, about: tuple[str, str], found: _Found, before: _Spans, schema: pa.Schema
) -> data.DatasetVersion:
    name, output = about

    def batches() -> Iterator[pa.RecordBatch]:
        for path in found.paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE):
                    yield _fitted(batch, schema)

    def also(scope: Scope, version: data.DatasetVersion) -> None:
        scope.require(Permission.DATASET_WRITE, version.ref)
        if _spans(scope, name, output, lock=True) != before:
            raise Conflict(
                f"somebody else collected the log of {name!r} meanwhile", hint="call again"
            )
        state = _Spans(writers=found.spans)
        store.put_state(scope.tx, scope.project, (_KIND, f"{name} {output}"), state, scope.now)
        for ref in found.made_by:
            scope.link(Ref.parse(ref), version.ref, "logged")
        scope.record(
            "deployment.log_collected", Ref("deployment", name),
            dataset=version.ref, rows=found.rows,
        )  # fmt: skip

    wish = data.Commit(
        name=output,
        files=(),
        mode="append",
        message=f"predictions of {name}",
        evolve=True,
        pull=f"{name} {max(last for spans in found.spans.values() for _, last in spans)}",
    )
    source = Source(name=f"the log of {name}", schema=schema, batches=batches)
    return commit_opened(session, wish, lambda _: [source], also)


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows in the columns of all: a value of a nested type as text, where text is wanted."""
    arrays = []
    for field in schema:
        if field.name not in batch.schema.names:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        values = batch.column(field.name)
        if pa.types.is_nested(values.type) and pa.types.is_string(field.type):
            told = [None if value is None else str(value) for value in values.to_pylist()]
            arrays.append(pa.array(told, pa.string()))
        else:
            arrays.append(values.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
