"""Which values a window has: how many different ones, and the most frequent of them."""

from datetime import UTC, datetime

import pyarrow as pa

from bucle.lifecycle.features import Aggregation
from tests.unit.lifecycle.features.golden.shapes import (
    BIG,
    DAY,
    KNOWING,
    TICK,
    Golden,
    asks,
    known_rows,
    rows,
    view,
    windows,
)

DISTINCT, TOP = ("approx_distinct", "1d"), ("top_k", "1d")
TOP_2 = Aggregation(function="top_k", column="v", window="1d", k=2)
JUNE = datetime(2026, 6, 1, 12, tzinfo=UTC)


def listed(*pairs: tuple[object, int]) -> list[dict[str, object]]:
    return [{"value": value, "count": count} for value, count in pairs]


VALUE_CASES = (
    Golden(
        name="values are counted once, missing ones never", view=windows(DISTINCT),
        source=rows((1, -3, 2.0), (1, -2, 2.0), (1, -1, None), (1, 0, 5.0), (2, 0, None)),
        asked=asks((1, 0), (1, -2), (2, 0), (3, 0), (None, 0)),
        wanted={"v_approx_distinct_1d": [2, 1, 0, 0, 0]},
    ),
    Golden(
        name="a value that left the window is not counted", view=windows(DISTINCT, TOP),
        source=rows((1, -DAY, 1.0), (1, -DAY + TICK, 2.0), (1, 0, 2.0), (1, TICK, 3.0)),
        asked=asks((1, 0)),
        wanted={"v_approx_distinct_1d": [1], "v_top_k_1d": [listed((2.0, 2))]},
    ),
    Golden(
        name="the most frequent come first, and of equals the least", view=windows(TOP_2),
        source=rows((1, -5, "b"), (1, -4, "a"), (1, -3, "c"), (1, -2, "c"), (1, -1, "b"),
                    (1, 0, "a"), value=pa.string()),
        asked=asks((1, 0), (1, -2), (1, -4), (2, 0)),
        wanted={"v_top_k_1d": [listed(("a", 2), ("b", 2)), listed(("c", 2), ("a", 1)),
                               listed(("a", 1), ("b", 1)), None]},
    ),
    Golden(
        name="texts are compared as they are written", view=windows(TOP, DISTINCT),
        source=rows(*((1, -n, text) for n, text in enumerate(["", "ñ", "n\u0303", "Z", "a", "😀"])),
                    value=pa.string()),
        asked=asks((1, 0)),
        wanted={"v_top_k_1d": [listed(("", 1), ("Z", 1), ("a", 1))], "v_approx_distinct_1d": [6]},
    ),
    Golden(
        name="there is one zero", view=windows(TOP, DISTINCT),
        source=rows((1, -2, -0.0), (1, -1, 0.0), (1, 0, 0.0)), asked=asks((1, 0)),
        wanted={"v_top_k_1d": [listed((0.0, 3))], "v_approx_distinct_1d": [1]},
    ),
    Golden(
        name="there is one NaN", view=windows(DISTINCT),
        source=rows((1, -2, float("nan")), (1, -1, float("nan")), (1, 0, 1.0)), asked=asks((1, 0)),
        wanted={"v_approx_distinct_1d": [2]},
    ),
    Golden(
        name="neighbours above 2**53 are two", view=windows(TOP, DISTINCT),
        source=rows((1, -2, BIG), (1, -1, BIG - 1), (1, 0, BIG), value=pa.int64()),
        asked=asks((1, 0)),
        wanted={"v_top_k_1d": [listed((BIG, 2), (BIG - 1, 1))], "v_approx_distinct_1d": [2]},
    ),
    Golden(
        name="false comes before true", view=windows(TOP, DISTINCT),
        source=rows((1, -2, True), (1, -1, False), (1, 0, None), value=pa.bool_()),
        asked=asks((1, 0)),
        wanted={"v_top_k_1d": [listed((False, 1), (True, 1))], "v_approx_distinct_1d": [2]},
    ),
    Golden(
        name="moments are values", view=windows(TOP_2),
        source=rows((1, -2, JUNE), (1, -1, JUNE), (1, 0, JUNE.replace(hour=3)),
                    value=pa.timestamp("us", "UTC")),
        asked=asks((1, 0)),
        wanted={"v_top_k_1d": [listed((JUNE, 2), (JUNE.replace(hour=3), 1))]},
    ),
    Golden(
        name="values count when they are known",
        view=view(**{name: getattr(KNOWING, name) for name in ("created",)}, columns=(),
                  aggregations=(Aggregation(function="approx_distinct", column="v", window="1d"),
                                Aggregation(function="top_k", column="v", window="1d"))),
        source=known_rows((1, -5, 1.0, -5), (1, -4, 2.0, 3), (1, -3, 1.0, -1)),
        asked=asks((1, 0), (1, 3), (1, -2)),
        wanted={"v_approx_distinct_1d": [1, 2, 1],
                "v_top_k_1d": [listed((1.0, 2)), listed((1.0, 2), (2.0, 1)), listed((1.0, 1))]},
    ),
)  # fmt: skip
