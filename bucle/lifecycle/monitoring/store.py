"""The tables of monitors, reports and alerts."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, String, Table, delete, insert, select, update

from bucle.base.codec import convert, to_builtins
from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.monitoring.records import Alert, MonitorReport, MonitorSpec

monitors = Table(
    "monitors",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("deployment", String, nullable=False),
    Column("declared_at", UtcDateTime, nullable=False),
    Column("spec", Json, nullable=False),
)

reports = Table(
    "monitor_reports",
    metadata,
    Column("project", String, primary_key=True),
    Column("monitor", String, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("body", Json, nullable=False),
)
alerts = Table(
    "alerts",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("open", Boolean, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_alerts_project_open", "project", "open"),
)


def find_monitor(tx: Tx, project: str, name: str) -> MonitorSpec | None:
    """Return a monitor, or None."""
    query = select(monitors.c.spec).where(monitors.c.project == project, monitors.c.name == name)
    found = tx.execute(query).scalar()
    return convert(found, MonitorSpec) if found else None


def list_monitors(tx: Tx, project: str) -> tuple[MonitorSpec, ...]:
    """Return every monitor, by name."""
    query = select(monitors.c.spec).where(monitors.c.project == project).order_by(monitors.c.name)
    return tuple(convert(spec, MonitorSpec) for spec in tx.execute(query).scalars())


def save_monitor(tx: Tx, project: str, spec: MonitorSpec, now: datetime) -> None:
    """Write a monitor's declaration."""
    same = (monitors.c.project == project) & (monitors.c.name == spec.name)
    values = {"deployment": spec.deployment, "declared_at": now, "spec": to_builtins(spec)}
    if not tx.execute(update(monitors).where(same).values(values)).rowcount:
        tx.execute(insert(monitors).values(project=project, name=spec.name, **values))


def drop_monitor(tx: Tx, project: str, name: str) -> bool:
    """Remove a monitor's declaration; tell whether there was one."""
    done = tx.execute(
        delete(monitors).where(monitors.c.project == project, monitors.c.name == name)
    )
    return done.rowcount > 0


def save_report(tx: Tx, project: str, report: MonitorReport) -> None:
    """Write a report; one of the same moment is replaced."""
    name = report.ref.name
    same = (
        (reports.c.project == project) & (reports.c.monitor == name) & (reports.c.at == report.at)
    )
    body = to_builtins(report)
    if not tx.execute(update(reports).where(same).values(body=body)).rowcount:
        tx.execute(insert(reports).values(project=project, monitor=name, at=report.at, body=body))


def list_reports(tx: Tx, project: str, name: str, limit: int) -> tuple[MonitorReport, ...]:
    """Return a monitor's reports, newest first."""
    query = select(reports.c.body).where(reports.c.project == project, reports.c.monitor == name)
    bodies = tx.execute(query.order_by(reports.c.at.desc()).limit(limit)).scalars()
    return tuple(convert(body, MonitorReport) for body in bodies)


def save_alert(tx: Tx, project: str, alert: Alert) -> None:
    """Write an alert."""
    same = (alerts.c.project == project) & (alerts.c.id == alert.ref.name)
    values = {"open": alert.closed_at is None, "body": to_builtins(alert)}
    if not tx.execute(update(alerts).where(same).values(values)).rowcount:
        tx.execute(insert(alerts).values(project=project, id=alert.ref.name, **values))


def get_alert(tx: Tx, project: str, ref: Ref) -> Alert:
    """Return an alert."""
    query = select(alerts.c.body).where(alerts.c.project == project, alerts.c.id == ref.name)
    body = tx.execute(query).scalar()
    if body is None:
        raise NotFound(f"{ref} does not exist", hint="bucle monitoring alerts")
    return convert(body, Alert)


def lock_monitor(tx: Tx, project: str, name: str) -> None:
    """Let one evaluation of a monitor write at a time; the others wait for its commit."""
    query = select(monitors.c.name).where(monitors.c.project == project, monitors.c.name == name)
    tx.execute(query.with_for_update())


def has_later_report(tx: Tx, project: str, name: str, at: datetime) -> bool:
    """Tell whether there is a report of a later moment."""
    query = select(reports.c.at).where(
        reports.c.project == project, reports.c.monitor == name, reports.c.at > at
    )
    return tx.execute(query.limit(1)).scalar() is not None


def open_alerts_of(tx: Tx, project: str, monitor: Ref) -> tuple[Alert, ...]:
    """Return a monitor's open alerts."""
    found = list_alerts(tx, project, open_only=True, limit=None)
    return tuple(alert for alert in found if alert.monitor == monitor)


def list_alerts(tx: Tx, project: str, *, open_only: bool, limit: int | None) -> tuple[Alert, ...]:
    """Return alerts, newest first."""
    query = select(alerts.c.body).where(alerts.c.project == project)
    if open_only:
        query = query.where(alerts.c.open)
    bodies = tx.execute(query.order_by(alerts.c.id.desc()).limit(limit)).scalars()
    return tuple(convert(body, Alert) for body in bodies)
