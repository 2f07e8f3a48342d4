"""The history of a series: every point once, in MLflow's order, whole or thinned out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.points.read import columns_of_series
from bucle.lifecycle.tracking.segments import Columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one series as columns of one length; times are milliseconds since 1970 (UTC)."""

    steps: "NDArray[np.int64]"
    times: "NDArray[np.int64]"
    values: "NDArray[np.float64]"

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.steps)

    def part(self, start: int, end: int) -> "Series":
        """Return some of the points, without a copy."""
        return Series(
            steps=self.steps[start:end], times=self.times[start:end], values=self.values[start:end]
        )


def series_by_step(scope: Scope, ref: Ref, name: str) -> Series:
    """Return the points of a series by step, time and value, equal ones once.

    A run that has no such series, or is not there, has no points.
    """
    scope.require(Permission.RUN_READ, ref)
    return _once(columns_of_series(scope, ref.name, name))


def series_by_time(scope: Scope, ref: Ref, name: str) -> Series:
    """Return the points of a series by time, step and value, equal ones once."""
    import numpy as np

    series = series_by_step(scope, ref, name)
    later = np.diff(series.times)
    if not (later < 0).any():  # as nearly always: what has a later step was logged later
        return series
    order = np.lexsort((series.values, series.steps, series.times))
    return Series(steps=series.steps[order], times=series.times[order], values=series.values[order])


def thin_out(series: Series, most: int) -> Series:
    """Return at most `most` points spread evenly, the first and the last among them."""
    import numpy as np

    count = len(series)
    if count <= most:
        return series
    parts = np.arange(most)
    first = parts * (count // most) + np.minimum(parts, count % most)
    first[-1] = count - 1
    return Series(steps=series.steps[first], times=series.times[first], values=series.values[first])


def between(series: Series, start: int, end: int) -> Series:
    """Return the points, which are ordered by step, whose step is from `start` to `end`."""
    import numpy as np

    left, right = np.searchsorted(series.steps, [start, end + 1])
    return series.part(int(left), int(right))


def _once(columns: Columns) -> Series:
    import numpy as np

    series = Series(steps=columns.steps, times=columns.times, values=columns.values)
    if len(series) < 2:  # noqa: PLR2004 - a pair
        return series
    values = series.values
    same = (np.diff(series.steps) == 0) & (np.diff(series.times) == 0)
    if not same.any():
        return series
    both_nan = np.isnan(values[1:]) & np.isnan(values[:-1])
    keep = np.append(True, ~(same & ((values[1:] == values[:-1]) | both_nan)))
    return Series(steps=series.steps[keep], times=series.times[keep], values=values[keep])
