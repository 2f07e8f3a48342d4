"""Evaluate a monitor: read what was served, judge it, keep the report, raise and close alerts."""

from datetime import datetime, timedelta

import pyarrow as pa

from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import charter, data, registry, serving
from bucle.lifecycle.monitoring import store
from bucle.lifecycle.monitoring.alerts import CAUSES, Judged, follow, tell, watched
from bucle.lifecycle.monitoring.declare import get_monitor
from bucle.lifecycle.monitoring.joined import answered, with_labels
from bucle.lifecycle.monitoring.records import MonitorReport, MonitorSpec
from bucle.lifecycle.monitoring.signals import (
    judge_drift,
    judge_finite,
    judge_labels,
    judge_missing,
    judge_performance,
    judge_types,
    judge_volume,
)
from bucle.lifecycle.monitoring.window import (
    HISTORY,
    Seen,
    features,
    logged_part,
    read_window,
    since,
    stretches,
)

_Verdicts = tuple[Verdict, ...]


def labels_wanted(spec: MonitorSpec, at: datetime) -> tuple[datetime, datetime]:
    """Return the window of predictions whose labels an evaluation needs."""
    window = (spec.performance.window if spec.performance else "") or spec.window
    return at - parse_duration(window), at


def evaluate(
    session: Session, name: str, at: datetime, labels: pa.Table | None = None
) -> MonitorReport:
    """Judge what a deployment did up to a moment.

    Features are judged on everything that was asked; answers, on those of the model that is
    champion now, because its own reference says what is usual.  Evaluating the same moment
    again replaces its report; a moment before the newest report's leaves the alerts alone.

    Args:
        session: who asks.
        name: the monitor.
        at: the end of the window; what came at that moment or later is left out.
        labels: `prediction_id` and `label` of the window's predictions; None: there are none.

    Raises:
        NotFound: there is no such monitor.
    """
    with session.begin(write=False) as scope:
        seen = _seen(scope, name, at)
    spec = seen.spec
    longest = min(seen.since, labels_wanted(spec, at)[0], at - _looked_back(spec))
    rows = read_window(session, seen, longest=longest)
    window = since(rows, seen.since)
    volume = _volume(seen, rows)
    moved, drift = _distributions(session, seen, window)
    performance, metrics, labelled = _performance(seen, rows, labels)
    report = MonitorReport(
        ref=Ref("monitor", name),
        at=at,
        since=seen.since,
        until=at,
        predictions=window.num_rows,
        labelled=labelled,
        verdicts=(*volume, *moved, *performance),
        metrics=metrics,
        drift=drift,
    )
    with session.begin() as scope:
        _keep(scope, spec, report)
    return report


def _seen(scope: Scope, name: str, at: datetime) -> Seen:
    ref = Ref("monitor", name)
    scope.require(Permission.MONITOR_WRITE, ref)
    spec = get_monitor(scope, name)
    deployment = serving.find_deployment(scope, spec.deployment)
    variant = deployment.variant(serving.CHAMPION) if deployment else None
    champion = registry.find_version(scope, variant.model) if variant else None
    found = charter.find_charter(scope) if spec.performance else None
    reference = None
    classes: tuple[str | int | bool, ...] = ()
    if champion is not None:
        classes = registry.manifest_of(scope.drivers, champion.manifest).classes
        if spec.missing or spec.drift:
            reference = registry.reference_profile(scope.drivers, champion.manifest)
        if reference and deployment:
            reference = logged_part(reference, serving.is_readable(scope, deployment))
    return Seen(
        spec=spec,
        at=at,
        since=at - parse_duration(spec.window),
        champion=champion,
        classes=classes,
        reference=reference,
        costs=found.costs if found else None,
    )


def _looked_back(spec: MonitorSpec) -> timedelta:
    """Return how far the rule of volume looks back."""
    if spec.volume is None:
        return timedelta(0)
    learned = spec.volume.expected_per_hour is None
    return parse_duration(spec.volume.span or spec.every) * (HISTORY + 1 if learned else 1)


def _volume(seen: Seen, rows: pa.Table) -> _Verdicts:
    rule = seen.spec.volume
    if rule is None:
        return ()
    if seen.champion is None and not rows.num_rows:
        return (Verdict(name="volume", ok=True, note="nothing is served"),)
    span = parse_duration(rule.span or seen.spec.every)
    count, history = stretches(rows, seen.at, span)
    return (judge_volume(rule, count, history, span / timedelta(hours=1)),)


def _distributions(
    session: Session, seen: Seen, rows: pa.Table
) -> tuple[_Verdicts, dict[str, float]]:
    spec, reference = seen.spec, seen.reference
    if seen.champion is None or not (spec.missing or spec.drift):
        return (), {}
    if reference is None:
        note = f"{seen.champion.ref} was packed without a reference profile"
        return (Verdict(name="drift", ok=True, note=note),), {}
    if not rows.num_rows:
        note = "no request came in this window"
        asked = [("missing", spec.missing), ("drift", spec.drift)]
        return tuple(Verdict(name=name, ok=True, note=note) for name, rule in asked if rule), {}
    plain, strange = features(rows, reference, str(seen.champion.ref))
    window = data.count_into(session.drivers.engine, reference, plain)
    found: list[Verdict] = [judge_types(strange)]
    drift: dict[str, float] = {}
    if spec.missing:
        found.extend(judge_missing(spec.missing, reference, window))
    if spec.drift:
        verdicts, drift = judge_drift(spec.drift, reference, window)
        found.extend(verdicts)
    return tuple(found), drift


def _performance(
    seen: Seen, rows: pa.Table, labels: pa.Table | None
) -> tuple[_Verdicts, dict[str, float], int]:
    rule, champion = seen.spec.performance, seen.champion
    if rule is None:
        return (), {}, 0
    if champion is None:
        name = f"performance:{rule.metric}"
        return (Verdict(name=name, ok=True, note="nothing is served"),), {}, 0
    recent = since(rows, labels_wanted(seen.spec, seen.at)[0])
    joined = with_labels(recent, labels, str(champion.ref))
    given = answered(joined, champion.task, seen.classes, seen.costs)
    metrics = registry.score(given.rows, seen.costs)
    count = len(given.rows.actual)
    registered = champion.metrics.get(rule.metric)
    found = [judge_performance(rule, metrics, count, registered)]
    if joined.num_rows:
        found.append(judge_labels(given.foreign, joined.num_rows))
    if given.infinite or count >= rule.min_labels:  # a few good ones are no evidence
        found.append(judge_finite(given.infinite, joined.num_rows))
    return tuple(found), metrics, count


def _keep(scope: Scope, spec: MonitorSpec, report: MonitorReport) -> None:
    """Write the report, and what it means for the alerts, one evaluation at a time."""
    store.lock_monitor(scope.tx, scope.project, spec.name)
    late = store.has_later_report(scope.tx, scope.project, spec.name, report.at)
    store.save_report(scope.tx, scope.project, report)
    if not late:
        _follow(scope, spec, report)
    scope.record(
        "monitor.evaluated",
        report.ref,
        at=report.at,
        deployment=spec.deployment,
        verdicts=report.verdicts,
        predictions=report.predictions,
        labelled=report.labelled,
        metrics=report.metrics,
    )


def _follow(scope: Scope, spec: MonitorSpec, report: MonitorReport) -> None:
    opened = {
        alert.cause: alert for alert in store.open_alerts_of(scope.tx, scope.project, report.ref)
    }
    ids = {cause: scope.new_id() for cause in dict.fromkeys(CAUSES.values())}
    window = Judged(
        monitor=report.ref, at=report.at, verdicts=report.verdicts, watched=watched(spec), ids=ids
    )
    for alert in follow(opened, window):
        store.save_alert(scope.tx, scope.project, alert)
        tell(scope, spec.deployment, alert, raised=alert.cause not in opened)
