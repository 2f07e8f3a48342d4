"""A stream of payments and views of it, with a slow and plain oracle of what is right."""

import math
import random
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from bucle.base.quantity import parse_duration
from bucle.lifecycle.features import Aggregation, Entity, FeatureView

START = datetime(2026, 1, 1, tzinfo=UTC)
CARD = Entity(name="card", keys=("card",))
SCHEMA = pa.schema(
    {
        "card": pa.int64(),
        "at": pa.timestamp("us", "UTC"),
        "amount": pa.float64(),
        "fraud": pa.bool_(),
    }
)
BIG = 2**60 + 1

SPENDING = FeatureView(
    name="spending",
    entity=CARD,
    source="payments",
    time="at",
    aggregations=(
        Aggregation(function="count", window="1d"),
        *(
            Aggregation(function=function, column="amount", window=window)
            for function in ("sum", "mean", "std", "min", "max", "last")
            for window in ("1d", "7d")
        ),
        Aggregation(function="sum", column="fraud", window="7d", delay="7d"),
        Aggregation(function="count", column="amount", window="7d"),
    ),
    owner="fraud team",
    description="What a card spent lately",
)
LATEST = FeatureView(
    name="latest",
    entity=CARD,
    source="payments",
    time="at",
    columns=("amount", "fraud"),
    ttl="3d",
    owner="fraud team",
    description="The last payment of a card",
)


def payments(seed: int, rows: int, *, days: float = 20, first_day: float = 0) -> pa.Table:
    """Return payments on whole hours, so that many fall on one moment or on a window's edge."""
    rng = random.Random(seed)
    hours = int(days * 24)
    return pa.Table.from_pylist(
        [
            {
                "card": rng.choice([1, 2, 3, BIG, BIG + 1, None]),
                "at": START + timedelta(days=first_day, hours=rng.randrange(hours)),
                "amount": rng.choice([None, round(rng.uniform(1, 90), 2)]),
                "fraud": rng.random() < 0.3,
            }
            for _ in range(rows)
        ],
        schema=SCHEMA,
    )


def expected(view: FeatureView, table: pa.Table, key: Any, moment: datetime) -> dict[str, Any]:
    """Return a view's features by looking at every row."""
    rows = sorted(
        (row for row in table.to_pylist() if key is not None and row["card"] == key),
        key=lambda row: row["at"],
    )
    found = dict.fromkeys(view.columns)
    known = [row for row in rows if row["at"] + _duration(view.delay) <= moment]
    if known and (not view.ttl or moment - known[-1]["at"] <= _duration(view.ttl)):
        found = {name: known[-1][name] for name in view.columns}
    for each in view.aggregations:
        end = moment - _duration(each.delay or view.delay)
        start = end - _duration(each.window)
        window = [row for row in rows if start < row["at"] <= end]
        found[each.feature] = _figure(each, window)
    return found


def _figure(each: Aggregation, window: list[dict[str, Any]]) -> Any:
    if not each.column:
        return len(window)
    values = [row[each.column] for row in window if row[each.column] is not None]
    if each.function == "count":
        return len(values)
    if not values or (each.function == "std" and len(values) < 2):
        return None
    figures = {"sum": sum, "mean": statistics.fmean, "std": statistics.stdev, "min": min,
               "max": max, "last": lambda several: several[-1]}  # fmt: skip
    return figures[each.function](values)


def _duration(text: str) -> timedelta:
    return parse_duration(text) if text else timedelta()


def about_same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Compare features; sums and means may differ in their last digits, nothing else may."""
    return found.keys() == wanted.keys() and all(
        math.isclose(value, wanted[name], rel_tol=1e-9, abs_tol=1e-9)
        if isinstance(value, float) and isinstance(wanted[name], float)
        else value == wanted[name]
        for name, value in found.items()
    )
