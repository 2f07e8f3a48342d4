"""Knowledge time: rows are seen from when they were known, or with the switch off at once."""

import pyarrow as pa

from bucle.lifecycle.features import Aggregation
from tests.unit.lifecycle.features.golden.shapes import (
    COUNT,
    KNOWING,
    TICK,
    UTC_US,
    Golden,
    asks,
    at_times,
    known_rows,
    rows,
    view,
    windows,
)

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
        name="a key is counted as any column, of the rows that were known",
        view=windows(Aggregation(function="count", column="k", window="1d"), created="created"),
        source=known_rows((1, -2, 1.0, 1), (1, -1, 2.0, 0)), asked=asks((1, 0), (1, 0), (2, 0)),
        wanted={"k_count_1d": [1, 1, 0]},
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
