"""The tables of labelling: queues, their items, who has one in hand, and what was answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
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
from bucle.lifecycle.data.labels.records import Answer, Queue

label_queues = Table(
    "label_queues",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("dataset", String, nullable=False),
    Column("turns", Integer, nullable=False),  # counts leases: who takes one holds this row
    Column("body", Json, nullable=False),
)

label_items = Table(
    "label_items",
    metadata,
    Column("project", String, primary_key=True),
    Column("queue", String, primary_key=True),
    Column("item", Integer, primary_key=True),  # in the order in which they are asked
    Column("key", String, nullable=False),  # canonical JSON
    Column("prediction", String, nullable=False),  # "": the item is no prediction
    Column("answers", Integer, nullable=False),
    Column("settled", Boolean, nullable=False),
    Index("ix_label_items_open", "project", "queue", "settled", "answers", "item"),
    Index("ix_label_items_key", "project", "queue", "key"),
)

label_leases = Table(
    "label_leases",
    metadata,
    Column("project", String, primary_key=True),
    Column("queue", String, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("labeller", String, primary_key=True),
    Column("until", UtcDateTime, nullable=False),
)

label_answers = Table(
    "label_answers",
    metadata,
    Column("project", String, primary_key=True),
    Column("queue", String, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("labeller", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("place", Integer, nullable=False),  # of the labeller's answers, to undo the last
    Column("body", Json, nullable=False),
    Index("ix_label_answers_labeller", "project", "queue", "labeller", "place"),
)

_QUEUE, _ITEM, _LEASE = label_queues.c, label_items.c, label_leases.c
_ANSWER = label_answers.c
_AT_ONCE = 2_000


def add_queue(tx: Tx, project: str, queue: Queue, items: Sequence[tuple[str, str]]) -> bool:
    """Insert a queue with its items (key and prediction); tell whether its name was free."""
    statement = upsert_into(tx, label_queues).values(
        project=project,
        name=queue.ref.name,
        dataset=queue.dataset.name,
        turns=0,
        body=to_builtins(queue),
    )
    added = tx.execute(statement.on_conflict_do_nothing().returning(_QUEUE.name))
    if added.one_or_none() is None:
        return False
    for start in range(0, len(items), _AT_ONCE):
        rows = [
            {
                "project": project, "queue": queue.ref.name, "item": start + place, "key": key,
                "prediction": prediction, "answers": 0, "settled": False,
            }
            for place, (key, prediction) in enumerate(items[start : start + _AT_ONCE], start=1)
        ]  # fmt: skip
        tx.execute(insert(label_items), rows)
    return True


def find_queue(tx: Tx, project: str, name: str) -> Queue | None:
    """Return a queue, or None."""
    query = select(_QUEUE.body).where(_QUEUE.project == project, _QUEUE.name == name)
    body = tx.execute(query).scalar()
    return convert(body, Queue) if body else None


def list_queues(tx: Tx, project: str, dataset: str = "") -> tuple[Queue, ...]:
    """Return the queues of a dataset, or all, by name."""
    query = select(_QUEUE.body).where(_QUEUE.project == project)
    if dataset:
        query = query.where(_QUEUE.dataset == dataset)
    bodies = tx.execute(query.order_by(_QUEUE.name)).scalars()
    return tuple(convert(body, Queue) for body in bodies)


def take_turn(tx: Tx, project: str, name: str) -> None:
    """Hold the queue until the transaction ends: others who lease or answer wait."""
    tx.execute(
        update(label_queues)
        .where(_QUEUE.project == project, _QUEUE.name == name)
        .values(turns=_QUEUE.turns + 1)
    )


def find_lease(tx: Tx, project: str, name: str, labeller: str, now: datetime) -> int | None:
    """Return the item that a labeller has in hand, or None."""
    query = select(_LEASE.item).where(
        *_mine(_LEASE, project, name), _LEASE.labeller == labeller, _LEASE.until > now
    )
    found: int | None = tx.execute(query.order_by(_LEASE.item).limit(1)).scalar()
    return found


def next_item(
    tx: Tx, project: str, name: str, *, labeller: str, wanted: int, now: datetime
) -> int | None:
    """Return the first item that wants another answer than those that are coming, or None."""
    same = (_LEASE.project == _ITEM.project) & (_LEASE.queue == _ITEM.queue)
    coming = (
        select(func.count())
        .select_from(label_leases)
        .where(same, _LEASE.item == _ITEM.item, _LEASE.until > now)
        .where(_LEASE.labeller != labeller)
        .scalar_subquery()
    )
    answered = (
        select(_ANSWER.item)
        .where(_ANSWER.project == _ITEM.project, _ANSWER.queue == _ITEM.queue)
        .where(_ANSWER.item == _ITEM.item, _ANSWER.labeller == labeller)
        .exists()
    )
    query = select(_ITEM.item).where(
        *_mine(_ITEM, project, name),
        _ITEM.settled.is_(False),
        _ITEM.answers + coming < wanted,
        ~answered,
    )
    found: int | None = tx.execute(query.order_by(_ITEM.item).limit(1)).scalar()
    return found


def set_lease(
    tx: Tx, project: str, name: str, item: int, *, labeller: str, until: datetime
) -> None:
    """Lease an item to a labeller, or prolong the lease."""
    statement = upsert_into(tx, label_leases).values(
        project=project, queue=name, item=item, labeller=labeller, until=until
    )
    keys = list(label_leases.primary_key)
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_={"until": until}))


def drop_lease(tx: Tx, project: str, name: str, item: int, labeller: str) -> None:
    """End a lease."""
    tx.execute(
        delete(label_leases).where(
            *_mine(_LEASE, project, name), _LEASE.item == item, _LEASE.labeller == labeller
        )
    )


def count_coming(tx: Tx, project: str, name: str, item: int, labeller: str, now: datetime) -> int:
    """Return how many other labellers have an item in hand."""
    query = select(func.count()).select_from(label_leases).where(
        *_mine(_LEASE, project, name), _LEASE.item == item, _LEASE.until > now,
        _LEASE.labeller != labeller,
    )  # fmt: skip
    return int(tx.execute(query).scalar_one())


def find_item(tx: Tx, project: str, name: str, item: int) -> tuple[str, int, bool] | None:
    """Return an item's key, its number of answers, and whether it was settled."""
    query = select(_ITEM.key, _ITEM.answers, _ITEM.settled).where(
        *_mine(_ITEM, project, name), _ITEM.item == item
    )
    row = tx.execute(query).one_or_none()
    return (row.key, row.answers, row.settled) if row else None


def list_items(tx: Tx, project: str, name: str) -> list[tuple[int, str, str]]:
    """Return number, key and prediction of each item."""
    query = select(_ITEM.item, _ITEM.key, _ITEM.prediction).where(*_mine(_ITEM, project, name))
    return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(_ITEM.item))]


def add_answer(tx: Tx, project: str, name: str, answer: Answer) -> bool:
    """Insert an answer; tell whether the labeller had none of this item."""
    last = select(func.max(_ANSWER.place)).where(
        *_mine(_ANSWER, project, name), _ANSWER.labeller == answer.labeller
    )
    place = int(tx.execute(last).scalar() or 0) + 1
    statement = upsert_into(tx, label_answers).values(
        project=project,
        queue=name,
        item=answer.item,
        labeller=answer.labeller,
        at=answer.at,
        place=place,
        body=to_builtins(answer),
    )
    added = tx.execute(statement.on_conflict_do_nothing().returning(_ANSWER.item))
    if added.one_or_none() is None:
        return False
    _count(tx, project, name, answer, 1)
    return True


def last_answer(tx: Tx, project: str, name: str, labeller: str) -> Answer | None:
    """Return a labeller's last answer, or None."""
    query = select(_ANSWER.body).where(*_mine(_ANSWER, project, name), _ANSWER.labeller == labeller)
    body = tx.execute(query.order_by(_ANSWER.place.desc()).limit(1)).scalar()
    return convert(body, Answer) if body else None


def remove_answer(tx: Tx, project: str, name: str, answer: Answer) -> bool:
    """Remove an answer; tell whether it was there."""
    gone = tx.execute(
        delete(label_answers).where(
            *_mine(_ANSWER, project, name),
            _ANSWER.item == answer.item,
            _ANSWER.labeller == answer.labeller,
        )
    )
    if gone.rowcount:
        _count(tx, project, name, answer, -1)
    return bool(gone.rowcount)


def count_answers(tx: Tx, project: str, name: str, labeller: str) -> int:
    """Return how many items a labeller answered or skipped."""
    query = select(func.count()).select_from(label_answers).where(
        *_mine(_ANSWER, project, name), _ANSWER.labeller == labeller
    )  # fmt: skip
    return int(tx.execute(query).scalar_one())


def list_answers(tx: Tx, project: str, name: str) -> list[Answer]:
    """Return all answers, by item and labeller."""
    query = select(_ANSWER.body).where(*_mine(_ANSWER, project, name))
    bodies = tx.execute(query.order_by(_ANSWER.item, _ANSWER.labeller)).scalars()
    return [convert(body, Answer) for body in bodies]


def figures(tx: Tx, project: str, name: str, wanted: int, now: datetime) -> dict[str, int]:
    """Return how many items are done and how many are leased."""
    done = select(func.count()).select_from(label_items).where(
        *_mine(_ITEM, project, name), _ITEM.settled.is_(True) | (_ITEM.answers >= wanted)
    )  # fmt: skip
    leased = select(func.count()).select_from(label_leases).where(
        *_mine(_LEASE, project, name), _LEASE.until > now
    )  # fmt: skip
    return {
        "done": int(tx.execute(done).scalar_one()),
        "leased": int(tx.execute(leased).scalar_one()),
    }


def remove_items(tx: Tx, project: str, name: str, items: Sequence[int]) -> None:
    """Remove items with all that was said of them."""
    for start in range(0, len(items), 500):
        chunk = items[start : start + 500]
        for table in (label_answers, label_leases, label_items):
            mine = _mine(table.c, project, name)
            tx.execute(delete(table).where(*mine, table.c.item.in_(chunk)))


def _count(tx: Tx, project: str, name: str, answer: Answer, by: int) -> None:
    """Keep the item's figures: what was skipped is no answer, what was settled is done."""
    values: dict[str, Any] = {}
    if answer.adjudicated:
        values["settled"] = by > 0
    elif not answer.skipped:
        values["answers"] = _ITEM.answers + by
    if values:
        mine = _mine(_ITEM, project, name)
        tx.execute(update(label_items).where(*mine, _ITEM.item == answer.item).values(**values))


def _mine(columns: Any, project: str, name: str) -> tuple[ColumnElement[bool], ...]:  # noqa: ANN401 - a table's columns
    return columns.project == project, columns.queue == name
