"""The tables of monitors, reports and alerts."""

from datetime import datetime

from sqlalchemy import Column, String, Table, delete, insert, select, update

from bucle.base.codec import convert, to_builtins
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.monitoring.records import MonitorSpec

monitors = Table(
    "monitors",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("deployment", String, nullable=False),
    Column("declared_at", UtcDateTime, nullable=False),
    Column("spec", Json, nullable=False),
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
