"""Training sets from a file to a file: what does not fit in memory is joined all the same.

Keys and moments are set apart from the rest of the entity rows, each view's features are computed
from there by the engine, which spills to the disk, and the parts are set beside each other in
the order of the entity rows.  At no time is more than a stretch of rows held here.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Unavailable
from bucle.base.refs import Ref
from bucle.drivers.engine import TableSource
from bucle.drivers.house import Drivers
from bucle.governance.session import Session
from bucle.lifecycle.features.compute import AT, EVENT, ROW, feature_statements
from bucle.lifecycle.features.records import FeatureView
from bucle.lifecycle.features.source import source_rows
from bucle.lifecycle.features.training import (
    Joined,
    check_names,
    features_of,
    inputs_in,
    moments_of,
    noted,
    resolved,
    with_rows,
)

_ROWS_PER_STRETCH = 131_072


def write_training_set(
    session: Session,
    entities: pa.RecordBatchReader,
    views: Sequence[FeatureView | Ref | str],
    path: Path,
    *,
    at: str = "at",
    known: bool = True,
) -> tuple[Ref, ...]:
    """Write what `training_set` returns to a Parquet file, whole or not at all.

    The memory that it takes does not grow with the rows: the engine keeps to its limit
    (`BUCLE_ENGINE_URL`), and beside it there is one stretch of rows.  Returns the dataset
    versions and registered views that went in, as `inputs_of` tells of the file's table.

    Raises:
        Invalid: see `training_set`.
        Unavailable: the disk is full, or the engine's memory does not do.
    """
    joined = resolved(session, views)
    check_names(entities.schema.names, joined, at)
    moments_of(entities.schema.empty_table(), at)  # refuses what is no time before any work
    with _folder_beside(path) as folder:
        whole, asked = folder / "entities.parquet", folder / "asked.parquet"
        keys = dict.fromkeys(name for each in joined for name in each.keys)
        _set_apart(entities, [*keys], at, whole=whole, asked=asked)
        parts = {
            each.name: [*_compute(session, each, asked, folder / str(place), known=known)]
            for place, each in enumerate(with_rows(joined))
        }
        made = folder / "made.parquet"
        notes = noted(entities.schema, joined)
        _set_beside(session.drivers, joined, whole, parts, made, notes)
        made.replace(path)
    return inputs_in(joined)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Yield a folder on the disk of the path, and remove it afterwards."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".training-") as folder:
            yield Path(folder)
    except OSError as error:
        raise Unavailable(
            f"{path} can not be written: {error.strerror or error}",
            hint="free some space, or write to another disk",
        ) from error


def _set_apart(
    entities: pa.RecordBatchReader, keys: Sequence[str], at: str, *, whole: Path, asked: Path
) -> None:
    """Write the entity rows as they are, and apart their keys, moments and places."""
    numbers = [pa.field(AT, pa.int64()), pa.field(ROW, pa.int64())]
    schema = pa.schema([*(entities.schema.field(name) for name in keys), *numbers])
    rows = 0
    with pq.ParquetWriter(whole, entities.schema) as kept, pq.ParquetWriter(asked, schema) as apart:
        for table in _stretches(entities):
            moments = moments_of(table, at, rows_before=rows)
            places = pa.array(np.arange(rows, rows + table.num_rows))
            kept.write_table(table)
            columns = [*(table[name] for name in keys), moments, places]
            apart.write_table(pa.Table.from_arrays(columns, schema=schema))
            rows += table.num_rows


def _compute(
    session: Session, each: Joined, asked: Path, folder: Path, *, known: bool
) -> Iterator[Path]:
    """Let the engine write a view's features, a file for the columns and one for the windows."""
    engine = session.drivers.offline
    assert each.source is not None
    source = source_rows(session.drivers, each.view, each.source.files)
    tables: dict[str, TableSource] = {"source": source, "entities": [asked]}
    keys = pq.read_schema(asked)
    folder.mkdir()
    for place, sql in enumerate(feature_statements(engine, each.view, source, keys, known=known)):
        part = folder / f"{place}.parquet"
        schema = engine.query(f"SELECT * FROM ({sql}) LIMIT 0", tables=tables).schema
        # Not by the engine: as Arrow writes them, the types are those of `training_set`.
        with pq.ParquetWriter(part, schema) as writer:
            for batch in engine.stream(sql, tables=tables, rows_per_batch=_ROWS_PER_STRETCH):
                writer.write_batch(batch)
        yield part


def _set_beside(
    drivers: Drivers,
    joined: Sequence[Joined],
    whole: Path,
    parts: Mapping[str, Sequence[Path]],
    made: Path,
    notes: dict[bytes, bytes],
) -> None:
    """Write the entity rows with the columns of all parts, and what is computed from them.

    Raises:
        AssertionError: a part lost, doubled or moved a row.
    """
    with ExitStack() as stack:
        entities = stack.enter_context(pq.ParquetFile(whole))
        files = {
            name: [stack.enter_context(pq.ParquetFile(path)) for path in paths]
            for name, paths in parts.items()
        }
        columns = {name: [_stretches_of(file) for file in each] for name, each in files.items()}
        types = {name: [file.schema_arrow for file in each] for name, each in files.items()}
        empty = {name: _found(each.empty_table() for each in several)
                 for name, several in types.items()}  # fmt: skip
        first = _row_of(drivers, joined, entities.schema_arrow.empty_table(), empty)
        schema = first.schema.with_metadata(notes)
        writer = stack.enter_context(pq.ParquetWriter(made, schema, compression="zstd"))
        row = 0
        for stretch in _stretches_of(entities):
            places = pa.chunked_array([np.arange(row, row + stretch.num_rows)])
            beside = {name: _found(_aligned(name, each, places) for each in several)
                      for name, several in columns.items()}  # fmt: skip
            written = _row_of(drivers, joined, stretch, beside)
            writer.write_table(pa.Table.from_arrays(written.columns, schema=schema))
            row += stretch.num_rows
        if any(next(each, None) for several in columns.values() for each in several):
            raise AssertionError(f"{made} would have more rows than the entities")


def _row_of(
    drivers: Drivers,
    joined: Sequence[Joined],
    entities: pa.Table,
    found: Mapping[str, pa.Table],
) -> pa.Table:
    """Return entity rows with the features that were asked for."""
    made = entities
    for each in joined:
        features = features_of(drivers, each, found, entities)
        for name in each.view.features:
            made = made.append_column(name, features[name])
    return made


def _aligned(name: str, part: Iterator[pa.Table], places: pa.ChunkedArray) -> pa.Table:
    found = next(part, None)
    if found is None or not found[ROW].equals(places):
        raise AssertionError(f"{name} has other rows than the entities, from {places[0]} on")
    return found


def _found(parts: Iterable[pa.Table]) -> pa.Table:
    """Return the features of a view, of its columns and its windows, beside each other."""
    columns = {}
    for part in parts:
        for name in part.drop_columns(_ours(part)).column_names:
            columns[name] = part[name]
    return pa.table(columns)


def _ours(part: pa.Table) -> list[str]:
    return [name for name in (ROW, EVENT) if name in part.column_names]


def _stretches_of(file: pq.ParquetFile) -> Iterator[pa.Table]:
    return _stretches(file.iter_batches(batch_size=_ROWS_PER_STRETCH))


def _stretches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows in pieces of one length, whatever they come in."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= _ROWS_PER_STRETCH:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, _ROWS_PER_STRETCH)
            waiting = table.slice(_ROWS_PER_STRETCH).to_batches()
            rows -= _ROWS_PER_STRETCH
    if rows:
        yield pa.Table.from_batches(waiting)
