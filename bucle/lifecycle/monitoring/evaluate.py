"""Evaluate a monitor: read what was served, judge it, keep the report, raise and close alerts."""

from datetime import datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data, registry, serving
from bucle.lifecycle.monitoring import store
from bucle.lifecycle.monitoring.alerts import CAUSES, follow
from bucle.lifecycle.monitoring.declare import get_monitor
from bucle.lifecycle.monitoring.joined import answered, joined_labels
from bucle.lifecycle.monitoring.records import Alert, MonitorReport, MonitorSpec
from bucle.lifecycle.monitoring.signals import (
    judge_drift,
    judge_missing,
    judge_performance,
    judge_volume,
)

_HISTORY = 14  # earlier stretches that say how many requests are usual
_FEATURE, _OUTPUT = "in_", "out_"
_Verdicts = tuple[Verdict, ...]


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation starts from."""

    spec: MonitorSpec
    at: datetime
    champion: registry.ModelVersion | None  # None: nothing is served


def labels_wanted(spec: MonitorSpec, at: datetime) -> tuple[datetime, datetime]:
    """Return the window of predictions whose labels an evaluation needs."""
    window = (spec.performance.window if spec.performance else "") or spec.window
    return at - parse_duration(window), at


def evaluate(
    session: Session, name: str, at: datetime, labels: pa.Table | None = None
) -> MonitorReport:
    """Judge what a deployment did up to a moment.

    Evaluating the same moment again replaces its report.

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
    window = parse_duration(spec.window)
    rows = serving.read_predictions(session, spec.deployment, at - window, at)
    volume = _volume(session, seen)
    moved, drift = _distributions(session, seen, rows)
    performance, metrics, labelled = _performance(session, seen, labels)
    report = MonitorReport(
        ref=Ref("monitor", name),
        at=at,
        since=at - window,
        until=at,
        predictions=rows.num_rows,
        labelled=labelled,
        verdicts=(*volume, *moved, *performance),
        metrics=metrics,
        drift=drift,
    )
    with session.begin() as scope:
        _keep(scope, spec, report)
    return report


def _seen(scope: Scope, name: str, at: datetime) -> _Seen:
    ref = Ref("monitor", name)
    scope.require(Permission.MONITOR_WRITE, ref)
    spec = get_monitor(scope, name)
    deployment = serving.find_deployment(scope, spec.deployment)
    variant = deployment.variant(serving.CHAMPION) if deployment else None
    champion = registry.find_version(scope, variant.model) if variant else None
    return _Seen(spec=spec, at=at, champion=champion)


def _volume(session: Session, seen: _Seen) -> _Verdicts:
    rule = seen.spec.volume
    if rule is None:
        return ()
    span = parse_duration(rule.span or seen.spec.every)
    since = seen.at - span * (_HISTORY + 1)
    moments = serving.read_predictions(
        session, seen.spec.deployment, since, seen.at, columns=["at"]
    )["at"]
    if seen.champion is None and not len(moments):
        return ()
    ends = [seen.at - span * back for back in range(_HISTORY + 1)]
    first = pc.min(moments).as_py()
    counts = [_count(moments, end - span, end) for end in ends]
    history = [
        count
        for count, end in zip(counts[1:], ends[1:], strict=True)
        if first is not None and end - span >= first - span / 100
    ]
    return (judge_volume(rule, counts[0], history, span / timedelta(hours=1)),)


def _count(moments: pa.ChunkedArray, since: datetime, until: datetime) -> int:
    kind = moments.type
    inside = pc.and_(
        pc.greater_equal(moments, pa.scalar(since, kind)), pc.less(moments, pa.scalar(until, kind))
    )
    return int(pc.sum(inside).as_py() or 0)


def _distributions(
    session: Session, seen: _Seen, rows: pa.Table
) -> tuple[_Verdicts, dict[str, float]]:
    spec = seen.spec
    if seen.champion is None or not (spec.missing or spec.drift):
        return (), {}
    reference = registry.reference_profile(session.drivers, seen.champion.manifest)
    if reference is None:
        note = f"{seen.champion.ref} was packed without a reference profile"
        return (Verdict(name="drift", ok=True, note=note),), {}
    named = _plain(rows)
    known = [column.name for column in reference.columns if column.name in named.column_names]
    window = data.count_into(session.drivers.engine, reference, named.select(known))
    found: list[Verdict] = []
    drift: dict[str, float] = {}
    if spec.missing:
        found.extend(judge_missing(spec.missing, reference, window))
    if spec.drift:
        verdicts, drift = judge_drift(spec.drift, reference, window)
        found.extend(verdicts)
    return tuple(found), drift


def _plain(rows: pa.Table) -> pa.Table:
    """Return features and outputs under their own names, and nothing else."""
    own = [name for name in rows.column_names if name.startswith((_FEATURE, _OUTPUT))]
    names = [name.partition("_")[2] for name in own]
    unique = [place for place, name in enumerate(names) if name not in names[:place]]
    return rows.select([own[place] for place in unique]).rename_columns(
        [names[place] for place in unique]
    )


def _performance(
    session: Session, seen: _Seen, labels: pa.Table | None
) -> tuple[_Verdicts, dict[str, float], int]:
    rule = seen.spec.performance
    if rule is None or seen.champion is None:
        return (), {}, 0
    since, until = labels_wanted(seen.spec, seen.at)
    joined = joined_labels(session, seen.spec.deployment, since, until, labels)
    metrics = registry.score(answered(session, joined, seen.champion)) if joined.num_rows else {}
    registered = seen.champion.metrics.get(rule.metric)
    verdict = judge_performance(rule, metrics, joined.num_rows, registered)
    return (verdict,), metrics, joined.num_rows


def _keep(scope: Scope, spec: MonitorSpec, report: MonitorReport) -> None:
    store.save_report(scope.tx, scope.project, report)
    opened = {
        alert.cause: alert
        for alert in store.list_alerts(scope.tx, scope.project, open_only=True, limit=None)
        if alert.monitor == report.ref
    }
    ids = {cause: scope.new_id() for cause in CAUSES.values()}
    for alert in follow(opened, report.verdicts, monitor=report.ref, now=report.at, ids=ids):
        store.save_alert(scope.tx, scope.project, alert)
        _tell(scope, spec, alert, raised=alert.cause not in opened)
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


def _tell(scope: Scope, spec: MonitorSpec, alert: Alert, *, raised: bool) -> None:
    said = {"cause": alert.cause, "summary": alert.summary, "deployment": spec.deployment}
    if alert.closed_at is not None:
        scope.record("alert.closed", alert.ref, **said)
    elif raised:
        scope.record("alert.raised", alert.ref, **said)
    else:
        scope.record("alert.updated", alert.ref, **said)
