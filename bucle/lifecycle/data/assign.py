"""Decide which rows fit, which select and which confirm: columns in, a part per row out."""

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid
from bucle.lifecycle.data.records import PARTS, SplitSpec

Parts: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

_WHOLE = 1.0
_DIGITS = 16


def assign(spec: SplitSpec, table: pa.Table) -> Parts:
    """Return the part of each row, as its place in `PARTS`.

    By a column, equal values stay together, and a value is in the same part in every version of
    the dataset.  By time, what came first fits and what came last confirms; equal times stay
    together.  Without either, rows are drawn by the seed.

    Raises:
        Invalid: a row has no time, or a part would have no rows.
    """
    if spec.by:
        parts = _by_value(spec, table.column(spec.by))
    elif spec.time:
        parts = _by_time(spec, table.column(spec.time))
    else:
        parts = _drawn(spec, table.num_rows)
    return none_empty(parts)


def none_empty(parts: Parts) -> Parts:
    """Return parts none of which is empty.

    Raises:
        Invalid: one would have no rows.
    """
    counts = np.bincount(parts, minlength=len(PARTS))
    empty = [name for name, count in zip(PARTS, counts, strict=True) if not count]
    if empty:
        raise Invalid(
            f"the part {empty[0]!r} would have none of the {len(parts)} rows",
            hint="give it a greater share, or split by something finer",
        )
    return parts


def check_spec(spec: SplitSpec, columns: tuple[str, ...]) -> None:
    """Refuse a split that can not be made of these columns.

    Raises:
        Invalid: the shares are none, both `by` and `time` are given, or a column is unknown.
    """
    if spec.fit <= 0 or spec.select <= 0 or spec.fit + spec.select >= _WHOLE:
        raise Invalid(
            f"fit {spec.fit:g} and select {spec.select:g} leave no shares of three parts",
            hint="each above 0, and together below 1: what is left confirms",
        )
    if spec.by and spec.time:
        raise Invalid("a split is by a column or by time", hint="give by or time")
    if spec.time and (spec.stratify or spec.key):
        raise Invalid(
            "rows are split by time or drawn by their classes", hint="give time or stratify"
        )
    if spec.key and not spec.stratify:
        raise Invalid("a key is for rows that are drawn by their classes", hint="--stratify label")
    for wanted in filter(None, (spec.by, spec.time, *spec.stratify, *spec.key)):
        if wanted not in columns:
            raise Invalid(f"there is no column {wanted!r}", hint=f"there is {', '.join(columns)}")


def _cuts(spec: SplitSpec) -> tuple[float, float]:
    return spec.fit, spec.fit + spec.select


def _drawn(spec: SplitSpec, rows: int) -> Parts:
    first, second = (round(cut * rows) for cut in _cuts(spec))
    parts = np.zeros(rows, np.uint8)
    order = np.random.default_rng(spec.seed).permutation(rows)
    parts[order[first:second]] = 1
    parts[order[second:]] = 2
    return parts


def _by_value(spec: SplitSpec, column: pa.ChunkedArray) -> Parts:
    coded = pa.chunked_array([column.combine_chunks()]).dictionary_encode().combine_chunks()
    places = np.array([_place(spec.seed, value) for value in coded.dictionary.to_pylist()])
    of_value = np.searchsorted(_cuts(spec), places, side="right").astype(np.uint8)
    codes = coded.indices.fill_null(len(of_value)).to_numpy()
    of_null = np.searchsorted(_cuts(spec), _place(spec.seed, None), side="right")
    found: Parts = np.append(of_value, np.uint8(of_null))[codes]
    return found


def _place(seed: int, value: object) -> float:
    """Return where a value stands between 0 and 1, for ever."""
    digest = digest_bytes(f"{seed}:{value!r}".encode())[:_DIGITS]
    return float(int(digest, 16) / 16**_DIGITS)


def _by_time(spec: SplitSpec, column: pa.ChunkedArray) -> Parts:
    if column.null_count:
        raise Invalid(
            f"{column.null_count} rows have no {spec.time!r}, so nobody knows when they came",
            hint="split by another column, or commit rows that all have it",
        )
    moments = column.to_numpy()
    ordered = np.sort(moments, kind="stable")
    last_fit, last_select = (ordered[max(round(cut * len(ordered)) - 1, 0)] for cut in _cuts(spec))
    parts: Parts = np.where(moments <= last_fit, 0, np.where(moments <= last_select, 1, 2)).astype(
        np.uint8
    )
    return parts
