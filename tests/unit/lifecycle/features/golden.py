"""Point-in-time cases with the answers that a person worked out: any engine must give these.

A row of a source is (key, hours after noon, value), of a knowing source with the hours at which
it was known besides; an entity row is (key, hours).  Other shapes are given as tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
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

LATEST_CASES = (
    Golden(
        name="the latest row before",
        source=rows((1, -3, 1.0), (1, -1, 2.0), (1, -2, 3.0)),
        asked=asks((1, 0)), wanted={"v": [2.0]},
    ),
    Golden(
        name="a row of that very moment is seen, one a microsecond later is not",
        source=rows((1, 0, 1.0), (1, TICK, 2.0)),
        asked=asks((1, -TICK), (1, 0), (1, TICK)), wanted={"v": [None, 1.0, 2.0]},
    ),
    Golden(
        name="rows of the future only", source=rows((1, 1, 1.0), (1, 2, 2.0)),
        asked=asks((1, 0)), wanted={"v": [None]},
    ),
    Golden(
        name="a key that the source has not", source=rows((1, -1, 1.0), (3, -1, 3.0)),
        asked=asks((2, 0), (1, 0)), wanted={"v": [None, 1.0]},
    ),
    Golden(
        name="of rows at one moment the last to come counts",
        source=rows((1, -1, 1.0), (1, -1, 3.0), (1, -2, 9.0), (1, -1, 2.0)),
        asked=asks((1, 0), (1, -1)), wanted={"v": [2.0, 2.0]},
    ),
    Golden(
        name="ties of several keys in turns",
        source=rows((1, -1, 1.0), (2, -1, 2.0), (1, -1, 3.0), (2, -1, 4.0)),
        asked=asks((2, 0), (1, 0)), wanted={"v": [4.0, 3.0]},
    ),
    Golden(
        name="a value exactly as old as its time to live is used, a microsecond older is not",
        view=view(ttl="2h"), source=rows((1, -2, 1.0)),
        asked=asks((1, 0), (1, TICK)), wanted={"v": [1.0, None]},
    ),
    Golden(
        name="rows too old only", view=view(ttl="1h"),
        source=rows((1, -9, 1.0), (1, -8, 2.0)), asked=asks((1, 0)), wanted={"v": [None]},
    ),
    Golden(
        name="rows too old and of the future only", view=view(ttl="1h"),
        source=rows((1, -9, 1.0), (1, 1, 2.0)), asked=asks((1, 0)), wanted={"v": [None]},
    ),
    Golden(
        name="a null in the latest row is not filled from an older one",
        source=rows((1, -2, 1.0), (1, -1, None)), asked=asks((1, 0)), wanted={"v": [None]},
    ),
    Golden(
        name="a null that comes later at the same moment counts",
        source=rows((1, -1, 1.0), (1, -1, None)), asked=asks((1, 0)), wanted={"v": [None]},
    ),
    Golden(
        name="equal entity rows are all answered, in their order",
        source=rows((1, -3, 1.0), (1, -1, 2.0)),
        asked=asks((1, 0), (1, -2), (1, 0), (1, 0)), wanted={"v": [2.0, 1.0, 2.0, 2.0]},
    ),
    Golden(
        name="entity rows in descending order",
        source=rows((1, -3, 1.0), (1, -2, 2.0), (2, -1, 3.0)),
        asked=asks((2, 3), (1, 2), (1, -2), (1, -3), (1, -4)),
        wanted={"v": [3.0, 2.0, 2.0, 1.0, None]},
    ),
    Golden(
        name="an entity row without a key", source=rows((None, -1, 1.0), (1, -1, 2.0)),
        asked=asks((None, 0), (1, 0)), wanted={"v": [None, 2.0]},
    ),
    Golden(
        name="a source row without a time", source=rows((1, -2, 1.0), (1, None, 2.0)),
        asked=asks((1, 0)), wanted={"v": [1.0]},
    ),
    Golden(
        name="keys above 2^53 that differ by one",
        source=rows((BIG, -1, 1.0), (BIG + 1, -1, 2.0), (-BIG, -1, 3.0)),
        asked=asks((BIG + 1, 0), (BIG, 0), (BIG - 1, 0), (-BIG, 0)),
        wanted={"v": [2.0, 1.0, None, 3.0]},
    ),
    Golden(
        name="values above 2^53 keep every digit beside a null",
        source=rows((1, -1, BIG), (2, -1, 2**63 - 1), (3, -1, None), value=pa.int64()),
        asked=asks((1, 0), (2, 0), (3, 0), (4, 0)), wanted={"v": [BIG, 2**63 - 1, None, None]},
    ),
    Golden(
        name="names that end as joins rename", view=view(columns=("v_x", "v_y", "v")),
        source=rows((1, -1, 1.0)).append_column("v_x", pa.array([2])).append_column(
            "v_y", pa.array([3])),
        asked=asks((1, 0)).append_column("w_x", pa.array([7])),
        wanted={"v_x": [2], "v_y": [3], "v": [1.0]},
    ),
    Golden(
        name="names that are words of SQL or no words at all",
        view=view(columns=("select", 'a "b"', "ñandú 3")),
        source=pa.table({"k": [1], "at": pa.array([hours(-1)], UTC_US), "select": [1],
                         'a "b"': [2], "ñandú 3": [3]}),
        asked=asks((1, 0)),
        wanted={"select": [1], 'a "b"': [2], "ñandú 3": [3]},
    ),
    Golden(
        name="a delay hides a row until it is over, to the microsecond", view=view(delay="2h"),
        source=rows((1, -2, 1.0)), asked=asks((1, -TICK), (1, 0)), wanted={"v": [None, 1.0]},
    ),
    Golden(
        name="an age is counted from the row's time, not from the end of its delay",
        view=view(delay="2h", ttl="3h"), source=rows((1, -3, 1.0)),
        asked=asks((1, -1), (1, 0), (1, TICK)), wanted={"v": [1.0, 1.0, None]},
    ),
    Golden(
        name="a delay longer than the time to live shows nothing",
        view=view(delay="3h", ttl="2h"), source=rows((1, -3, 1.0)),
        asked=asks((1, -1), (1, 0), (1, 1)), wanted={"v": [None, None, None]},
    ),
    Golden(
        name="a source without rows", stored=False, source=rows(), asked=asks((1, 0), (None, 1)),
        wanted={"v": [None, None]},
    ),
    Golden(name="no entity rows", source=rows((1, 0, 1.0)), asked=asks(), wanted={"v": []}),
    Golden(
        name="two keys together, one of them null", view=view(entity=TWO_KEYS),
        source=rows((1, -1, 1.0), (1, -1, 2.0), (2, -1, 3.0), (1, -1, 4.0)).append_column(
            "l", pa.array(["a", "b", "a", None])),
        asked=asks((1, 0), (1, 0), (2, 0), (2, 0), (1, 0)).append_column(
            "l", pa.array(["b", "a", "a", "b", None])),
        wanted={"v": [2.0, 1.0, 3.0, None, None]},
    ),
    Golden(
        name="narrow whole keys against wide ones",
        source=rows((1, -1, 1.0), (-2, -1, 2.0)),
        asked=asks((1, 0), (-2, 0)).set_column(0, "k", pa.array([1, -2], pa.int16())),
        wanted={"v": [1.0, 2.0]},
    ),
    Golden(
        name="keys of text are compared letter by letter",
        source=keyed(pa.array(["a", "A", "a ", ""]), [1, 2, 3, 4], [-1] * 4),
        asked=keyed(pa.array(["a ", "", "A", "a", "á", None]), [0] * 6, [0] * 6).drop_columns("v"),
        wanted={"v": [3, 4, 2, 1, None, None]},
    ),
    Golden(
        name="keys of a dictionary against keys of text",
        source=keyed(pa.array(["b", "a", "b"]), [1, 2, 3], [-2, -1, -1]),
        asked=keyed(pa.array(["b", "a", None]).dictionary_encode(), [0] * 3, [0] * 3)
        .drop_columns("v"),
        wanted={"v": [3, 2, None]},
    ),
    Golden(
        name="a date is known from its midnight on, in UTC",
        source=at_times([1], pa.array([date(2026, 3, 10)]), v=pa.array([1])),
        asked=asks((1, -12 - TICK), (1, -12), (1, 0)), wanted={"v": [None, 1, 1]},
    ),
    Golden(
        name="nanoseconds of a source are never early", stored=False,
        source=at_times([1, 1], pa.array([1_000_000, 1_000_001], pa.timestamp("ns", "UTC")),
                        v=pa.array([1, 2])),
        asked=at_times([1, 1, 1], pa.array([999, 1000, 1001], UTC_US)),
        wanted={"v": [None, 1, 2]},
    ),
    Golden(
        name="nanoseconds of an entity row show nothing of the next microsecond",
        source=at_times([1], pa.array([1001], UTC_US), v=pa.array([1])),
        asked=at_times([1, 1], pa.array([1_000_999, 1_001_000], pa.timestamp("ns", "UTC"))),
        wanted={"v": [None, 1]},
    ),
    Golden(
        name="whole seconds and milliseconds",
        source=at_times([1, 1], pa.array([10, 11], pa.timestamp("s", "UTC")), v=pa.array([1, 2])),
        asked=at_times([1] * 3, pa.array([9_999, 10_999, 11_000], pa.timestamp("ms", "UTC"))),
        wanted={"v": [None, 1, 2]},
    ),
    Golden(
        name="times without a zone are UTC on both sides",
        source=at_times([1], pa.array([NOON.replace(tzinfo=None)]), v=pa.array([1])),
        asked=asks((1, -TICK), (1, 0)), wanted={"v": [None, 1]},
    ),
    Golden(
        name="the hour that comes twice in autumn is two hours",
        # 02:30 in Madrid is 00:30 UTC in summer time, and 01:30 UTC an hour later.
        source=at_times([1], pa.array([datetime(2026, 10, 25, 1, tzinfo=UTC)], UTC_US),
                        v=pa.array([1])),
        asked=at_times([1, 1], pa.array(
            [datetime(2026, 10, 25, 2, 30, tzinfo=MADRID, fold=fold) for fold in (0, 1)],
            pa.timestamp("us", "Europe/Madrid"))),
        wanted={"v": [None, 1]},
    ),
    Golden(
        name="a time to live over the hour that spring leaves out is real time",
        # From 01:30 to 03:30 in Madrid is one hour on that night.
        view=view(ttl="1h"),
        source=at_times([1], pa.array([datetime(2026, 3, 29, 1, 30, tzinfo=MADRID)],
                                      pa.timestamp("us", "Europe/Madrid")), v=pa.array([1])),
        asked=at_times([1, 1], pa.array([datetime(2026, 3, 29, hour, 30, tzinfo=MADRID)
                                         for hour in (3, 4)], pa.timestamp("us", "Europe/Madrid"))),
        wanted={"v": [1, None]},
    ),
    Golden(
        name="zones on the two sides differ",
        source=at_times([1], pa.array([datetime(2026, 7, 1, 12, tzinfo=MADRID)],
                                      pa.timestamp("us", "Europe/Madrid")), v=pa.array([1])),
        asked=at_times([1, 1], pa.array([datetime(2026, 7, 1, 5, 59, tzinfo=NEW_YORK),
                                         datetime(2026, 7, 1, 6, tzinfo=NEW_YORK)],
                                        pa.timestamp("us", "America/New_York"))),
        wanted={"v": [None, 1]},
    ),
    Golden(
        name="times before 1970",
        source=at_times([1, 1], pa.array([-86_400_000_000, -1], UTC_US), v=pa.array([1, 2])),
        asked=at_times([1, 1, 1], pa.array([-86_400_000_001, -2, 0], UTC_US)),
        wanted={"v": [None, 1, 2]},
    ),
    Golden(
        name="a value that is no number stays none, and infinity stays",
        source=rows((1, -1, float("nan")), (2, -1, float("inf")), (3, -1, -0.0)),
        asked=asks((1, 0), (2, 0), (3, 0)), wanted={"v": [float("nan"), float("inf"), -0.0]},
    ),
    Golden(
        name="values of any type come back as they are",
        view=view(columns=("text", "flag", "day", "list", "price")),
        source=pa.table({
            "k": [1], "at": pa.array([hours(-1)], UTC_US), "text": ["é"], "flag": [False],
            "day": [date(2026, 1, 2)], "list": [[1, None]], "price": [Decimal("12.30")],
        }),
        asked=asks((1, 0), (2, 0)),
        wanted={"text": ["é", None], "flag": [False, None], "day": [date(2026, 1, 2), None],
                "list": [[1, None], None], "price": [Decimal("12.30"), None]},
    ),
)  # fmt: skip

WINDOW_CASES = (
    Golden(
        name="a window is open at its far end and closed at the near one", view=windows(COUNT),
        source=rows((1, -DAY, 1.0), (1, -DAY + TICK, 2.0), (1, 0, 3.0), (1, TICK, 4.0)),
        asked=asks((1, 0)), wanted={"count_1d": [2]},
    ),
    Golden(
        name="all rows of a moment count", view=windows(("sum", "1h"), ("last", "1h")),
        source=rows((1, 0, 1.0), (1, 0, 2.0), (1, 0, 4.0)),
        asked=asks((1, 0)), wanted={"v_sum_1h": [7.0], "v_last_1h": [4.0]},
    ),
    Golden(
        name="entity rows do not count as rows", view=windows(COUNT, ("sum", "1d")),
        source=rows((1, -1, 1.0)), asked=asks((1, 0), (1, 0), (1, -2), (1, 1)),
        wanted={"count_1d": [1, 1, 0, 1], "v_sum_1d": [1.0, 1.0, None, 1.0]},
    ),
    Golden(
        name="rows are counted with nulls, values without",
        view=windows(COUNT, ("count", "1d"), ("mean", "1d"), ("min", "1d")),
        source=rows((1, -1, None), (1, -2, 4.0), (2, -1, None)),
        asked=asks((1, 0), (2, 0), (3, 0)),
        wanted={"count_1d": [2, 1, 0], "v_count_1d": [1, 0, 0], "v_mean_1d": [4.0, None, None],
                "v_min_1d": [4.0, None, None]},
    ),
    Golden(
        name="sums of whole numbers keep every digit", view=windows(("sum", "1d"), ("max", "1d")),
        source=rows((1, -1, BIG), (1, -2, 2), (1, -3, None), value=pa.int64()),
        asked=asks((1, 0), (1, -3), (1, -2)),
        wanted={"v_sum_1d": [BIG + 2, None, 2], "v_max_1d": [BIG, None, 2]},
    ),
    Golden(
        name="a deviation needs two values", view=windows(("std", "1d")),
        source=rows((1, -2, 1.0), (1, -1, 3.0), (1, 0, None)),
        asked=asks((1, -3), (1, -2), (1, -1), (1, 0)),
        wanted={"v_std_1d": [None, None, 2**0.5, 2**0.5]},
    ),
    Golden(
        name="the last value is the last that there is", view=windows(("last", "1d")),
        source=rows((1, -3, 1.0), (1, -2, 2.0), (1, -1, None)),
        asked=asks((1, 0), (1, -2), (1, 21.5), (1, 22.5)),
        wanted={"v_last_1d": [2.0, 2.0, 2.0, None]},
    ),
    Golden(
        name="the last of a moment is the last to come, also where an older row comes after",
        view=windows(("last", "1d")), source=rows((1, -1, 1.0), (1, -1, 2.0), (1, -2, 3.0)),
        asked=asks((1, 0)), wanted={"v_last_1d": [2.0]},
    ),
    Golden(
        name="flags are counted as ones",
        view=windows(("sum", "1d"), ("mean", "1d")),
        source=rows((1, -1, True), (1, -2, False), (1, -3, True), (1, -4, None), value=pa.bool_()),
        asked=asks((1, 0), (1, -4)), wanted={"v_sum_1d": [2, None], "v_mean_1d": [2 / 3, None]},
    ),
    Golden(
        name="several windows at once, each with its own end",
        view=windows(
            ("count", "1h"), ("count", "2h"), ("count", "1d"),
            Aggregation(function="count", column="v", window="1h", delay="1h", name="before"),
        ),
        source=rows((1, -0.5, 1.0), (1, -1, 2.0), (1, -1.5, 3.0), (1, -2, 4.0), (1, -23, 5.0)),
        asked=asks((1, 0)),
        wanted={"v_count_1h": [1], "v_count_2h": [3], "v_count_1d": [5], "before": [2]},
    ),
    Golden(
        name="labels that come a week late", view=windows(
            Aggregation(function="mean", column="v", window="7d", delay="7d", name="risk")),
        source=rows((1, -7 * DAY, 1.0), (1, -7 * DAY + TICK, 0.0), (1, -14 * DAY, 0.0),
                    (1, -14 * DAY + TICK, 0.0)),
        asked=asks((1, 0)), wanted={"risk": [0.5]},
    ),
    Golden(
        name="the delay of a view goes for the windows that have none",
        view=windows(COUNT, Aggregation(function="count", window="1d", delay="2h", name="late"),
                     delay="1h"),
        source=rows((1, -1, 1.0), (1, -1.5, 1.0), (1, -2, 1.0), (1, -25, 1.0), (1, -25.5, 1.0)),
        asked=asks((1, 0)), wanted={"count_1d": [3], "late": [3]},
    ),
    Golden(
        name="a time to live is of columns, not of windows",
        view=windows(("sum", "1d"), columns=("v",), ttl="1h"), source=rows((1, -2, 1.0)),
        asked=asks((1, 0)), wanted={"v": [None], "v_sum_1d": [1.0]},
    ),
    Golden(
        name="an entity row without a key has empty windows", view=windows(COUNT, ("sum", "1d")),
        source=rows((None, -1, 1.0), (1, -1, 1.0)), asked=asks((None, 0), (1, 0)),
        wanted={"count_1d": [0, 1], "v_sum_1d": [None, 1.0]},
    ),
    Golden(
        name="windows over a source without rows", stored=False, view=windows(COUNT, ("std", "1d")),
        source=rows(), asked=asks((1, 0), (2, 0)),
        wanted={"count_1d": [0, 0], "v_std_1d": [None, None]},
    ),
    Golden(
        name="windows without entity rows", view=windows(COUNT, ("last", "1d")),
        source=rows((1, 0, 1.0)), asked=asks(), wanted={"count_1d": [], "v_last_1d": []},
    ),
    Golden(
        name="a day is 24 hours on the day of 23", view=windows(COUNT),
        # The clock goes from 02:00 to 03:00 in Madrid on 29 March 2026.
        source=at_times([1, 1], pa.array([datetime(2026, 3, 28, hour, 30, tzinfo=MADRID)
                                          for hour in (11, 12)],
                                         pa.timestamp("us", "Europe/Madrid"))),
        asked=at_times([1], pa.array([datetime(2026, 3, 29, 13, tzinfo=MADRID)],
                                     pa.timestamp("us", "Europe/Madrid"))),
        wanted={"count_1d": [1]},
    ),
    Golden(
        name="the least and the greatest of negative numbers and of text",
        view=windows(("min", "1d"), ("max", "1d"), Aggregation(
            function="max", column="w", window="1d")),
        source=rows((1, -1, -5.0), (1, -2, -7.0), (1, -3, -6.0)).append_column(
            "w", pa.array(["b", "ab", None])),
        asked=asks((1, 0)), wanted={"v_min_1d": [-7.0], "v_max_1d": [-5.0], "w_max_1d": ["b"]},
    ),
    Golden(
        name="numbers that are large and near keep their deviation",
        view=windows(("std", "1d"), ("mean", "1d")),
        source=rows((1, -1, 1e9 + 1), (1, -2, 1e9 + 2), (1, -3, 1e9 + 3)),
        asked=asks((1, 0)), wanted={"v_std_1d": [1.0], "v_mean_1d": [1e9 + 2]},
    ),
    Golden(
        name="a huge number that left the window leaves no trace",
        view=windows(("sum", "2h"), ("mean", "2h"), ("std", "2h")),
        source=rows((1, -3, 1e16), (1, -1.5, 1.0), (1, -1, 2.0), (1, -0.5, 3.0)),
        asked=asks((1, -2), (1, 0)),
        wanted={"v_sum_2h": [1e16, 6.0], "v_mean_2h": [1e16, 2.0], "v_std_2h": [None, 1.0]},
    ),
    Golden(
        name="infinity that left the window leaves no trace",
        view=windows(("sum", "2h"), ("mean", "2h"), ("max", "2h")),
        source=rows((1, -3, float("inf")), (1, -1, 2.0)), asked=asks((1, -2), (1, 0)),
        wanted={"v_sum_2h": [float("inf"), 2.0], "v_mean_2h": [float("inf"), 2.0],
                "v_max_2h": [float("inf"), 2.0]},
    ),
)  # fmt: skip

KNOWN_CASES = (
    Golden(
        name="a row is seen from when it was known, to the microsecond", view=KNOWING,
        source=known_rows((1, -2, 1.0, 0)), asked=asks((1, -TICK), (1, 0)),
        wanted={"v": [None, 1.0]},
    ),
    Golden(
        name="a row known ahead is not seen before its time", view=KNOWING,
        source=known_rows((1, 0, 1.0, -5)), asked=asks((1, -TICK), (1, 0)),
        wanted={"v": [None, 1.0]},
    ),
    Golden(
        name="a row that came in late does not replace a later one", view=KNOWING,
        source=known_rows((1, -4, 1.0, -4), (1, -2, 2.0, -2), (1, -3, 3.0, -1)),
        asked=asks((1, -3), (1, -2), (1, -1), (1, 0)), wanted={"v": [1.0, 2.0, 2.0, 2.0]},
    ),
    Golden(
        name="a late row fills the gap until the next", view=KNOWING,
        source=known_rows((1, -4, 1.0, -4), (1, -3, 2.0, -2), (1, -1, 3.0, -1)),
        asked=asks((1, -3), (1, -2), (1, -1)), wanted={"v": [1.0, 2.0, 3.0]},
    ),
    Golden(
        name="a correction counts once it is known, wherever it stands", view=KNOWING,
        source=known_rows((1, -3, 2.0, -1), (1, -3, 1.0, -3)),
        asked=asks((1, -2), (1, -1)), wanted={"v": [1.0, 2.0]},
    ),
    Golden(
        name="of two rows known at one moment the later one counts", view=KNOWING,
        source=known_rows((1, -2, 2.0, -1), (1, -3, 1.0, -1)),
        asked=asks((1, -1)), wanted={"v": [2.0]},
    ),
    Golden(
        name="equal in both times: the last to come", view=KNOWING,
        source=known_rows((1, -2, 1.0, -1), (1, -2, 3.0, -1), (1, -2, 2.0, -1)),
        asked=asks((1, 0)), wanted={"v": [2.0]},
    ),
    Golden(
        name="a row of which nobody knows since when is not seen", view=KNOWING,
        source=known_rows((1, -2, 1.0, -2), (1, -1, 2.0, None)),
        asked=asks((1, 0)), wanted={"v": [1.0]},
    ),
    Golden(
        name="as is known today: the switch is off", view=KNOWING, known=False,
        source=known_rows((1, -4, 1.0, -4), (1, -3, 2.0, 9), (1, -2, 3.0, None)),
        asked=asks((1, -4), (1, -3), (1, -2), (1, -5)), wanted={"v": [1.0, 2.0, 3.0, None]},
    ),
    Golden(
        name="as is known today, a correction stands from the beginning", view=KNOWING, known=False,
        source=known_rows((1, -3, 2.0, -1), (1, -3, 1.0, -3)),
        asked=asks((1, -2)), wanted={"v": [2.0]},
    ),
    Golden(
        name="the switch changes nothing of a view that says nothing of it", known=False,
        source=known_rows((1, -1, 1.0, 5)), asked=asks((1, 0)), wanted={"v": [1.0]},
    ),
    Golden(
        name="both must be over: the delay and until it is known",
        view=view(created="created", delay="2h"),
        source=known_rows((1, -2, 1.0, 1), (2, -2, 2.0, -2)),
        asked=asks((1, 0), (1, 1), (2, -TICK), (2, 0)), wanted={"v": [None, 1.0, None, 2.0]},
    ),
    Golden(
        name="an age is counted from the row's time, however late it was known",
        view=view(created="created", ttl="3h"), source=known_rows((1, -3, 1.0, -1)),
        asked=asks((1, -2), (1, -1), (1, 0), (1, TICK)), wanted={"v": [None, 1.0, 1.0, None]},
    ),
    Golden(
        name="a window holds what was known, and loses it by its own time",
        view=windows(COUNT, ("sum", "2h"), created="created"),
        source=known_rows((1, -1, 1.0, 0.5), (1, 0, 2.0, 0)),
        asked=asks((1, -0.5), (1, 0), (1, 0.5), (1, 1), (1, 1.5)),
        wanted={"count_1d": [0, 1, 2, 2, 2], "v_sum_2h": [None, 2.0, 3.0, 2.0, 2.0]},
    ),
    Golden(
        name="a row known after it left the window is never in it",
        view=windows(("count", "1h"), created="created"), source=known_rows((1, -2, 1.0, -0.5)),
        asked=asks((1, -1.5), (1, -0.5), (1, 0)), wanted={"v_count_1h": [0, 0, 0]},
    ),
    Golden(
        name="windows as is known today", view=windows(COUNT, ("last", "1d"), created="created"),
        known=False, source=known_rows((1, -1, 2.0, 5), (1, -1, 1.0, 4), (1, -2, 3.0, None)),
        asked=asks((1, 0)), wanted={"count_1d": [3], "v_last_1d": [2.0]},
    ),
    Golden(
        name="the last of a window is by time, of a correction the later known",
        view=windows(("last", "1d"), created="created"),
        source=known_rows((1, -2, 9.0, 0), (1, -1, 2.0, -0.25), (1, -1, 1.0, -0.5)),
        asked=asks((1, -0.5), (1, -0.25), (1, 0)), wanted={"v_last_1d": [1.0, 2.0, 2.0]},
    ),
    Golden(
        name="known windows with delays, over 1970 and without a key",
        view=windows(("count", "2h"), Aggregation(
            function="sum", column="v", window="1h", delay="1h", name="before"), created="created"),
        source=at_times([1, 1, None], pa.array([-3_600_000_000, -1, -1], UTC_US),
                        v=pa.array([1.0, 2.0, 4.0]),
                        created=pa.array([0, 3_599_999_999, 0], UTC_US)),
        asked=at_times([1, 1, None], pa.array([0, 3_599_999_999, 0], UTC_US)),
        wanted={"v_count_2h": [1, 2, 0], "before": [1.0, 3.0, None]},
    ),
    Golden(
        name="numbers that are large and near, known late",
        view=windows(("std", "1d"), ("mean", "1d"), ("sum", "1h"), created="created"),
        source=known_rows((1, -1, 1e9 + 1, 0), (1, -2, 1e9 + 2, -1), (1, -3, 1e9 + 3, 0),
                          (1, -4, 1e16, 1), (1, -0.5, 1.0, 1)),
        asked=asks((1, 0)),
        wanted={"v_std_1d": [1.0], "v_mean_1d": [1e9 + 2], "v_sum_1h": [None]},
    ),
    Golden(
        name="known to the nanosecond, never early", stored=False, view=KNOWING,
        source=rows((1, -1, 1.0)).append_column("created", pa.array(
            [1_773_144_000_000_000_001], pa.timestamp("ns", "UTC"))),
        asked=asks((1, 0), (1, TICK)), wanted={"v": [None, 1.0]},
    ),
)  # fmt: skip

CASES = (*LATEST_CASES, *WINDOW_CASES, *KNOWN_CASES)
