"""The table of tasks.  A cause has at most one open task: the database keeps it so."""

from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    String,
    Table,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.governance.tasks.records import Task, TaskFilter

tasks = Table(
    "tasks",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("receiver", String, nullable=False),
    Column("open_cause", String, nullable=True),  # NULL: it is closed
    Column("opened_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_tasks_project_open_cause", "project", "open_cause", unique=True),
    Index("ix_tasks_project_about", "project", "about"),
)

_TASK = tasks.c


def add(tx: Tx, project: str, task: Task) -> bool:
    """Insert an open task; tell whether none of its cause was open."""
    statement = upsert_into(tx, tasks).values(
        project=project,
        id=task.ref.name,
        kind=task.kind,
        about=str(task.about.bare),
        receiver=task.receiver,
        open_cause=task.cause,
        opened_at=task.opened_at,
        body=to_builtins(task),
    )
    return tx.execute(statement.on_conflict_do_nothing().returning(_TASK.id)).first() is not None


def find(tx: Tx, project: str, id_: str) -> Task | None:
    """Return a task by its id."""
    body = tx.execute(select(_TASK.body).where(*_of(project, id_))).scalar()
    return convert(body, Task) if body else None


def find_open(tx: Tx, project: str, cause: str) -> Task | None:
    """Return the open task of a cause."""
    query = select(_TASK.body).where(_TASK.project == project, _TASK.open_cause == cause)
    body = tx.execute(query).scalar()
    return convert(body, Task) if body else None


def replace(tx: Tx, project: str, task: Task, *, seen: Task) -> bool:
    """Write a task over what it was, if it still is as open as it was seen; tell whether."""
    is_same = _TASK.open_cause == seen.cause if seen.is_open else _TASK.open_cause.is_(None)
    statement = (
        update(tasks)
        .where(*_of(project, task.ref.name), is_same)
        .values(
            receiver=task.receiver,
            open_cause=task.cause if task.is_open else None,
            body=to_builtins(task),
        )
    )
    return tx.execute(statement).rowcount == 1


def list_of(
    tx: Tx, project: str, wanted: TaskFilter, *, limit: int, token: str | None
) -> Page[Task]:
    """List tasks, newest first."""
    query = select(_TASK.body).where(_TASK.project == project)
    if wanted.state != "all":
        is_open = wanted.state == "open"
        query = query.where(
            _TASK.open_cause.is_not(None) if is_open else _TASK.open_cause.is_(None)
        )
    if wanted.receivers:
        query = query.where(_TASK.receiver.in_(wanted.receivers))
    if wanted.kind:
        query = query.where(_TASK.kind == wanted.kind)
    if wanted.about:
        query = query.where(_TASK.about == wanted.about)
    if token:
        moment, id_ = decode_token(token, str, str)
        at = datetime.fromisoformat(str(moment))
        before = (_TASK.opened_at == at) & (_TASK.id < id_)
        query = query.where((_TASK.opened_at < at) | before)
    query = query.order_by(_TASK.opened_at.desc(), _TASK.id.desc())
    bodies = tx.execute(query.limit(limit + 1)).scalars().all()
    items = tuple(convert(body, Task) for body in bodies[:limit])
    last = items[-1] if len(bodies) > limit else None
    more = encode_token(last.opened_at.isoformat(), last.ref.name) if last else None
    return Page(items=items, next_token=more)


def _of(project: str, id_: str) -> tuple[ColumnElement[bool], ...]:
    return _TASK.project == project, _TASK.id == id_
