"""Rows in memory for what takes pairs, ranks or folds: all of a small table, else a seeded share.

The share is drawn by a hash of the row's number, so that it is the same rows each time and no
rhythm of the rows is met by the rhythm of the draw.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.sql import valued

SEED = 20_260_101
MOST_ROWS = 200_000
_MOST_CELLS = 8_000_000  # 64 MB of numbers: fewer rows of a very wide table
_FEWEST_ROWS = 1_000
_PARTS = 1 << 32

Array = np.ndarray[Any, np.dtype[Any]]


class Coded(NamedTuple):
    """A category as numbers of its values; -1 is missing."""

    codes: Array
    labels: tuple[str, ...]


class Sample(NamedTuple):
    """Columns of one set of rows: numbers (missing is NaN), times in seconds, categories."""

    rows: int
    numbers: Mapping[str, Array]
    times: Mapping[str, Array]
    categories: Mapping[str, Coded]


def rows_to_take(rows: int, columns: int) -> int:
    """Return how many rows a sample has: bounded by rows and by cells."""
    most = min(MOST_ROWS, max(_MOST_CELLS // max(columns, 1), _FEWEST_ROWS))
    return min(rows, most)


def draw(engine: Engine, table: TableSource, kinds: Mapping[str, str], rows: int) -> Sample:
    """Draw rows of a table whose columns have these kinds.

    A share is drawn row by row, so a sample of a large table has about as many rows as asked.
    """
    wanted = rows_to_take(rows, len(kinds))
    chosen = ", ".join(f"{valued(name, kind)} AS {quoted(name)}" for name, kind in kinds.items())
    source = "dataset"
    if wanted < rows:
        share = int(wanted / rows * _PARTS)
        source = (
            "(SELECT * FROM (SELECT *, row_number() OVER () AS bucle_row FROM dataset) "
            f"WHERE hash(bucle_row + {SEED}) % {_PARTS} < {share})"
        )
    found = engine.query(f"SELECT {chosen or 'count(*)'} FROM {source}", tables={"dataset": table})
    return sample_of(found, kinds)


def sample_of(table: pa.Table, kinds: Mapping[str, str]) -> Sample:
    """Return a table's columns as arrays."""
    numbers: dict[str, Array] = {}
    times: dict[str, Array] = {}
    categories: dict[str, Coded] = {}
    for name, kind in kinds.items():
        column = table.column(name)
        if kind in {"number", "time"}:
            array = column.cast(pa.float64()).to_numpy().astype(np.float64)
            array = np.where(np.isfinite(array), array, np.nan)
            (numbers if kind == "number" else times)[name] = array
        else:
            categories[name] = coded(column)
    return Sample(table.num_rows, numbers, times, categories)


def coded(column: pa.ChunkedArray) -> Coded:
    """Number the values of a category in the order of their texts."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    labels = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.argsort(labels.astype(str), kind="stable") if len(labels) else np.array([], int)
    place = np.empty(len(labels) + 1, np.int64)
    place[order] = np.arange(len(labels))
    place[-1] = -1
    return Coded(place[codes], tuple(str(labels[one]) for one in order))


def folded(category: Coded, most: int) -> Coded:
    """Put all but the most frequent values together as one."""
    if len(category.labels) <= most:
        return category
    counts = np.bincount(category.codes[category.codes >= 0], minlength=len(category.labels))
    kept = np.argsort(-counts, kind="stable")[: most - 1]
    place = np.full(len(category.labels) + 1, most - 1, np.int64)
    place[kept] = np.arange(most - 1)
    place[-1] = -1
    labels = tuple(category.labels[one] for one in kept)
    return Coded(place[category.codes], (*labels, "…"))
