"""What rows cover in time: units, gaps and rhythms, from counts worked out by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from bucle.lifecycle.data.explore.sample import sample_of
from bucle.lifecycle.data.explore.times import afters_of, base_unit, facts_of, gaps_of

MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
HOUR, DAY = 3_600, 86_400

UNITS = [
    (3 * HOUR, True, "minute"), (30 * DAY, True, "hour"), (30 * DAY, False, "day"),
    (20 * 365 * DAY, True, "day"),
]  # fmt: skip


@pytest.mark.parametrize(("span", "has_hours", "unit"), UNITS)
def test_rows_are_counted_in_the_finest_unit_of_which_there_are_not_too_many(
    span: int,
    has_hours: bool,  # noqa: FBT001 - a case
    unit: str,
) -> None:
    assert base_unit(span, has_hours=has_hours) == unit


def test_a_period_without_rows_is_found_where_rows_usually_are() -> None:
    hours = [hour for hour in range(500) if not 100 <= hour < 136]
    (gap,) = gaps_of(np.array([MONDAY + hour * HOUR for hour in hours]), HOUR)
    assert gap.since == datetime.fromtimestamp(MONDAY, UTC) + timedelta(hours=100)
    assert gap.until - gap.since == timedelta(hours=36)
    assert gap.usual_s == HOUR


def test_rows_once_a_week_have_no_gaps() -> None:
    assert gaps_of(np.arange(0, 300) * 7 * DAY + MONDAY, DAY) == ()


def test_the_rhythm_of_day_and_week_is_counted() -> None:
    starts = np.arange(0, 28 * 24) * HOUR + MONDAY
    rows = np.where((starts // HOUR % 24 >= 8) & (starts // HOUR % 24 < 20), 10, 1)
    rows = np.where((starts - MONDAY) // DAY % 7 >= 5, 0, rows)
    span = (float(starts[0]), float(starts[-1]))
    facts = facts_of("at", span, "hour", (starts[rows > 0], rows[rows > 0]), 0)
    assert (facts.by_hour[3], facts.by_hour[12]) == (20, 200)
    assert facts.by_weekday == (528, 528, 528, 528, 528, 0, 0)
    assert (facts.hourly_strength, facts.weekly_strength) == (0.9, 1.0)
    assert (facts.unit, len(facts.periods), facts.empty) == ("day", 20, 6)


def test_moments_that_lie_after_the_rows_own_are_told() -> None:
    at = np.array([0.0, 10.0, 20.0, 30.0])
    table = pa.table({"at": at, "paid": at + np.array([5.0, 7.0, np.nan, -1.0]), "born": at - 100})
    times = sample_of(table, dict.fromkeys(["at", "paid", "born"], "time"))
    paid, born = afters_of(times, "at")
    assert (paid.column, paid.rows, paid.later, paid.median_lag_s) == ("paid", 3, 2, 5.0)
    assert (born.later, born.median_lag_s) == (0, -100.0)
