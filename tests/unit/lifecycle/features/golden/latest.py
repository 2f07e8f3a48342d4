"""Columns: the latest row that an entity row may see."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa

from tests.unit.lifecycle.features.golden.shapes import (
    BIG,
    MADRID,
    NEW_YORK,
    NOON,
    TICK,
    TWO_KEYS,
    UTC_US,
    Golden,
    asks,
    at_times,
    hours,
    keyed,
    rows,
    view,
)

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
