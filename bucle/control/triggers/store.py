"""The tables of what control remembers between rounds: cursors, trigger states, schedules."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, delete, func, insert, select, update

from bucle.control.triggers.records import TriggerState
from bucle.drivers.db import Tx, UtcDateTime, metadata

cursors = Table(
    "cursors",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
states = Table(
    "trigger_states",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("last_fired_at", UtcDateTime),
    Column("pending_rows", BigInteger, nullable=False),
    Column("pending_cause", String, nullable=False),
)
schedules = Table(
    "schedules",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("rule", String, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
)


def get_cursor(tx: Tx, project: str, name: str, *, lock: bool = False) -> int:
    """Return the number of the last event that a reader has dealt with; 0 for none.

    With `lock`, another round of the same reader waits for this transaction.
    """
    query = select(cursors.c.number).where(cursors.c.project == project, cursors.c.name == name)
    return tx.execute(query.with_for_update() if lock else query).scalar() or 0


def set_cursor(tx: Tx, project: str, name: str, number: int) -> None:
    """Move a reader's cursor."""
    same = (cursors.c.project == project) & (cursors.c.name == name)
    if not tx.execute(update(cursors).where(same).values(number=number)).rowcount:
        tx.execute(insert(cursors).values(project=project, name=name, number=number))


def list_states(tx: Tx, project: str) -> dict[str, TriggerState]:
    """Return what each trigger remembers."""
    rows = tx.execute(select(states).where(states.c.project == project))
    return {
        row.name: TriggerState(
            name=row.name,
            last_fired_at=row.last_fired_at,
            pending_rows=row.pending_rows,
            pending_cause=row.pending_cause,
        )
        for row in rows
    }


def save_states(tx: Tx, project: str, changed: Iterable[TriggerState]) -> None:
    """Write what triggers remember."""
    for state in changed:
        same = (states.c.project == project) & (states.c.name == state.name)
        values = {
            "last_fired_at": state.last_fired_at,
            "pending_rows": state.pending_rows,
            "pending_cause": state.pending_cause,
        }
        if not tx.execute(update(states).where(same).values(values)).rowcount:
            tx.execute(insert(states).values(project=project, name=state.name, **values))


def list_schedules(tx: Tx, project: str) -> dict[str, tuple[str, datetime]]:
    """Return each schedule's rule and next moment."""
    rows = tx.execute(select(schedules).where(schedules.c.project == project))
    return {row.name: (row.rule, row.next_at) for row in rows}


def next_schedule(tx: Tx, project: str) -> datetime | None:
    """Return when the next schedule comes due."""
    query = select(func.min(schedules.c.next_at)).where(schedules.c.project == project)
    return tx.execute(query).scalar()


def save_schedule(tx: Tx, project: str, name: str, rule: str, next_at: datetime) -> None:
    """Write when a schedule comes due next."""
    same = (schedules.c.project == project) & (schedules.c.name == name)
    values = {"rule": rule, "next_at": next_at}
    if not tx.execute(update(schedules).where(same).values(values)).rowcount:
        tx.execute(insert(schedules).values(project=project, name=name, **values))


def drop_schedules(tx: Tx, project: str, names: Iterable[str]) -> None:
    """Forget schedules that are no longer declared."""
    for name in names:
        tx.execute(
            delete(schedules).where(schedules.c.project == project, schedules.c.name == name)
        )
