"""Make the hours of a station's café from a seed: cups sold, weather and calendar.

    python make_data.py                                       # hours.csv: 26 weeks
    python make_data.py --first 182 --days 28 --out later.csv # the four weeks after them

A day's numbers depend on the seed and the day alone, so later days go on where earlier ones ended.
"""

import argparse
import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
COLUMNS = ("at", "hour", "weekday", "holiday", "temp", "rain", "cups")
_RUSH = np.array([1, 0, 0, 0, 2, 14, 46, 92, 88, 45, 38, 36, 47, 50, 38, 34, 42, 60, 48, 25, 14, 9,
                  5, 3])  # fmt: skip
_LAZY = np.array([3, 2, 1, 0, 0, 3, 8, 16, 28, 42, 50, 48, 44, 42, 40, 38, 35, 30, 24, 18, 13, 10,
                  7, 5])  # fmt: skip
_HOLIDAY_SHARE = 0.03
_WET_DAYS_SHARE, _WET_HOURS_SHARE = 0.3, 0.6
_GROWTH_PER_DAY = 1.0015
_SATURDAY = 5


def hours_of(day: int, seed: int) -> Iterator[tuple[str, int, int, int, float, int, int]]:
    """Yield the rows of a day, counted from the start."""
    rng = np.random.default_rng([seed, day])
    weekday = day % 7
    holiday = weekday < _SATURDAY and rng.random() < _HOLIDAY_SHARE
    season = 12 - 9 * np.cos(2 * np.pi * (day - 15) / 365)
    noon = season + rng.normal(0, 3)
    temps = noon - 4 * np.cos(2 * np.pi * (np.arange(24) - 3) / 24) + rng.normal(0, 0.5, 24)
    rains = (rng.random(24) < _WET_HOURS_SHARE) & (rng.random() < _WET_DAYS_SHARE)
    usual = _LAZY if holiday or weekday >= _SATURDAY else _RUSH
    wanted = usual * np.exp(0.015 * (12 - temps)) * np.where(rains, 1.2, 1.0)
    cups = rng.poisson(wanted * _GROWTH_PER_DAY**day)
    for hour in range(24):
        at = START + timedelta(days=day, hours=hour)
        yield (
            f"{at:%Y-%m-%dT%H:%M:%SZ}",
            hour,
            weekday,
            int(holiday),
            round(float(temps[hour]), 1),
            int(rains[hour]),
            int(cups[hour]),
        )


def main() -> None:
    """Write the rows of some days as CSV."""
    parser = argparse.ArgumentParser(description="Make the hours of a café from a seed.")
    parser.add_argument("--first", type=int, default=0, help="the first day, counted from 0")
    parser.add_argument("--days", type=int, default=182)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("hours.csv"))
    asked = parser.parse_args()
    with asked.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for day in range(asked.first, asked.first + asked.days):
            writer.writerows(hours_of(day, asked.seed))


if __name__ == "__main__":
    main()
