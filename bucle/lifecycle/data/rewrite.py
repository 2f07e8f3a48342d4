"""Take rows out of files by their key, writing only those files anew that hold one of them."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.drivers.house import Drivers
from bucle.lifecycle.data.compare import same_key
from bucle.lifecycle.data.parquet import file_of, store_rows
from bucle.lifecycle.data.prune import may_share
from bucle.lifecycle.data.read import file_paths
from bucle.lifecycle.data.records import DataFile

_ROW = "bucle_row"


def without(
    drivers: Drivers,
    files: Sequence[DataFile],
    keys: pa.Table,
    key: Sequence[str],
    *,
    spare: Collection[str] = (),
) -> tuple[DataFile, ...]:
    """Return files of the same rows in the same order, less those whose key is in the table.

    A file without such a row is the same file, as is one whose digest is to be spared.  A file
    of which nothing is left is gone.
    """
    near = {file.digest for file in may_share(files, (file_of(keys),), key)} - set(spare)
    left: list[DataFile] = []
    for file in files:
        left += _left_of(drivers, file, keys, key) if file.digest in near else (file,)
    return tuple(left)


def picked(
    drivers: Drivers, files: Sequence[DataFile], keys: pa.Table, key: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield the rows whose key is in the table, in their order, from each file that has some."""
    for file in may_share(files, (file_of(keys),), key):
        (path,) = file_paths(drivers, (file,))
        with pq.ParquetFile(path) as opened:
            places = _places(drivers, opened.read(columns=list(key)), keys, key)
            if len(places):
                yield opened.read().take(pa.array(places))


def _left_of(
    drivers: Drivers, file: DataFile, keys: pa.Table, key: Sequence[str]
) -> tuple[DataFile, ...]:
    (path,) = file_paths(drivers, (file,))
    with pq.ParquetFile(path) as opened:
        there = opened.read(columns=list(key))
        gone = _places(drivers, there, keys, key)
        if not len(gone):
            return (file,)
        if len(gone) == file.rows:
            return ()
        keep = np.ones(file.rows, dtype=bool)
        keep[gone] = False
        table = opened.read().filter(pa.array(keep))
    folder = drivers.cache_path / "incoming"
    return store_rows(drivers.blobs, table.to_batches(), table.schema, folder=folder)


def _places(drivers: Drivers, there: pa.Table, keys: pa.Table, key: Sequence[str]) -> np.ndarray:
    """Return the places of the rows whose key is in the table."""
    numbered = there.append_column(_ROW, pa.array(np.arange(there.num_rows)))
    answer = drivers.engine.query(
        f"SELECT {_ROW} FROM there AS t SEMI JOIN keys AS k ON {same_key(key, 't', 'k')}",
        tables={"there": numbered, "keys": keys},
    )
    return np.sort(answer.column(_ROW).to_numpy())
