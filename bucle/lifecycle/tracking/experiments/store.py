"""The tables of experiments, and all of their SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from bucle.base.filters import Condition, OrderTerm
from bucle.drivers.db import metadata, upsert_into
from bucle.drivers.db.filters import Beside, Lies, Moment, compile_filter
from bucle.drivers.db.keyset import behind
from bucle.lifecycle.tracking.experiments.records import (
    DEFAULT,
    DEFAULT_NAME,
    Experiment,
    Stage,
)
from bucle.lifecycle.tracking.store import experiments, runs

tags = Table(
    "experiment_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

_PURGED = "purged"
_MINE = (experiments.c.project == bindparam("project"), experiments.c.stage != _PURGED)
_BY_NUMBER = select(experiments).where(*_MINE, experiments.c.number == bindparam("number"))
_BY_NAME = select(experiments).where(*_MINE, experiments.c.name == bindparam("name"))
_TAGS = select(tags).where(
    tags.c.project == bindparam("project"), tags.c.experiment == bindparam("number")
)


def add_default(tx: Connection, project: str, now: datetime) -> bool:
    """Insert the experiment that every project has; tell whether it was not there."""
    new = upsert_into(tx, experiments).values(_row(project, DEFAULT, DEFAULT_NAME, "", now))
    # Of an insert only what it returns can be counted on both databases.
    put = new.on_conflict_do_nothing().returning(experiments.c.number)
    return tx.execute(put).first() is not None


def lock_numbers(tx: Connection, project: str) -> int:
    """Return the next number, held until the transaction ends; the default has to be there."""
    first = select(experiments.c.number).filter_by(project=project, number=DEFAULT)
    tx.execute(first.with_for_update())
    highest = select(func.max(experiments.c.number)).filter_by(project=project)
    return int(tx.execute(highest).scalar() or DEFAULT) + 1


def add_experiment(
    tx: Connection, project: str, number: int, name: str, location: str, now: datetime
) -> None:  # fmt: skip
    """Insert an experiment; without a location, its runs' files are behind the proxy."""
    tx.execute(insert(experiments).values(_row(project, number, name, location, now)))


def find_by_number(tx: Connection, project: str, number: int) -> Experiment | None:
    """Return an experiment of any stage, or None."""
    return _one(tx, project, _BY_NUMBER, {"number": number})


def find_by_name(tx: Connection, project: str, name: str) -> Experiment | None:
    """Return an experiment of any stage, or None."""
    return _one(tx, project, _BY_NAME, {"name": name})


def rename(tx: Connection, project: str, number: int, name: str, now: datetime) -> None:
    """Give an experiment, and what its runs say of it, another name."""
    tx.execute(
        update(experiments)
        .filter_by(project=project, number=number)
        .values(name=name, changed_at=now)
    )
    if number != DEFAULT:  # whose runs go on saying `default`
        mine = update(runs).filter_by(project=project, experiment_number=number)
        tx.execute(mine.values(experiment=name))


def set_stage(tx: Connection, project: str, number: int, stage: Stage, now: datetime) -> int:
    """Delete or restore an experiment with its runs; return how many runs changed."""
    gone_at = now if stage == "deleted" else None
    tx.execute(
        update(experiments)
        .filter_by(project=project, number=number)
        .values(stage=stage, changed_at=now, deleted_at=gone_at)
    )
    changed = (
        update(runs)
        .filter_by(project=project, experiment_number=number)
        .where(runs.c.stage != stage)
        .values(stage=stage, deleted_at=gone_at)
    )
    return tx.execute(changed).rowcount


def purge(tx: Connection, project: str, number: int) -> None:
    """Forget all of an experiment but its number."""
    tx.execute(delete(tags).filter_by(project=project, experiment=number))
    gone = update(experiments).filter_by(project=project, number=number)
    tx.execute(gone.values(name=None, location="", stage=_PURGED))


def list_deleted(tx: Connection, project: str, before: datetime) -> tuple[int, ...]:
    """Return the numbers of the experiments that were deleted before a moment."""
    query = select(experiments.c.number).filter_by(project=project, stage="deleted")
    query = query.where(experiments.c.deleted_at <= before).order_by(experiments.c.number)
    return tuple(tx.execute(query).scalars())


def set_tags(tx: Connection, project: str, number: int, new: Mapping[str, str]) -> None:
    """Write tags over what they were."""
    if new:
        rows = [
            {"project": project, "experiment": number, "name": name, "value": value}
            for name, value in new.items()
        ]
        put = upsert_into(tx, tags)
        key = ["project", "experiment", "name"]
        tx.execute(
            put.on_conflict_do_update(index_elements=key, set_={"value": put.excluded.value}), rows
        )


def drop_tag(tx: Connection, project: str, number: int, name: str) -> bool:
    """Remove a tag; tell whether it was there."""
    mine = delete(tags).filter_by(project=project, experiment=number, name=name)
    return tx.execute(mine).rowcount > 0


def list_experiments(
    tx: Connection,
    project: str,
    conditions: Sequence[Condition],
    stages: Sequence[Stage],
    order: Sequence[OrderTerm],
    window: tuple[Sequence[object] | None, int],
) -> tuple[Experiment, ...]:
    """Return the experiments that fulfil all conditions.

    `window` is the values of the order after which to go on (None: the beginning), and a limit.
    """
    query = select(experiments).where(
        experiments.c.project == project,
        experiments.c.stage.in_(stages),
        *compile_filter(conditions, _places(project), tx.dialect.name),
    )
    for term in order:
        column = _column(term.key)
        query = query.order_by(column.desc() if term.descending else column.asc())
    after, limit = window
    if after is not None:
        keys = [
            (_column(term.key), term.descending, value)
            for term, value in zip(order, after, strict=True)
        ]
        query = query.where(behind(keys))
    rows = tx.execute(query.limit(limit)).all()
    return _with_tags(tx, project, rows)


def _places(project: str) -> dict[str, Any]:
    def tag(name: str) -> Beside:
        return Beside(
            owner=experiments.c.number,
            of=tags.c.experiment,
            value=tags.c.value,
            where=(tags.c.project == project, tags.c.name == name),
        )

    return {"attribute": _attribute, "tag": tag}


def _attribute(key: str) -> Lies:
    column = _column(key)
    return Moment(column=column) if key.endswith("_time") else column


def _column(key: str) -> ColumnElement[Any]:
    return {
        "name": experiments.c.name,
        "experiment_id": experiments.c.number,
        "creation_time": experiments.c.created_at,
        "last_update_time": experiments.c.changed_at,
    }[key]


def _one(
    tx: Connection, project: str, query: Any, values: Mapping[str, object]  # noqa: ANN401 - a prepared query
) -> Experiment | None:  # fmt: skip
    row = tx.execute(query, {"project": project, **values}).one_or_none()
    if row is None:
        return None
    mine = tx.execute(_TAGS, {"project": project, "number": row.number})
    return _experiment(row, {tag.name: tag.value for tag in mine})


def _with_tags(tx: Connection, project: str, rows: Sequence[Row[Any]]) -> tuple[Experiment, ...]:
    mine: dict[int, dict[str, str]] = {row.number: {} for row in rows}
    query = select(tags).where(tags.c.project == project, tags.c.experiment.in_(mine))
    for tag in tx.execute(query.order_by(tags.c.name)):
        mine[tag.experiment][tag.name] = tag.value
    return tuple(_experiment(row, mine[row.number]) for row in rows)


def _experiment(row: Row[Any], said: dict[str, str]) -> Experiment:
    return Experiment(
        id=str(row.number),
        name=row.name,
        location=row.location,
        stage=row.stage,
        created_at=row.created_at,
        changed_at=row.changed_at,
        deleted_at=row.deleted_at,
        tags=said,
    )


def _row(project: str, number: int, name: str, location: str, now: datetime) -> dict[str, object]:
    return {
        "project": project,
        "number": number,
        "name": name,
        "location": location or f"mlflow-artifacts:/{number}",
        "stage": "active",
        "created_at": now,
        "changed_at": now,
    }
