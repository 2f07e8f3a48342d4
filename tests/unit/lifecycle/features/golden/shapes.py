"""How a golden case is written.

A row of a source is (key, hours after noon, value), of a knowing source with the hours at which
it was known besides; an entity row is (key, hours).  Other shapes are given as tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from bucle.lifecycle.features import Aggregation, Entity, FeatureView

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TICK = 1 / 3_600_000_000  # a microsecond, in hours
DAY = 24
BIG = 2**53 + 1
UTC_US = pa.timestamp("us", "UTC")
ONE = Entity(name="one", keys=("k",))
LATEST = FeatureView(
    name="golden", entity=ONE, source="golden", time="at", columns=("v",),
    owner="ana", description="golden cases",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A view, its source, who asks, and what is right."""

    name: str
    source: pa.Table
    asked: pa.Table
    wanted: Mapping[str, Sequence[Any]]
    view: FeatureView = LATEST
    known: bool = True
    stored: bool = True  # False: no dataset takes such a source, an engine does


def hours(count: float) -> datetime:
    """Return a moment by its hours after noon, to the microsecond."""
    return NOON + timedelta(microseconds=round(count * 3_600_000_000))


def rows(*given: tuple[Any, float | None, Any], value: pa.DataType | None = None) -> pa.Table:
    """Return a source of `k`, `at` and `v`."""
    keys, times, values = zip(*given, strict=True) if given else ((), (), ())
    moments = [None if time is None else hours(time) for time in times]
    return pa.table(
        {
            "k": pa.array(keys, pa.int64()),
            "at": pa.array(moments, UTC_US),
            "v": pa.array(values, value or pa.float64()),
        }
    )


def known_rows(*given: tuple[Any, float, Any, float | None]) -> pa.Table:
    """Return a source of `k`, `at`, `v` and `created`."""
    created = [None if row[3] is None else hours(row[3]) for row in given]
    return rows(*(row[:3] for row in given)).append_column("created", pa.array(created, UTC_US))


def asks(*given: tuple[Any, float]) -> pa.Table:
    """Return entity rows of `k` and `at`."""
    keys, times = zip(*given, strict=True) if given else ((), ())
    return pa.table({"k": pa.array(keys, pa.int64()), "at": pa.array(map(hours, times), UTC_US)})


def view(**changes: Any) -> FeatureView:
    """Return the view of the latest value, changed."""
    said = {name: getattr(LATEST, name) for name in LATEST.__struct_fields__}
    return FeatureView(**(said | changes))


def windows(*given: tuple[str, str] | Aggregation, **changes: Any) -> FeatureView:
    """Return a view of figures over `v`; (function, window) or an aggregation as it is."""
    several = tuple(
        each if isinstance(each, Aggregation)
        else Aggregation(function=each[0], column="v", window=each[1])  # type: ignore[arg-type]  # a function's name
        for each in given
    )  # fmt: skip
    return view(**({"columns": (), "aggregations": several} | changes))


def keyed(keys: pa.Array, values: Sequence[Any], times: Sequence[float]) -> pa.Table:
    """Return a source whose keys are of any type."""
    return pa.table({"k": keys, "at": pa.array(map(hours, times), UTC_US), "v": pa.array(values)})


def at_times(keys: Sequence[int], times: pa.Array, **more: Any) -> pa.Table:
    """Return rows whose times are of any type."""
    return pa.table({"k": pa.array(keys, pa.int64()), "at": times} | more)


COUNT = Aggregation(function="count", window="1d")
MADRID, NEW_YORK = ZoneInfo("Europe/Madrid"), ZoneInfo("America/New_York")
KNOWING = view(created="created")
TWO_KEYS = Entity(name="two", keys=("k", "l"))
