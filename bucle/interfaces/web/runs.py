"""Runs: the list, and one with all that it read, left and cost."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from markupsafe import Markup

from bucle.base.refs import Ref
from bucle.governance.cost.read import list_spendings
from bucle.governance.cost.records import Spending
from bucle.interfaces.web.charts import Frame, Point, Series, line_chart
from bucle.interfaces.web.visit import Visit, seen
from bucle.lifecycle import tracking

_PARTS = frozenset({"step", "trial"})
_SERIES = 6
_MOST_POINTS = 400


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list."""

    run: tracking.Run
    took_s: float | None  # None: it has not ended
    cost: float | None  # None: it was not measured
    figures: tuple[tuple[str, float], ...]
    made: tuple[Ref, ...] = ()  # the models that came of it


class RunsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the runs."""

    project: str
    rows: tuple[RunRow, ...]
    next_token: str | None  # None: these were the last


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    project: str
    row: RunRow
    parts: tuple[RunRow, ...]
    charts: tuple[Markup, ...]
    artifacts: tuple[tracking.Artifact, ...]


def run_rows(
    runs: Sequence[tracking.Run], spendings: Sequence[Spending], *, parts: bool = False
) -> tuple[RunRow, ...]:
    """Put runs in rows with what they took and cost; steps and trials are parts of others."""
    costs = {one.ref: one for one in spendings}
    inner: dict[Ref, list[tracking.Run]] = defaultdict(list)
    for run in runs:
        if run.parent is not None:
            inner[run.parent].append(run)
    wanted = [run for run in runs if parts or (run.kind not in _PARTS and run.parent is None)]
    return tuple(_row(run, inner[run.ref], costs) for run in wanted)


def runs_page(visit: Visit) -> RunsPage:
    """List runs, newest first."""
    with visit.session.begin(write=False) as scope:
        query = tracking.RunQuery(limit=50, token=visit.query.get("token"))
        found = tracking.list_runs(scope, query)
        spendings = seen(lambda: list_spendings(scope, kind="run"), ())
    rows = run_rows(found.items, spendings, parts=True)
    return RunsPage(project=visit.project, rows=rows, next_token=found.next_token)


def run_page(visit: Visit, name: str) -> RunPage:
    """Show one run."""
    ref = Ref.parse(name, kind="run")
    with visit.session.begin(write=False) as scope:
        run = tracking.get_run(scope, ref)
        inner = tracking.list_runs(
            scope, tracking.RunQuery(parent=ref, limit=100, order_by="started_at")
        ).items
        spendings = seen(lambda: list_spendings(scope, kind="run"), ())
        series = [
            tracking.metric_history(scope, ref, one.name)
            for one in tracking.list_metrics(scope, ref)[:_SERIES]
            if one.count > 1
        ]
        artifacts = tracking.list_artifacts(scope, ref)
    return RunPage(
        project=visit.project,
        row=run_rows([run], spendings, parts=True)[0],
        parts=run_rows(inner, spendings, parts=True),
        charts=tuple(_chart(run.started_at, one) for one in series),
        artifacts=artifacts,
    )


def _row(run: tracking.Run, inner: Sequence[tracking.Run], costs: Mapping[str, Spending]) -> RunRow:
    """Put a run in a row; what a pipeline has no figures of, its steps have."""
    all_ = [run, *inner]
    spent = [costs[ref] for ref in (str(one.ref) for one in all_) if ref in costs]
    measured = next((one.metrics for one in all_ if one.metrics), {})
    made = dict.fromkeys(ref for one in all_ for ref in one.outputs if ref.kind == "model")
    return RunRow(
        run=run,
        took_s=_took_s(run, inner),
        cost=sum(one.cost for one in spent) if spent else None,
        figures=tuple((name, float(value)) for name, value in measured.items())[:3],
        made=tuple(made),
    )


def _took_s(run: tracking.Run, inner: Sequence[tracking.Run]) -> float | None:
    """Return how long it took; on a clock that stands still meanwhile, the usage knows."""
    if run.usage:
        return run.usage.wall_s
    if run.ended_at is None:
        return None
    if took := (run.ended_at - run.started_at).total_seconds():
        return took
    return sum(one.usage.wall_s for one in inner if one.usage)


def _chart(start: datetime, history: tracking.MetricHistory) -> Markup:
    """Draw a series over its steps; a step is drawn as a second, as only its order counts."""
    every = max(len(history.values) // _MOST_POINTS, 1)
    places = range(0, len(history.values), every)
    points = tuple(
        Point(start + timedelta(seconds=history.steps[place]), float(history.values[place]))
        for place in places
    )
    return line_chart([Series(history.name, points)], Frame(history.name, height=180))
