"""The tables of labels, of their corrections, and of where labels go."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Index,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.feedback.records import FeedbackSpec, Label

feedbacks = Table(
    "feedbacks",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("deployment", String, nullable=False),
    Column("declared_at", UtcDateTime, nullable=False),
    Column("spec", Json, nullable=False),
)
labels = Table(
    "labels",
    metadata,
    Column("project", String, primary_key=True),
    Column("deployment", String, primary_key=True),
    Column("prediction_id", String, primary_key=True),
    Column("number", Float),
    Column("text", String),
    Column("labelled_at", UtcDateTime, nullable=False),
    Column("batch", String),  # the fold that took it; null: none has
    Index("ix_labels_project_deployment_batch", "project", "deployment", "batch"),
)
corrections = Table(
    "label_corrections",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("deployment", String, nullable=False),
    Column("prediction_id", String, nullable=False),
    Column("number", Float),
    Column("text", String),
    Column("labelled_at", UtcDateTime, nullable=False),
    Column("corrected_at", UtcDateTime, nullable=False),
)
folds = Table(
    "folds",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("feedback", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("dataset", String),  # the version that it made; null: not known to be over
)
_CHUNK = 500  # both databases take so many values in one IN


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


def find_labels(tx: Tx, project: str, deployment: str, ids: Sequence[str]) -> dict[str, Label]:
    """Return the labels in force of these predictions, held until the transaction ends."""
    found: dict[str, Label] = {}
    for chunk in _chunks(ids):
        query = select(labels.c.prediction_id, labels.c.number, labels.c.text, labels.c.labelled_at)
        mine = (labels.c.project == project) & (labels.c.deployment == deployment)
        held = query.where(mine, labels.c.prediction_id.in_(chunk))
        for row in tx.execute(held.order_by(labels.c.prediction_id).with_for_update()):
            found[row[0]] = Label(prediction_id=row[0], number=row[1], text=row[2], at=row[3])
    return found


def add_labels(tx: Tx, project: str, deployment: str, new: Sequence[Label]) -> set[str]:
    """Insert the labels of predictions that have none; return the ids of those."""
    if not new:
        return set()
    added = upsert_into(tx, labels).on_conflict_do_nothing().returning(labels.c.prediction_id)
    rows = [_row(project, deployment, label) for label in new]
    return set(tx.execute(added, rows).scalars())


def correct_labels(
    tx: Tx,
    project: str,
    deployment: str,
    changed: Sequence[tuple[str, Label, Label]],
    now: datetime,
) -> None:
    """Replace labels, and keep the old ones; each comes as id of the correction, old, new."""
    if not changed:
        return
    kept = [
        _row(project, deployment, old) | {"id": id_, "corrected_at": now} for id_, old, _ in changed
    ]
    tx.execute(insert(corrections), kept)
    # An upsert and not an update: it finds each row by the primary key, where a planner without
    # statistics walks all labels of the deployment for each.
    new = upsert_into(tx, labels)
    values = {name: new.excluded[name] for name in ("number", "text", "labelled_at")}
    change = new.on_conflict_do_update(index_elements=list(labels.primary_key), set_=values)
    tx.execute(change, [_row(project, deployment, label) for _, _, label in changed])


def read_labels(
    tx: Tx, project: str, deployment: str, *, first: str, last: str
) -> list[tuple[str, float | None, str | None, datetime]]:
    """Return id, number, text and time of the labels of ids in `first <= id < last`."""
    mine = (labels.c.project == project) & (labels.c.deployment == deployment)
    query = select(labels.c.prediction_id, labels.c.number, labels.c.text, labels.c.labelled_at)
    inside = (labels.c.prediction_id >= first) & (labels.c.prediction_id < last)
    rows = tx.execute(query.where(mine, inside).order_by(labels.c.prediction_id))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def unfolded_ids(tx: Tx, project: str, deployment: str) -> list[str]:
    """Return the ids of the labels that no fold has taken, in order."""
    mine = (labels.c.project == project) & (labels.c.deployment == deployment)
    query = select(labels.c.prediction_id).where(mine, labels.c.batch.is_(None))
    return list(tx.execute(query.order_by(labels.c.prediction_id)).scalars())


def batch_ids(tx: Tx, project: str, deployment: str, batch: str) -> list[str]:
    """Return the ids of the labels that a fold took."""
    mine = (labels.c.project == project) & (labels.c.deployment == deployment)
    query = select(labels.c.prediction_id).where(mine, labels.c.batch == batch)
    return list(tx.execute(query.order_by(labels.c.prediction_id)).scalars())


def take_labels(tx: Tx, project: str, deployment: str, ids: Sequence[str], batch: str) -> int:
    """Mark labels as taken by a fold; those that another took meanwhile stay its own."""
    mine = (labels.c.project == project) & (labels.c.deployment == deployment)
    taken = 0
    for chunk in _chunks(ids):
        free = (labels.c.prediction_id.in_(chunk)) & (labels.c.batch.is_(None))
        taken += tx.execute(update(labels).where(mine, free).values(batch=batch)).rowcount
    return taken


def add_fold(tx: Tx, project: str, batch: str, feedback: str, now: datetime) -> None:
    """Begin a fold."""
    tx.execute(insert(folds).values(project=project, id=batch, feedback=feedback, started_at=now))


def end_fold(tx: Tx, project: str, batch: str, dataset: str) -> bool:
    """End a fold with the version that it made; False where another worker has ended it."""
    same = (folds.c.project == project) & (folds.c.id == batch) & folds.c.dataset.is_(None)
    return tx.execute(update(folds).where(same).values(dataset=dataset)).rowcount > 0


def find_open_fold(tx: Tx, project: str, feedback: str) -> tuple[str, datetime] | None:
    """Return the oldest fold that was begun and is not known to be over: its id and beginning."""
    mine = (folds.c.project == project) & (folds.c.feedback == feedback)
    query = select(folds.c.id, folds.c.started_at).where(mine, folds.c.dataset.is_(None))
    row = tx.execute(query.order_by(folds.c.id).limit(1)).one_or_none()
    return (row[0], row[1]) if row else None


def count_labels(tx: Tx, project: str) -> dict[str, tuple[int, int, int]]:
    """Return, by deployment: labels, those not folded yet, and corrections."""
    mine = labels.c.project == project
    query = (
        select(labels.c.deployment, func.count(), func.count(labels.c.batch))
        .where(mine)
        .group_by(labels.c.deployment)
    )
    changed = tx.execute(
        select(corrections.c.deployment, func.count())
        .where(corrections.c.project == project)
        .group_by(corrections.c.deployment)
    )
    fixed = {row[0]: row[1] for row in changed}
    return {row[0]: (row[1], row[1] - row[2], fixed.get(row[0], 0)) for row in tx.execute(query)}


def remove_labels(tx: Tx, project: str, deployment: str, ids: Sequence[str]) -> int:
    """Remove labels with their corrections; return how many labels there were."""
    gone = 0
    for chunk in _chunks(ids):
        for table in (corrections, labels):
            mine = (table.c.project == project) & (table.c.deployment == deployment)
            found = tx.execute(delete(table).where(mine, table.c.prediction_id.in_(chunk)))
            gone += found.rowcount if table is labels else 0
    return gone


def _row(project: str, deployment: str, label: Label) -> dict[str, Any]:
    return {
        "project": project,
        "deployment": deployment,
        "prediction_id": label.prediction_id,
        "number": label.number,
        "text": label.text,
        "labelled_at": label.at,
    }


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
