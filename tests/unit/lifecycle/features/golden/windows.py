"""Windows: which rows are in one, and figures that keep their digits."""

from datetime import datetime

import pyarrow as pa

from bucle.lifecycle.features import Aggregation
from tests.unit.lifecycle.features.golden.shapes import (
    BIG,
    COUNT,
    DAY,
    MADRID,
    TICK,
    Golden,
    asks,
    at_times,
    hours,
    rows,
    windows,
)

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
        name="a key and a time are counted as any column",
        view=windows(Aggregation(function="count", column="k", window="1d"),
                     Aggregation(function="max", column="at", window="1d")),
        source=rows((1, -2, 1.0), (1, -1, 2.0), (1, 1, 3.0)), asked=asks((1, 0), (1, 0), (2, 0)),
        wanted={"k_count_1d": [2, 2, 0], "at_max_1d": [hours(-1), hours(-1), None]},
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
