"""What the rows cover in time: periods, gaps, the rhythm of day and week, and later moments."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.data.explore.records import After, Gap, Period, TimeFacts
from bucle.lifecycle.data.explore.sample import Array, Sample
from bucle.lifecycle.data.read import quoted
from bucle.lifecycle.data.records import ColumnProfile

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_UNITS = ("minute", "hour", "day", "week", "month")
_LENGTH_S = {"minute": _MINUTE_S, "hour": _HOUR_S, "day": _DAY_S, "week": 7 * _DAY_S,
             "month": 30 * _DAY_S}  # fmt: skip
_MOST_PERIODS = 400  # of a picture
_MOST_STEPS = 60_000  # that are counted
_USUAL = 0.99
_LONGER = 2.0  # than usual: a gap
_SHOWN_GAPS = 10
_MONDAY = 4  # 1970-01-05 is the first one: days since 1970 of a Monday are 4 modulo 7


def times_of(
    engine: Engine, table: TableSource, column: ColumnProfile, *, has_hours: bool, now: datetime
) -> TimeFacts | None:
    """Count a version's rows by time; None: no row has one."""
    if column.minimum is None or column.maximum is None:
        return None
    base = base_unit(column.maximum - column.minimum, has_hours=has_hours)
    name = quoted(column.name)
    found = engine.query(
        f"SELECT epoch(date_trunc('{base}', {name})) AS start, count(*) AS n, "
        f"count(*) FILTER (WHERE epoch({name}) > {now.timestamp()!r}) AS late FROM dataset "
        f"WHERE isfinite({name}) GROUP BY 1 ORDER BY start",
        tables={"dataset": table},
    )
    starts = found.column("start").to_numpy().astype(np.int64)
    rows = found.column("n").to_numpy()
    late = int(found.column("late").to_numpy().sum())
    span = (column.minimum, column.maximum)
    return facts_of(column.name, span, base, (starts, rows), late)


def base_unit(span_s: float, *, has_hours: bool) -> str:
    """Return the unit in which rows are counted: the finest of which there are not too many."""
    fine = [unit for unit in _UNITS[:3] if span_s / _LENGTH_S[unit] <= _MOST_STEPS]
    fine = [unit for unit in fine if has_hours or unit == "day"] or ["day"]
    return fine[0] if span_s <= 2 * _DAY_S or fine[0] != "minute" else fine[1]


def facts_of(
    name: str, span: tuple[float, float], base: str, counted: tuple[Array, Array], late: int
) -> TimeFacts:
    """Tell what counts by time say.  Pure: periods of `base`, in order, each with rows."""
    starts, rows = counted
    length = _LENGTH_S[base]
    first, last = float(span[0]), float(span[1])
    unit = next(
        (one for one in _UNITS[_UNITS.index(base) :]
         if (last - first) / _LENGTH_S[one] <= _MOST_PERIODS),
        "month",
    )  # fmt: skip
    periods = periods_of(starts, rows, unit)
    by_hour = _folded(starts // _HOUR_S % 24, rows, 24) if length <= _HOUR_S else ()
    by_day = _folded((starts // _DAY_S - _MONDAY) % 7, rows, 7)
    days = (last - first) / _DAY_S
    by_hour = by_hour if days >= 1 else ()
    by_day = by_day if days >= 7 else ()  # noqa: PLR2004 - a week
    return TimeFacts(
        column=name,
        first=_moment(first),
        last=_moment(last),
        unit=unit,
        periods=periods,
        empty=max(_between(periods, unit) - len(periods), 0),
        gaps=gaps_of(starts, length),
        by_hour=by_hour,
        by_weekday=by_day,
        hourly_strength=_strength(by_hour),
        weekly_strength=_strength(by_day),
        late=late,
    )


def periods_of(starts: Array, rows: Array, unit: str) -> tuple[Period, ...]:
    """Put counts together in periods of a unit."""
    counts: dict[datetime, int] = {}
    for at, count in zip(starts.tolist(), rows.tolist(), strict=True):
        start = _start(_moment(at), unit)
        counts[start] = counts.get(start, 0) + int(count)
    return tuple(Period(start=start, rows=count) for start, count in counts.items())


def gaps_of(starts: Array, length_s: int) -> tuple[Gap, ...]:
    """Return the longest periods without rows; a step is a gap if it is longer than usual."""
    steps = np.diff(starts)
    if not len(steps):
        return ()
    usual = float(np.quantile(steps, _USUAL, method="higher"))
    if len(steps) < 1 / (1 - _USUAL):  # of few steps the longest is always within 99%
        usual = float(np.median(steps))
    long = np.flatnonzero(steps > _LONGER * usual)
    order = long[np.argsort(-steps[long], kind="stable")][:_SHOWN_GAPS]
    return tuple(
        Gap(
            since=_moment(float(starts[place]) + length_s),
            until=_moment(float(starts[place + 1])),
            usual_s=usual,
        )
        for place in order.tolist()
    )


def afters_of(sample: Sample, column: str) -> tuple[After, ...]:
    """Compare the other moments of each sampled row with its own, the most often later first."""
    own = sample.times[column]
    found = []
    for name, other in sample.times.items():
        both = np.isfinite(own) & np.isfinite(other)
        if name == column or not both.any():
            continue
        lag = (other - own)[both]
        middle, most = np.quantile(lag, (0.5, 0.99))
        found.append(
            After(
                column=name, rows=int(both.sum()), later=int((lag > 0).sum()),
                median_lag_s=float(middle), lag_99_s=float(most),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.later, one.column)))


def _folded(places: Array, rows: Array, parts: int) -> tuple[int, ...]:
    return tuple(int(one) for one in np.bincount(places, weights=rows, minlength=parts))


def _strength(counts: Sequence[int]) -> float:
    return 1 - min(counts) / max(counts) if counts and max(counts) else 0.0


def _start(at: datetime, unit: str) -> datetime:
    if unit == "minute":
        return at.replace(second=0, microsecond=0)
    if unit == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _between(periods: Sequence[Period], unit: str) -> int:
    """Return how many periods of a unit there are from the first to the last."""
    first, last = periods[0].start, periods[-1].start
    if unit == "month":
        return (last.year - first.year) * 12 + last.month - first.month + 1
    return round((last - first).total_seconds() / _LENGTH_S[unit]) + 1


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
