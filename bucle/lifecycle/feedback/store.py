"""The tables of labels and of what becomes of them."""

from datetime import datetime

from sqlalchemy import Column, String, Table, delete, insert, select, update

from bucle.base.codec import convert, to_builtins
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.feedback.records import FeedbackSpec

feedbacks = Table(
    "feedbacks",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("deployment", String, nullable=False),
    Column("declared_at", UtcDateTime, nullable=False),
    Column("spec", Json, nullable=False),
)


def find_feedback(tx: Tx, project: str, name: str) -> FeedbackSpec | None:
    """Return where a deployment's labels go, or None."""
    query = select(feedbacks.c.spec).where(feedbacks.c.project == project, feedbacks.c.name == name)
    found = tx.execute(query).scalar()
    return convert(found, FeedbackSpec) if found else None


def list_feedback(tx: Tx, project: str) -> tuple[FeedbackSpec, ...]:
    """Return every declaration, by name."""
    mine = select(feedbacks.c.spec).where(feedbacks.c.project == project)
    specs = tx.execute(mine.order_by(feedbacks.c.name)).scalars()
    return tuple(convert(spec, FeedbackSpec) for spec in specs)


def save_feedback(tx: Tx, project: str, spec: FeedbackSpec, now: datetime) -> None:
    """Write a declaration."""
    same = (feedbacks.c.project == project) & (feedbacks.c.name == spec.name)
    values = {"deployment": spec.deployment, "declared_at": now, "spec": to_builtins(spec)}
    if not tx.execute(update(feedbacks).where(same).values(values)).rowcount:
        tx.execute(insert(feedbacks).values(project=project, name=spec.name, **values))


def drop_feedback(tx: Tx, project: str, name: str) -> bool:
    """Remove a declaration; tell whether there was one."""
    same = (feedbacks.c.project == project) & (feedbacks.c.name == name)
    return tx.execute(delete(feedbacks).where(same)).rowcount > 0
