"""The page of a project: its loop, turning."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from markupsafe import Markup

from bucle.base.verdict import Verdict
from bucle.control.jobs.records import Job
from bucle.governance.permissions import Permission
from bucle.interfaces.web.charts import (
    Frame,
    Heat,
    Mark,
    Point,
    Series,
    Share,
    bar_chart,
    heat_map,
    line_chart,
)
from bucle.interfaces.web.formats import duration, money, number
from bucle.interfaces.web.runs import RunRow, run_rows
from bucle.interfaces.web.sentences import Told, is_news, tell
from bucle.interfaces.web.snapshot import DatasetSeen, MonitorSeen, Snapshot, take
from bucle.interfaces.web.stages import Ring, ring_of
from bucle.interfaces.web.traffic import Traffic, TrafficCounter
from bucle.interfaces.web.versions import ModelPanel, champion_marks, model_panel
from bucle.interfaces.web.visit import Visit
from bucle.lifecycle import charter, monitoring, serving

_FEED, _RUNS, _HEAT_COLUMNS, _HEAT_ROWS, _BARS = 16, 8, 36, 10, 60
_NARROW = 520  # the drawing of a narrow card: its letters must not shrink
_BIN_HOURS = (1, 2, 3, 6, 12, 24, 48, 168, 336, 720)
_TONES = {serving.CHAMPION: "a", serving.CANARY: "b"}


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One figure at the top."""

    label: str
    figure: str
    line: str = ""
    tone: str = ""  # "": plain; good, warn or bad


class VariantRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a variant should get and what it got."""

    role: str
    model: str
    weight: float
    requests: int
    errors: int
    tone: str


class TrafficPanel(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers a deployment's requests."""

    name: str
    revision: int
    changed_at: datetime
    reason: str
    steps: tuple[float, ...]
    state: serving.RolloutState | None  # None: no canary
    planned: tuple[Share, ...]
    actual: tuple[Share, ...]
    variants: tuple[VariantRow, ...]
    total: int
    volume: Markup
    span: str  # what one bar of the volume holds


class MonitorPanel(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor saw."""

    name: str
    metric: str  # "": none is watched
    performance: Markup
    drift: Markup
    limit: float | None  # of drift; None: it is not judged
    checks: tuple[Verdict, ...]
    at: datetime | None  # None: it has not looked yet


class TriggerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A declared trigger."""

    name: str
    on: str
    detail: str
    pipeline: str


class Buttons(msgspec.Struct, frozen=True, kw_only=True):
    """What the visitor may press."""

    acknowledge: bool
    fire: bool
    promote: bool
    serve: bool


class LoopPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the loop's page shows."""

    project: str
    ring: Ring
    tiles: tuple[Tile, ...]
    charter: charter.Charter | None  # None: none is set
    costs: tuple[tuple[str, str], ...]  # what an error costs, in words
    models: tuple[ModelPanel, ...]
    traffic: tuple[TrafficPanel, ...]
    monitors: tuple[MonitorPanel, ...]
    alerts: tuple[monitoring.Alert, ...]
    datasets: tuple[DatasetSeen, ...]
    runs: tuple[RunRow, ...]
    feed: tuple[Told, ...]
    decisions: tuple[tuple[str, object], ...]
    triggers: tuple[TriggerRow, ...]
    jobs: tuple[Job, ...]
    status: object
    may: Buttons


def loop_page(visit: Visit, counter: TrafficCounter) -> LoopPage:
    """Show a project."""
    return laid_out(take(visit, counter), visit)


def laid_out(shot: Snapshot, visit: Visit) -> LoopPage:
    """Lay a snapshot out as the page shows it."""
    canaries = {one.spec.model: one.rollout_state.model
                for one in shot.deployments if one.rollout_state}  # fmt: skip
    panels = tuple(model_panel(one, canary=canaries.get(one.model.ref.name)) for one in shot.models)
    feed = [event for event in shot.events if is_news(event)][:_FEED]
    decided = sorted(
        ((panel.name, one) for panel in panels for one in panel.decisions),
        key=lambda pair: pair[1].at,
        reverse=True,
    )
    return LoopPage(
        project=visit.project,
        ring=ring_of(shot, visit.language),
        tiles=tuple(_tiles(shot, visit)),
        charter=shot.charter,
        costs=tuple(_costs(shot, visit)),
        models=panels,
        traffic=tuple(_traffic(shot, one, visit) for one in shot.deployments),
        monitors=tuple(_monitor(shot, one, visit) for one in shot.monitors),
        alerts=shot.alerts,
        datasets=shot.datasets,
        runs=run_rows(shot.runs, shot.spendings)[:_RUNS],
        feed=tuple(tell(visit.language, event) for event in feed),
        decisions=tuple(decided[:12]),
        triggers=tuple(_triggers(shot)),
        jobs=shot.jobs[:6],
        status=shot.status,
        may=Buttons(
            acknowledge=visit.may(Permission.MONITOR_WRITE),
            fire=visit.may(Permission.CONTROL_RUN),
            promote=visit.may(Permission.MODEL_PROMOTE),
            serve=visit.may(Permission.SERVING_WRITE),
        ),
    )


def _tiles(shot: Snapshot, visit: Visit) -> Iterable[Tile]:
    if shot.charter and shot.charter.kpi.target is not None:
        kpi = shot.charter.kpi
        line = visit.word("kpi_baseline", baseline=number(kpi.baseline)) if kpi.baseline else ""
        yield Tile(label=visit.word("kpi"), figure=f"{number(kpi.target)} {kpi.unit}", line=line)
    for one in shot.models[:1]:
        champion = model_panel(one).champion
        figure = f"v{champion.number}" if champion else "–"
        line = visit.word("since", at=f"{champion.since:%Y-%m-%d}") if champion else ""
        yield Tile(label=visit.word("champion"), figure=figure, line=line)
    for monitor in shot.monitors[:1]:
        yield from _served(monitor, visit)
    total = sum(one.total for one in shot.traffic.values())
    yield Tile(label=visit.word("predictions"), figure=number(total))
    labels = sum(one.labels for one in shot.feedback)
    yield Tile(label=visit.word("labels"), figure=number(labels))
    budget = shot.spec.budgets.cost_per_month if shot.spec else None
    line = visit.word("of_budget", budget=number(budget)) if budget is not None else ""
    spent = sum(one.cost for one in shot.spendings)
    yield Tile(label=visit.word("spent"), figure=f"{money(spent)} USD", line=line)
    open_ = len(shot.alerts)
    yield Tile(label=visit.word("alerts"), figure=str(open_), tone="bad" if open_ else "good")


def _served(monitor: MonitorSeen, visit: Visit) -> Iterable[Tile]:
    metric = _metric(monitor)
    values = [one.metrics[metric] for one in monitor.reports if metric in one.metrics]
    if values:
        yield Tile(
            label=visit.word("served_error", metric=metric),
            figure=number(values[-1]),
            line=visit.word("first_error", value=number(values[0])),
        )


def _costs(shot: Snapshot, visit: Visit) -> Iterable[tuple[str, str]]:
    costs = shot.charter.costs if shot.charter else None
    if costs is None:
        return
    for name in ("false_negative", "false_positive", "true_positive", "true_negative", "over",
                 "under"):  # fmt: skip
        value = getattr(costs, name)
        if value:
            said = value if isinstance(value, str) else number(float(value))
            yield visit.word(f"cost.{name}"), f"{said} {costs.unit}"


def _traffic(shot: Snapshot, deployment: serving.Deployment, visit: Visit) -> TrafficPanel:
    traffic = shot.traffic.get(deployment.name) or Traffic(cells={})
    state = deployment.rollout_state
    counted = traffic.by_variant(state.step_started_at if state else deployment.changed_at)
    rows = []
    for variant in deployment.answering:
        all_, failed = counted.get((variant.role, str(variant.model)), (0, 0))
        rows.append(
            VariantRow(
                role=variant.role,
                model=str(variant.model),
                weight=variant.weight,
                requests=all_,
                errors=failed,
                tone=_TONES.get(variant.role, "c"),
            )
        )
    answered = sum(row.requests for row in rows)
    chart, span = volume_chart(traffic, _all_marks(shot, deployment.spec.model), visit)
    return TrafficPanel(
        name=deployment.name,
        revision=deployment.revision,
        changed_at=deployment.changed_at,
        reason=deployment.reason,
        steps=deployment.spec.rollout.steps,
        state=state,
        planned=tuple(Share(row.role, row.weight, row.tone) for row in rows),
        actual=tuple(
            Share(row.role, row.requests / answered, row.tone) for row in rows if answered
        ),
        variants=tuple(rows),
        total=traffic.total,
        volume=chart,
        span=span,
    )


def volume_chart(traffic: Traffic, marks: tuple[Mark, ...], visit: Visit) -> tuple[Markup, str]:
    """Draw how many predictions were asked for, in stretches that fit on the chart."""
    hours = traffic.by_hour()
    if not hours:
        return Markup(""), ""
    length = (max(hours) - min(hours)) / timedelta(hours=1) + 1
    step = next((one for one in _BIN_HOURS if length / one <= _BARS), _BIN_HOURS[-1])
    bins: Counter[datetime] = Counter()
    for hour, count in hours.items():
        bins[_floor(hour, step)] += count
    first, last = min(bins), max(bins)
    count = int((last - first) / timedelta(hours=step)) + 1
    points = [
        Point(at, float(bins[at]))
        for at in (first + timedelta(hours=step * place) for place in range(count))
    ]
    span = duration(timedelta(hours=step))
    label = f"{visit.word('volume')}: {visit.word('volume_per', span=span)}"
    return bar_chart(points, Frame(label, marks=marks, width=_NARROW, height=180)), span


def _floor(hour: datetime, step: int) -> datetime:
    whole = int(hour.timestamp()) // 3600 // step * step
    return datetime.fromtimestamp(whole * 3600, UTC)


def _monitor(shot: Snapshot, monitor: MonitorSeen, visit: Visit) -> MonitorPanel:
    metric = _metric(monitor)
    deployed = next((one for one in shot.deployments if one.name == monitor.spec.deployment), None)
    marks = _all_marks(shot, deployed.spec.model) if deployed else ()
    points = tuple(
        Point(one.at, one.metrics[metric]) for one in monitor.reports if metric in one.metrics
    )
    last = monitor.reports[-1] if monitor.reports else None
    judged = {verdict.name: verdict for verdict in last.verdicts} if last else {}
    gate = judged.get(f"performance:{metric}")
    frame = Frame(
        visit.word("performance", metric=metric),
        limit=gate.limit if gate else None,
        marks=marks,
        height=240,
    )
    rule = monitor.spec.drift
    return MonitorPanel(
        name=monitor.spec.name,
        metric=metric,
        performance=line_chart([Series(metric, points)], frame),
        drift=drift_map(monitor.reports, rule.limit if rule else None, visit),
        limit=rule.limit if rule else None,
        checks=_checks(last.verdicts if last else ()),
        at=last.at if last else None,
    )


def drift_map(
    reports: tuple[monitoring.MonitorReport, ...], limit: float | None, visit: Visit
) -> Markup:
    """Draw the drift of the columns that moved most, over the last windows."""
    with_drift = [one for one in reports if one.drift][-_HEAT_COLUMNS:]
    worst: Counter[str] = Counter()
    for one in with_drift:
        for column, value in one.drift.items():
            worst[column] = max(worst[column], value)  # type: ignore[assignment]
    rows = [
        Heat(column, tuple(one.drift.get(column) for one in with_drift))
        for column, _ in worst.most_common(_HEAT_ROWS)
    ]
    return heat_map(
        rows,
        [one.at for one in with_drift],
        Frame(visit.word("drift"), width=_NARROW, limit=limit),
    )


def _checks(verdicts: tuple[Verdict, ...], shown: int = 8) -> tuple[Verdict, ...]:
    """Return the unfavourable verdicts first; of the others, one of each signal is enough."""
    bad = [one for one in verdicts if not one.ok]
    # What says that nothing at all is strange (a limit of 0, and 0 found) need not be shown.
    verdicts = tuple(one for one in verdicts if one.value or one.limit)
    good: dict[str, Verdict] = {}
    for one in verdicts:
        if one.ok:
            good.setdefault(one.name.partition(":")[0], one)
    return tuple([*bad, *good.values()][:shown])


def _metric(monitor: MonitorSeen) -> str:
    rule = monitor.spec.performance
    if rule:
        return rule.metric
    return next((name for one in monitor.reports for name in one.metrics), "")


def _all_marks(shot: Snapshot, model: str) -> tuple[Mark, ...]:
    return tuple(
        mark for one in shot.models if one.model.ref.name == model for mark in champion_marks(one)
    )


def _triggers(shot: Snapshot) -> Iterable[TriggerRow]:
    for name, one in (shot.spec.triggers if shot.spec else {}).items():
        detail = one.cron or one.dataset or one.monitor
        yield TriggerRow(name=name, on=one.on, detail=detail, pipeline=one.run)
