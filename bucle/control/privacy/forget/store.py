"""The tables of deletion requests and of their steps."""

from sqlalchemy import Column, Index, String, Table, delete, insert, select, update

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.control.privacy.forget.records import Deletion, Step
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into

deletions = Table(
    "deletions",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("dataset", String, nullable=False),
    Column("state", String, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_deletions_state", "project", "state", "due_at"),
)

deletion_steps = Table(
    "deletion_steps",
    metadata,
    Column("project", String, primary_key=True),
    Column("deletion", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

_ASKED, _STEP = deletions.c, deletion_steps.c


def add(tx: Tx, project: str, made: Deletion) -> None:
    """Insert a request."""
    tx.execute(
        insert(deletions).values(
            project=project,
            id=made.ref.name,
            dataset=made.dataset,
            state=made.state,
            due_at=made.due_at,
            body=to_builtins(made),
        )
    )


def find(tx: Tx, project: str, id_: str) -> Deletion | None:
    """Return a request, or None."""
    query = select(_ASKED.body).where(_ASKED.project == project, _ASKED.id == id_)
    body = tx.execute(query).scalar()
    return convert(body, Deletion) if body else None


def list_of(tx: Tx, project: str, *, state: str, limit: int, token: str | None) -> Page[Deletion]:
    """List requests, the newest first."""
    query = select(_ASKED.body).where(_ASKED.project == project)
    if state:
        query = query.where(_ASKED.state == state)
    if token:
        query = query.where(_ASKED.id < decode_token(token, str)[0])
    bodies = tx.execute(query.order_by(_ASKED.id.desc()).limit(limit + 1)).scalars().all()
    items = tuple(convert(body, Deletion) for body in bodies[:limit])
    more = encode_token(items[-1].ref.name) if len(bodies) > limit else None
    return Page(items=items, next_token=more)


def replace(tx: Tx, project: str, made: Deletion, *, seen: str) -> bool:
    """Write a request over what it was, if it is still in that state; tell whether it was."""
    statement = (
        update(deletions)
        .where(_ASKED.project == project, _ASKED.id == made.ref.name, _ASKED.state == seen)
        .values(state=made.state, body=to_builtins(made))
    )
    return tx.execute(statement).rowcount == 1


def add_step(tx: Tx, project: str, id_: str, step: Step) -> None:
    """Insert a step that was done, unless another process did it too."""
    statement = upsert_into(tx, deletion_steps).values(
        project=project, deletion=id_, step=step.name, at=step.at, body=to_builtins(step)
    )
    tx.execute(statement.on_conflict_do_nothing())


def list_steps(tx: Tx, project: str, id_: str) -> tuple[Step, ...]:
    """Return the steps that were done, in their order."""
    query = select(_STEP.body).where(_STEP.project == project, _STEP.deletion == id_)
    steps = (convert(body, Step) for body in tx.execute(query).scalars())
    return tuple(sorted(steps, key=lambda step: step.place))


def remove_steps(tx: Tx, project: str, id_: str) -> None:
    """Remove the steps that were done, as they are to be done again."""
    tx.execute(delete(deletion_steps).where(_STEP.project == project, _STEP.deletion == id_))
