"""Draw the parts of a split class by class, so that each part has each class in its share.

Rows are drawn by a hash of their key and the seed: however they are ordered, and in every
version, a row is drawn the same.  What an earlier version's split of the same name has assigned
stays where it is, and the rows that came since make up the shares.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid
from bucle.lifecycle.data.records import PARTS, SplitSpec, Stratum

_NONE = -1  # of a row: no part yet
_DIGITS = 16


def strata_parts(
    spec: SplitSpec, table: pa.Table, key: Sequence[str], before: Mapping[bytes, int]
) -> tuple[np.ndarray, tuple[Stratum, ...]]:
    """Return the part of each row as its place in `PARTS`, and what each class has in each.

    Args:
        spec: its shares, and the columns whose values together are a row's class.
        table: the columns of the classes and of the key; those of the group too, if there is one.
        key: the columns that tell rows apart; (): rows are drawn by their place.
        before: the parts of keys that were assigned in an earlier version.

    Raises:
        Invalid: two rows have the same key.
    """
    classes, names = _coded(table, spec.stratify)
    if spec.by:
        parts = _grouped(spec, table, classes, len(names))
    else:
        parts = _drawn(spec, table, key, (classes, len(names)), before)
    counts = np.zeros((len(names), len(PARTS)), np.int64)
    np.add.at(counts, (classes, parts), 1)
    found = [
        Stratum(
            name=name,
            rows=dict(zip(PARTS, map(int, row), strict=True)),
            is_thin=bool((row == 0).any()),
        )
        for name, row in zip(names, counts, strict=True)
    ]
    return parts.astype(np.uint8), tuple(found)


def keys_of(table: pa.Table, key: Sequence[str]) -> list[bytes]:
    """Write each row's key so that equal keys are equal bytes in every version."""
    columns = [table.column(name).to_pylist() for name in key]
    return [repr(values).encode() for values in zip(*columns, strict=True)]


def quotas(rows: int, shares: Sequence[float]) -> np.ndarray:
    """Return how many of some rows each share has: whole numbers that add up to all of them.

    By the method of the largest remainder (Hare's quota): each share rounded down, and what is
    left over to those that lost most by it, the first of equal ones.
    """
    exact = np.asarray(shares) * rows
    found = np.floor(exact + 1e-9).astype(np.int64)
    lost = exact - found
    for place in np.argsort(-lost, kind="stable")[: rows - int(found.sum())]:
        found[place] += 1
    return found


def shares_of(spec: SplitSpec) -> tuple[float, float, float]:
    """Return the share of each part."""
    return spec.fit, spec.select, 1 - spec.fit - spec.select


def _coded(table: pa.Table, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return the class of each row as a number, and how each class is called."""
    columns = [table.column(name).to_pylist() for name in names]
    seen: dict[tuple[Any, ...], int] = {}
    codes = [seen.setdefault(values, len(seen)) for values in zip(*columns, strict=True)]
    told = [", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True)) for values in seen]
    return np.asarray(codes, np.int64), told


def _drawn(
    spec: SplitSpec,
    table: pa.Table,
    key: Sequence[str],
    classes: tuple[np.ndarray, int],
    before: Mapping[bytes, int],
) -> np.ndarray:
    codes, number = classes
    parts = np.full(table.num_rows, _NONE, np.int64)
    if key:
        keys = keys_of(table, key)
        if len(set(keys)) != len(keys):
            raise Invalid(
                f"two rows have the same {', '.join(key)}, by which they are drawn",
                hint="give the columns that tell rows apart, or --by to keep equal ones together",
            )
        draw = np.array([_place(spec.seed, each) for each in keys])
        parts = np.array([before.get(each, _NONE) for each in keys], np.int64)
    else:
        draw = np.random.default_rng(spec.seed).permutation(table.num_rows)
    order = np.argsort(draw, kind="stable")
    for code in range(number):
        mine = order[codes[order] == code]
        there = parts[mine]
        wanted = quotas(len(mine), shares_of(spec))
        wanted -= np.bincount(there[there != _NONE], minlength=len(PARTS))
        fresh = mine[there == _NONE]
        parts[fresh] = np.repeat(np.arange(len(PARTS)), _filled(wanted, len(fresh)))
    return parts


def _filled(wanted: np.ndarray, rows: int) -> np.ndarray:
    """Return how many new rows each part gets, where some have too many already."""
    left: np.ndarray = np.maximum(wanted, 0)
    while (over := int(left.sum()) - rows) > 0:  # a part had more than its share before
        fullest = int(np.argmax(left))
        left[fullest] -= min(over, int(left[fullest]))
    return left


def _grouped(spec: SplitSpec, table: pa.Table, classes: np.ndarray, number: int) -> np.ndarray:
    """Keep groups together and come as near to the shares of each class as that allows.

    The largest groups first, each to the part that then deviates least from its share of each
    class, as scikit-learn's `StratifiedGroupKFold` does with folds.
    """
    groups, names = _coded(table, (spec.by,))
    counts = np.zeros((len(names), number), np.int64)
    np.add.at(counts, (groups, classes), 1)
    sizes = counts.sum(axis=1)
    draw = np.array([_place(spec.seed, name.encode()) for name in names])
    wanted = np.outer(shares_of(spec), counts.sum(axis=0))
    scale = np.maximum(wanted, 1.0)
    there = np.zeros_like(wanted)
    of_group = np.zeros(len(names), np.int64)
    for group in np.lexsort((draw, -sizes)):
        short = ((wanted - there) / scale)[:, counts[group] > 0]
        part = int(np.argmax((short * counts[group][counts[group] > 0]).sum(axis=1)))
        there[part] += counts[group]
        of_group[group] = part
    found: np.ndarray = of_group[groups]
    return found


def _place(seed: int, key: bytes) -> float:
    """Return where a key stands between 0 and 1, for ever."""
    digest = digest_bytes(f"{seed}:".encode() + key)[:_DIGITS]
    return float(int(digest, 16) / 16**_DIGITS)
