"""The verbs of monitoring."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import feedback, monitoring
from bucle.lifecycle.monitoring import Alert, MonitorReport, MonitorSpec


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""


class ListReports(msgspec.Struct, frozen=True, kw_only=True):
    """Whose reports, newest first."""

    name: str
    limit: Limit = 20


class Evaluate(msgspec.Struct, frozen=True, kw_only=True):
    """Which monitor, and up to when; without a time, up to now."""

    name: str
    at: datetime | None = None


class ListAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts, newest first."""

    open_only: bool = False
    limit: Limit = 50


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Which alert."""

    ref: str


def _evaluate(session: Session, request: Evaluate) -> MonitorReport:
    with session.begin(write=False) as scope:
        spec = monitoring.get_monitor(scope, request.name)
        at = request.at or scope.now
    since, until = monitoring.labels_wanted(spec, at)
    labels = feedback.labels_table(session, spec.deployment, since, until)
    return monitoring.evaluate(session, request.name, at, labels)


ROWS = (
    Operation(
        name="monitoring.list",
        permission=Permission.MONITOR_READ,
        method="GET",
        path="/monitors",
        request=Everything,
        response=tuple[MonitorSpec, ...],
        run=lambda scope, _: monitoring.list_monitors(scope),
        summary="List what is watched.",
        summary_es="Lista lo que se vigila.",
    ),
    Operation(
        name="monitoring.declare",
        permission=Permission.MONITOR_WRITE,
        method="PUT",
        path="/monitors/{name}",
        request=MonitorSpec,
        response=MonitorSpec,
        run=monitoring.declare_monitor,
        events=("monitor.declared",),
        positional=("name",),
        summary="Declare what is watched of a deployment.",
        summary_es="Declara lo que se vigila de un despliegue.",
    ),
    Operation(
        name="monitoring.reports",
        permission=Permission.MONITOR_READ,
        method="GET",
        path="/monitors/{name}/reports",
        request=ListReports,
        response=tuple[MonitorReport, ...],
        run=lambda scope, q: monitoring.list_reports(scope, q.name, limit=q.limit),
        positional=("name",),
        summary="List what a monitor saw, newest first.",
        summary_es="Lista lo que vio un monitor, lo más nuevo primero.",
    ),
    Operation(
        name="monitoring.evaluate",
        permission=Permission.MONITOR_WRITE,
        method="POST",
        path="/monitors/{name}/evaluate",
        request=Evaluate,
        response=MonitorReport,
        work=_evaluate,
        events=(
            "monitor.evaluated",
            "alert.raised",
            "alert.updated",
            "alert.closed",
        ),
        positional=("name",),
        summary="Judge a monitor's window now.",
        summary_es="Juzga ahora la ventana de un monitor.",
    ),
    Operation(
        name="monitoring.alerts",
        permission=Permission.MONITOR_READ,
        method="GET",
        path="/alerts",
        request=ListAlerts,
        response=tuple[Alert, ...],
        run=lambda scope, q: monitoring.list_alerts(scope, open_only=q.open_only, limit=q.limit),
        summary="List alerts, newest first.",
        summary_es="Lista las alertas, la más nueva primero.",
    ),
    Operation(
        name="monitoring.acknowledge",
        permission=Permission.MONITOR_WRITE,
        method="POST",
        path="/alerts/{ref}/acknowledge",
        request=Acknowledge,
        response=Alert,
        run=lambda scope, q: monitoring.acknowledge(scope, Ref.parse(q.ref, kind="alert")),
        events=("alert.acknowledged",),
        positional=("ref",),
        summary="Say that you look after an alert.",
        summary_es="Dice que atiendes una alerta.",
    ),
)
