"""Count over all rows, every column in one scan: what lies far out, what is blank, what repeats."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.data.explore.records import ColumnFacts, Duplicates, Outliers
from bucle.lifecycle.data.explore.sample import Sample
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import ColumnProfile, Profile
from bucle.lifecycle.data.sql import valued

ROBUST_Z = 5.0
NORMAL = 1.4826  # MAD of a normal distribution to its deviation
FENCE = 3.0  # interquartile ranges
_SHOWN = 3
_ID_SHARE = 0.9  # of values that are there once; the count of different values is approximate
_ID_ROWS = 100
_ID_NAME = re.compile(r"(?i)(^|_)(id|uuid|guid|key|number|nr|no)$|Id$|ID$")
_DENSE = 4  # numbers that were given out one after the other lie this near to each other


def column_facts(
    engine: Engine, table: TableSource, profile: Profile, sample: Sample, types: Mapping[str, str]
) -> tuple[ColumnFacts, ...]:
    """Return what there is to say of each column beside its profile, in one scan."""
    parts: list[str] = ["count(*) AS n"]
    middles = {
        column.name: _middle(sample.numbers[column.name])
        for column in profile.columns
        if column.kind == "number"
    }
    for place, column in enumerate(profile.columns):
        value = valued(column.name, column.kind)
        if column.kind == "number":
            parts += _of_number(place, value, middles[column.name])
        elif column.kind == "category":
            parts += [
                f"count_if(trim({value}) = '')::BIGINT AS blank{place}",
                f"max(length({value})) AS longest{place}",
            ]
    rows = engine.query(f"SELECT {', '.join(parts)} FROM dataset", tables={"dataset": table})
    (row,) = rows.to_pylist()
    return tuple(
        ColumnFacts(
            profile=column,
            type=types.get(column.name, column.kind),
            missing_share=column.nulls / profile.rows if profile.rows else 0.0,
            zeros=row.get(f"zeros{place}") or 0,
            negative=row.get(f"negative{place}") or 0,
            infinite=row.get(f"infinite{place}") or 0,
            blank=row.get(f"blank{place}") or 0,
            longest=row.get(f"longest{place}") or 0,
            outliers=_outliers(place, row, middles.get(column.name)),
            is_id=is_id(column, types.get(column.name, "")),
        )
        for place, column in enumerate(profile.columns)
    )


def is_id(column: ColumnProfile, type_: str) -> bool:
    """Tell whether a column names its rows rather than measuring them."""
    if column.count < _ID_ROWS or column.distinct < _ID_SHARE * column.count:
        return False
    if column.kind == "category":
        return True
    if column.kind != "number" or not type_.startswith(("int", "uint")):
        return False
    span = (column.maximum or 0.0) - (column.minimum or 0.0)
    return bool(_ID_NAME.search(column.name)) or span <= _DENSE * column.count


def duplicates_of(engine: Engine, table: TableSource, key: Sequence[str]) -> Duplicates:
    """Count rows that are there more than once, and keys that are."""
    names = schema_of(table).names
    asked = ["count(*) AS n", f"count(DISTINCT {_hash(names)}) AS rows"]
    if key:
        asked.append(f"count(DISTINCT {_hash(key)}) AS keys")
    found = engine.query(f"SELECT {', '.join(asked)} FROM dataset", tables={"dataset": table})
    (row,) = found.to_pylist()
    by_key = row["n"] - row["keys"] if key else 0
    return Duplicates(
        rows=row["n"] - row["rows"],
        key=tuple(key),
        by_key=by_key,
        examples=_repeated(engine, table, key) if by_key else (),
    )


def _hash(names: Sequence[str]) -> str:
    return f"hash({', '.join(quoted(name) for name in names)})"


def _repeated(engine: Engine, table: TableSource, key: Sequence[str]) -> tuple[str, ...]:
    names = ", ".join(quoted(name) for name in key)
    found = engine.query(
        f"SELECT {names}, count(*) AS bucle_n FROM dataset GROUP BY {names} "
        f"HAVING count(*) > 1 ORDER BY bucle_n DESC, {names} LIMIT {_SHOWN}",
        tables={"dataset": table},
    )
    return tuple(
        ", ".join(f"{name}={row[name]}" for name in key) + f" ({row['bucle_n']}x)"
        for row in found.to_pylist()
    )


class _Middle:
    """Where a number's values lie, in the sample."""

    def __init__(self, values: Any) -> None:  # noqa: ANN401 - an array
        there = values[np.isfinite(values)]
        self.any = len(there) > 0
        low, middle, high = np.quantile(there, (0.25, 0.5, 0.75)) if self.any else (0.0, 0.0, 0.0)
        self.quartiles = (float(low), float(high))
        self.median = float(middle)
        self.mad = float(np.median(np.abs(there - middle))) if self.any else 0.0
        self.ends = _ends(there)


def _ends(there: Any) -> tuple[float, float]:  # noqa: ANN401 - an array
    """Return the least values' largest and the largest values' least."""
    shown = min(_SHOWN, len(there)) - 1
    if shown < 0:
        return 0.0, 0.0
    return (
        float(np.partition(there, shown)[shown]),
        float(-np.partition(-there, shown)[shown]),
    )


def _middle(values: Any) -> _Middle:  # noqa: ANN401 - an array
    return _Middle(values)


def _of_number(place: int, value: str, middle: _Middle) -> list[str]:
    low, high = middle.quartiles
    reach = FENCE * (high - low)
    fences = f"{value} < {low - reach!r}::DOUBLE OR {value} > {high + reach!r}::DOUBLE"
    far = f"abs({value} - {middle.median!r}::DOUBLE) > {ROBUST_Z * NORMAL * middle.mad!r}::DOUBLE"
    # Whatever is among the least of all rows is not above the least of some: few are compared.
    least, most = (f"{one!r}::DOUBLE" for one in middle.ends)
    return [
        f"count_if({value} = 0)::BIGINT AS zeros{place}",
        f"count_if({value} < 0)::BIGINT AS negative{place}",
        f"count_if(isinf({value}))::BIGINT AS infinite{place}",
        f"count_if({far})::BIGINT AS robust{place}",
        f"count_if({fences})::BIGINT AS beyond{place}",
        (
            f"min({value}, {_SHOWN}) FILTER (WHERE {value} <= {least} AND isfinite({value})) "
            f"AS lowest{place}"
        ),
        (
            f"max({value}, {_SHOWN}) FILTER (WHERE {value} >= {most} AND isfinite({value})) "
            f"AS highest{place}"
        ),
    ]


def _outliers(place: int, row: Mapping[str, Any], middle: _Middle | None) -> Outliers | None:
    if middle is None or not middle.any:
        return None
    low, high = middle.quartiles
    return Outliers(
        median=middle.median,
        mad=middle.mad,
        quartiles=middle.quartiles,
        robust=row[f"robust{place}"] if middle.mad else None,
        beyond=row[f"beyond{place}"] if high > low else None,
        lowest=tuple(row[f"lowest{place}"] or ()),
        highest=tuple(row[f"highest{place}"] or ()),
    )
