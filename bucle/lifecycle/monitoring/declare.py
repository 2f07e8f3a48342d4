"""Declare what is watched of a deployment."""

from bucle.base.errors import Invalid, NotFound
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.monitoring import store
from bucle.lifecycle.monitoring.records import MonitorReport, MonitorSpec

_METHODS = ("psi", "js")


def declare_monitor(scope: Scope, spec: MonitorSpec) -> MonitorSpec:
    """Write down a monitor; saying the same again changes nothing.

    Raises:
        Invalid: a duration can not be read, or the drift method is unknown.
    """
    scope.require(Permission.MONITOR_WRITE, Ref("monitor", spec.name))
    parse_duration(spec.every)
    parse_duration(spec.window)
    if spec.drift and spec.drift.method not in _METHODS:
        raise Invalid(
            f"{spec.drift.method!r} is not a measure of drift",
            hint=f"one of: {', '.join(_METHODS)}",
        )
    if store.find_monitor(scope.tx, scope.project, spec.name) != spec:
        store.save_monitor(scope.tx, scope.project, spec, scope.now)
        scope.record("monitor.declared", Ref("monitor", spec.name), spec=spec)
    return spec


def remove_monitor(scope: Scope, name: str) -> None:
    """Stop watching; what the monitor saw is kept."""
    ref = Ref("monitor", name)
    scope.require(Permission.MONITOR_WRITE, ref)
    if not store.drop_monitor(scope.tx, scope.project, name):
        raise NotFound(f"{ref} does not exist", hint="bucle monitoring list")
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
