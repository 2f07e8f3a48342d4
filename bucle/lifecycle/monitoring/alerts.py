"""Alerts: one for each cause, from its first bad window to its next good one.

`follow` is pure; the rest reads and acknowledges.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.monitoring import store
from bucle.lifecycle.monitoring.records import Alert, MonitorSpec

# signal -> the cause under which its alerts are grouped
CAUSES = {
    "volume": "volume",
    "missing": "data",
    "types": "data",
    "labels": "data",
    "drift": "drift",
    "prediction_drift": "drift",
    "performance": "performance",
}
ADVICE = {
    "volume": "Requests are lost or the caller stopped: ask the caller before anything else.",
    "data": "A source stopped filling these columns: ask its owner; the model guesses meanwhile.",
    "drift": "The world or a source moved: see whether performance follows; retrain if it does.",
    "performance": "The model is worse than it was: retrain on recent data, or roll back.",
}
_SHOWN = 3


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a window showed, and what is needed to say so."""

    monitor: Ref
    at: datetime  # the window's end
    verdicts: tuple[Verdict, ...]
    watched: frozenset[str]  # the causes that the monitor has rules for
    ids: Mapping[str, str]  # an id for each cause, for an alert that is raised


def follow(open_alerts: Mapping[str, Alert], window: Judged) -> tuple[Alert, ...]:
    """Return the alerts that are raised, updated or closed by a window's verdicts.

    An alert closes when its cause was judged and is well, or is no longer watched; a window
    that says nothing (too few rows, no label) leaves it open.

    Args:
        open_alerts: the monitor's open alerts, by cause.
        window: what the window showed.
    """
    found: list[Alert] = []
    judged = {cause_of(one) for one in window.verdicts if one.limit is not None}
    for cause in dict.fromkeys(CAUSES.values()):
        bad = tuple(one for one in window.verdicts if not one.ok and cause_of(one) == cause)
        before = open_alerts.get(cause)
        if bad and before is None:
            found.append(_raised(cause, bad, window))
        elif bad and before is not None and _names(bad) != _names(before.verdicts):
            text = summary(cause, bad, before.opened_at)
            found.append(
                msgspec.structs.replace(before, verdicts=bad, summary=text, updated_at=window.at)
            )
        elif before is not None and not bad and (cause in judged or cause not in window.watched):
            found.append(closed(before, window.at))
    return tuple(found)


def closed(alert: Alert, now: datetime) -> Alert:
    """Return an alert that is over."""
    return msgspec.structs.replace(alert, closed_at=now, updated_at=now)


def watched(spec: MonitorSpec) -> frozenset[str]:
    """Return the causes that a monitor has rules for."""
    rules = {
        "volume": spec.volume,
        "data": spec.missing or spec.drift or spec.performance,
        "drift": spec.drift,
        "performance": spec.performance,
    }
    return frozenset(cause for cause, rule in rules.items() if rule is not None)


def tell(scope: Scope, deployment: str, alert: Alert, *, raised: bool) -> None:
    """Leave the fact that an alert was raised, updated or closed."""
    scope.require(Permission.MONITOR_WRITE, alert.monitor)
    said = {"cause": alert.cause, "summary": alert.summary, "deployment": deployment}
    if alert.closed_at is not None:
        scope.record("alert.closed", alert.ref, **said)
    elif raised:
        scope.record("alert.raised", alert.ref, **said)
    else:
        scope.record("alert.updated", alert.ref, **said)


def summary(cause: str, bad: Sequence[Verdict], since: datetime) -> str:
    """Say what is wrong, how much, since when and what to do."""
    shown = sorted(bad, key=_excess, reverse=True)[:_SHOWN]
    notes = "; ".join(verdict.note for verdict in shown)
    more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f"{notes}{more}, since {since:%Y-%m-%d %H:%M}. {ADVICE[cause]}"


def cause_of(verdict: Verdict) -> str:
    """Return the cause under which a verdict's alert is grouped."""
    return CAUSES[verdict.name.partition(":")[0]]


def list_alerts(scope: Scope, *, open_only: bool = False, limit: int = 50) -> tuple[Alert, ...]:
    """List alerts, newest first."""
    scope.require(Permission.MONITOR_READ)
    return store.list_alerts(scope.tx, scope.project, open_only=open_only, limit=limit)


def acknowledge(scope: Scope, ref: Ref) -> Alert:
    """Say that somebody has seen an alert and looks after it.

    Raises:
        NotFound: there is no such alert.
    """
    scope.require(Permission.MONITOR_WRITE, ref)
    alert = store.get_alert(scope.tx, scope.project, ref)
    if alert.acknowledged_by:
        return alert
    seen = msgspec.structs.replace(alert, acknowledged_by=scope.actor.name)
    store.save_alert(scope.tx, scope.project, seen)
    scope.record("alert.acknowledged", ref)
    return seen


def _raised(cause: str, bad: tuple[Verdict, ...], window: Judged) -> Alert:
    return Alert(
        ref=Ref("alert", window.ids[cause]),
        monitor=window.monitor,
        cause=cause,
        summary=summary(cause, bad, window.at),
        verdicts=bad,
        opened_at=window.at,
        updated_at=window.at,
    )


def _names(verdicts: Sequence[Verdict]) -> set[str]:
    return {verdict.name for verdict in verdicts}


def _excess(verdict: Verdict) -> float:
    if verdict.value is None or not verdict.limit:
        return 0.0
    return abs(verdict.value / verdict.limit)
