"""The history of a series: every point once, in MLflow's order, whole or thinned out."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.points import store
from bucle.lifecycle.tracking.points.read import columns_of_series
from bucle.lifecycle.tracking.segments import Columns, unpack_series

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

    def chosen(self, which: "NDArray[np.bool_] | NDArray[np.intp]") -> "Series":
        """Return the points of a mask or of places."""
        return Series(steps=self.steps[which], times=self.times[which], values=self.values[which])


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


def page_by_time(
    scope: Scope, ref: Ref, name: str, start: int, most: int
) -> tuple[Series, int | None]:
    """Return some points of a series by time, and where the next begin (None: there are no more).

    Where segments follow upon each other, as those of a training do, only those are read in which
    the page lies; the page then counts equal points as often as they were logged, and gives them
    once.
    """
    scope.require(Permission.RUN_READ, ref)
    pieces = sorted(store.list_pieces(scope.tx, scope.project, ref.name, name), key=_first)
    end = start + most
    if not _follow(pieces):
        series = series_by_time(scope, ref, name)
        return series.part(start, end), end if end < len(series) else None
    total = sum(piece.points for piece in pieces)
    before, chosen = 0, []
    skipped = 0
    for piece in pieces:
        if before < end and before + piece.points > start:
            chosen.append(piece)
        elif not chosen:
            skipped += piece.points
        before += piece.points
    segments = [
        store.get_segment(scope.tx, scope.project, ref.name, piece.batch, piece.part)
        for piece in chosen
    ]
    columns = unpack_series(segments, name)
    series = Series(steps=columns.steps, times=columns.times, values=columns.values)
    keep = _first_ones(series)
    keep[: start - skipped] = False
    keep[end - skipped :] = False
    return series.chosen(keep), end if end < total else None


def _first(piece: store.Piece) -> tuple[int, int]:
    return (piece.bounds.first_step, piece.bounds.first_at) if piece.bounds else (0, 0)


def _follow(pieces: list[store.Piece]) -> bool:
    """Tell whether each piece ends before the next begins, by step as by time."""
    if any(piece.bounds is None for piece in pieces):
        return False
    edges = [piece.bounds for piece in pieces if piece.bounds]
    return all(
        one.last_step <= other.first_step
        and one.last_at <= other.first_at
        and (one.last_step, one.last_at) != (other.first_step, other.first_at)
        for one, other in pairwise(edges)
    )


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
    series = Series(steps=columns.steps, times=columns.times, values=columns.values)
    keep = _first_ones(series)
    return series if keep.all() else series.chosen(keep)


def _first_ones(series: Series) -> "NDArray[np.bool_]":
    """Return, for each point, whether it differs from the one before it."""
    import numpy as np

    keep = np.ones(len(series), np.bool_)
    same = (np.diff(series.steps) == 0) & (np.diff(series.times) == 0)
    if same.any():
        values = series.values
        both_nan = np.isnan(values[1:]) & np.isnan(values[:-1])
        keep[1:] = ~(same & ((values[1:] == values[:-1]) | both_nan))
    return keep
