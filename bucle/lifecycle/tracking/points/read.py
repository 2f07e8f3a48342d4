"""Read points of a run back; who asks has looked for the run already."""

from collections.abc import Sequence

from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.points import store
from bucle.lifecycle.tracking.records import MetricSummary
from bucle.lifecycle.tracking.segments import Columns, unpack, unpack_series


def summaries_of_run(
    scope: Scope, run: str, names: Sequence[str] | None = None
) -> tuple[MetricSummary, ...]:
    """Return a run's series, by name; only some of them where they are named."""
    return store.list_summaries(scope.tx, scope.project, run, names)


def columns_of_series(scope: Scope, run: str, name: str) -> Columns:
    """Return the points of one series by step, time and value."""
    return unpack_series(store.list_segments(scope.tx, scope.project, run), name)


def columns_of_run(scope: Scope, run: str) -> Columns:
    """Return the points of every series, by name, step, time and value."""
    return unpack(store.list_segments(scope.tx, scope.project, run))
