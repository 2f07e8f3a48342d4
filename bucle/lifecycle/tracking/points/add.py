"""Add points to a run: packed as they come, summarised, and packed together when there are many."""

from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.points import store
from bucle.lifecycle.tracking.records import MetricPoints, MetricSummary
from bucle.lifecycle.tracking.segments import (
    Columns,
    Segment,
    columns_of,
    merge,
    pack,
    pack_few,
    summaries_of,
    unpack,
)
from bucle.lifecycle.tracking.store import no_loose_segments

SEGMENT_POINTS = 100_000
SMALL_POINTS = 10_000  # a segment below this is loose, and is packed together with others
MOST_LOOSE = 256
_FEW = 16  # below this, NumPy costs more than it saves


class PackedPoints:
    """Points that are ready to be written: segments and summaries."""

    def __init__(self, points: MetricPoints) -> None:
        """Pack points.

        Raises:
            Invalid: columns of different length, or a number that does not fit.
        """
        self.count = len(points.names)
        self.batch = points.batch
        self.segments: list[Segment]
        self.summaries: list[MetricSummary]
        if 0 < self.count < _FEW:
            self.segments, self.summaries = pack_few(points)
        else:
            columns = columns_of(points)
            self.segments = pack(columns, SEGMENT_POINTS)
            self.summaries = summaries_of(columns)

    @classmethod
    def of_columns(cls, columns: Columns, batch: str) -> "PackedPoints":
        """Pack ordered columns, of a batch that bears an id."""
        packed = cls(MetricPoints(batch=batch))
        packed.count = len(columns.steps)
        packed.segments = pack(columns, SEGMENT_POINTS)
        packed.summaries = summaries_of(columns)
        return packed

    @property
    def names(self) -> list[str]:
        """The names of the series."""
        return [summary.name for summary in self.summaries]

    @property
    def small(self) -> int:
        """How many segments are small."""
        return sum(segment.count < SMALL_POINTS for segment in self.segments)


def add_packed(scope: Scope, run: str, packed: PackedPoints, loose: int) -> bool:
    """Write points of a run, which the caller has locked; tell whether the batch was new.

    Args:
        scope: where it is written.
        run: the run's id.
        packed: what is written; a batch that bears an id counts once.
        loose: how many small segments the run has by now, this batch's included.
    """
    sent = packed.batch and store.has_batch(scope.tx, scope.project, run, packed.batch)
    if not packed.count or sent:
        return False
    batch = packed.batch or scope.new_id()
    store.add_segments(scope.tx, scope.project, run, batch, packed.segments)
    _summarise(scope, run, packed.summaries)
    if loose >= MOST_LOOSE:
        pack_loose(scope, run)
    return True


def pack_loose(scope: Scope, run: str) -> None:
    """Pack a run's small segments together; the points stay what they are."""
    loose = store.list_segments(scope.tx, scope.project, run, below=SMALL_POINTS)
    if len(loose) > 1:
        packed = pack(unpack(loose), SEGMENT_POINTS)
        store.replace_segments(scope.tx, scope.project, run, SMALL_POINTS, scope.new_id(), packed)
        no_loose_segments(scope.tx, scope.project, run)


def _summarise(scope: Scope, run: str, new: list[MetricSummary]) -> None:
    names = [summary.name for summary in new]
    before = {
        summary.name: summary
        for summary in store.list_summaries(scope.tx, scope.project, run, names)
    }
    fresh = [summary for summary in new if summary.name not in before]
    more = [merge(before[summary.name], summary) for summary in new if summary.name in before]
    store.add_summaries(scope.tx, scope.project, run, fresh)
    store.change_summaries(scope.tx, scope.project, run, more)
