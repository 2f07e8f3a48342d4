"""Declare what is watched of a deployment."""

from bucle.base.errors import Invalid, NotFound
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.monitoring import store
from bucle.lifecycle.monitoring.alerts import closed, tell
from bucle.lifecycle.monitoring.records import MonitorReport, MonitorSpec
from bucle.lifecycle.registry import METRICS

_METHODS = ("psi", "js")


def declare_monitor(scope: Scope, spec: MonitorSpec) -> MonitorSpec:
    """Write down a monitor; saying the same again changes nothing.

    Raises:
        Invalid: see `check_spec`.
    """
    scope.require(Permission.MONITOR_WRITE, Ref("monitor", spec.name))
    check_spec(spec)
    if store.find_monitor(scope.tx, scope.project, spec.name) != spec:
        store.save_monitor(scope.tx, scope.project, spec, scope.now)
        scope.record("monitor.declared", Ref("monitor", spec.name), spec=spec)
    return spec


def check_spec(spec: MonitorSpec) -> None:
    """Refuse a monitor that could never judge.

    Raises:
        Invalid: a duration can not be read or is none, or a method or metric is unknown.
    """
    spans = {
        "every": spec.every,
        "window": spec.window,
        "volume.span": spec.volume.span if spec.volume else "",
        "performance.window": spec.performance.window if spec.performance else "",
    }
    for field, text in spans.items():
        if (text or field in {"every", "window"}) and not parse_duration(text):
            raise Invalid(f"{field} is {text!r}", hint="write a duration above 0, such as 6h or 7d")
    if spec.drift and spec.drift.method not in _METHODS:
        raise Invalid(
            f"{spec.drift.method!r} is not a measure of drift",
            hint=f"one of: {', '.join(_METHODS)}",
        )
    rule = spec.performance
    if rule and rule.metric not in METRICS:
        raise Invalid(f"{rule.metric!r} is not a metric", hint=f"one of: {', '.join(METRICS)}")
    if rule and rule.max_ratio is not None and rule.max_ratio <= 0:
        raise Invalid(
            f"performance.max_ratio is {rule.max_ratio:g}",
            hint="write how many times as bad it may become, such as 1.3",
        )


def remove_monitor(scope: Scope, name: str) -> None:
    """Stop watching and close its alerts; what the monitor saw is kept."""
    ref = Ref("monitor", name)
    scope.require(Permission.MONITOR_WRITE, ref)
    spec = get_monitor(scope, name)
    store.drop_monitor(scope.tx, scope.project, name)
    for alert in store.open_alerts_of(scope.tx, scope.project, ref):
        over = closed(alert, scope.now)
        store.save_alert(scope.tx, scope.project, over)
        tell(scope, spec.deployment, over, raised=False)
    scope.record("monitor.removed", ref)


def find_monitor(scope: Scope, name: str) -> MonitorSpec | None:
    """Return a monitor, or None."""
    scope.require(Permission.MONITOR_READ)
    return store.find_monitor(scope.tx, scope.project, name)


def get_monitor(scope: Scope, name: str) -> MonitorSpec:
    """Return a monitor.

    Raises:
        NotFound: there is none of that name.
    """
    if found := find_monitor(scope, name):
        return found
    raise NotFound(f"{Ref('monitor', name)} does not exist", hint="bucle monitoring list")


def list_monitors(scope: Scope) -> tuple[MonitorSpec, ...]:
    """List the monitors, by name."""
    scope.require(Permission.MONITOR_READ)
    return store.list_monitors(scope.tx, scope.project)


def list_reports(scope: Scope, name: str, *, limit: int = 50) -> tuple[MonitorReport, ...]:
    """List what a monitor saw, newest first."""
    scope.require(Permission.MONITOR_READ)
    return store.list_reports(scope.tx, scope.project, name, limit)
