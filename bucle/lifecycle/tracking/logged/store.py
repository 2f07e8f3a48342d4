"""The tables of logged models, and all of their SQL."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    Index,
    Row,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from bucle.base.figure import Figure
from bucle.base.filters import Condition, OrderTerm
from bucle.drivers.db import Tx, UtcDateTime, metadata, upsert_into
from bucle.drivers.db.filters import Beside, Lies, Moment, Place, compile_filter
from bucle.lifecycle.tracking.logged.records import (
    DatasetOf,
    LoggedModel,
    LoggedStatus,
    ModelMetric,
)

models = Table(
    "logged_models",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("experiment", BigInteger, nullable=False),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
    Column("model_type", String, nullable=False),
    Column("source_run", String, nullable=False),
    Column("location", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime, nullable=True),  # NULL: not deleted
    Index("ix_logged_models_project_experiment_created_at", "project", "experiment", "created_at"),
    Index("ix_logged_models_project_source_run", "project", "source_run"),
)


def _texts(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("project", String, primary_key=True),
        Column("model", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("value", String, nullable=False),
    )


params = _texts("logged_model_params")
tags = _texts("logged_model_tags")
metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("project", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=True),  # NULL: NaN
    Column("dataset_name", String, nullable=False),
    Column("dataset_digest", String, nullable=False),
)

_MOST_METRICS = 10_000  # told of the models of one answer


def add_model(tx: Tx, project: str, model: LoggedModel) -> None:
    """Insert a logged model with its parameters and tags."""
    row = {
        name: getattr(model, name)
        for name in (
            "id", "name", "status", "model_type", "source_run", "location", "created_at",
            "changed_at",
        )
    }  # fmt: skip
    tx.execute(
        insert(models).values(row | {"project": project, "experiment": int(model.experiment)})
    )
    put_params(tx, project, model.id, model.params)
    put_tags(tx, project, model.id, model.tags)


def find_model(tx: Tx, project: str, id_: str) -> LoggedModel | None:
    """Return a logged model that is not deleted, or None."""
    found = _models(tx, project, _mine(project).where(models.c.id == id_))
    return found[0] if found else None


def has_model(tx: Tx, project: str, id_: str) -> bool:
    """Tell whether there is a model of an id, deleted or not."""
    return tx.execute(select(models.c.id).filter_by(project=project, id=id_)).first() is not None


def list_models(
    tx: Tx,
    query: tuple[str, Sequence[int]],
    conditions: Sequence[Condition],
    datasets: Sequence[DatasetOf],
    order: Sequence[tuple[OrderTerm, DatasetOf | None]],
    span: tuple[int, int],
) -> tuple[LoggedModel, ...]:
    """Return the models of some experiments that fulfil all conditions.

    `query` is a project and numbers of experiments, `span` an offset and a limit.
    """
    project, numbers = query
    found = _mine(project).where(models.c.experiment.in_(numbers))
    places = _places(project, datasets)
    found = found.where(*compile_filter(conditions, places, tx.dialect.name))
    if datasets and not any(condition.group == "metric" for condition in conditions):
        has = select(metrics.c.key).where(
            metrics.c.project == project, metrics.c.model == models.c.id, *_on(datasets)
        )
        found = found.where(has.exists())
    for term, dataset in order:
        column = _ordered(project, term, dataset)
        turned = column.desc() if term.descending else column.asc()
        found = found.order_by(turned.nulls_last())
    offset, limit = span
    return _models(tx, project, found.offset(offset).limit(limit))


def set_status(tx: Tx, project: str, id_: str, status: LoggedStatus, now: datetime) -> None:
    """Write a model's status."""
    mine = update(models).filter_by(project=project, id=id_)
    tx.execute(mine.values(status=status, changed_at=now))


def touch(tx: Tx, project: str, id_: str, now: datetime) -> None:
    """Note that a model was changed now."""
    tx.execute(update(models).filter_by(project=project, id=id_).values(changed_at=now))


def set_deleted(tx: Tx, project: str, id_: str, now: datetime) -> None:
    """Mark a model as deleted."""
    tx.execute(update(models).filter_by(project=project, id=id_).values(deleted_at=now))


def list_forgettable(
    tx: Tx, project: str, before: datetime, experiments: Sequence[int], limit: int
) -> tuple[str, ...]:
    """Return models that were deleted before a moment, and all models of some experiments."""
    gone = (models.c.deleted_at <= before) | models.c.experiment.in_(experiments)
    query = select(models.c.id).where(models.c.project == project, gone)
    return tuple(tx.execute(query.order_by(models.c.id).limit(limit)).scalars())


def forget(tx: Tx, project: str, ids: Sequence[str]) -> None:
    """Delete models with all that was said of them."""
    for table in (params, tags, metrics):
        tx.execute(delete(table).where(table.c.project == project, table.c.model.in_(ids)))
    tx.execute(delete(models).where(models.c.project == project, models.c.id.in_(ids)))


def put_params(tx: Tx, project: str, id_: str, new: Mapping[str, str]) -> None:
    """Write parameters over what they were."""
    _put(tx, params, project, id_, new)


def put_tags(tx: Tx, project: str, id_: str, new: Mapping[str, str]) -> None:
    """Write tags over what they were."""
    _put(tx, tags, project, id_, new)


def drop_tag(tx: Tx, project: str, id_: str, key: str) -> bool:
    """Remove a tag; tell whether it was there."""
    return tx.execute(delete(tags).filter_by(project=project, model=id_, key=key)).rowcount > 0


def add_metrics(tx: Tx, project: str, new: Sequence[ModelMetric]) -> None:
    """Insert values of metrics; one that came before under the same moment and step stays."""
    if new:
        put = upsert_into(tx, metrics).on_conflict_do_nothing()
        tx.execute(
            put,
            [
                {
                    "project": project,
                    "model": one.model,
                    "key": one.key,
                    "run": one.run,
                    "at_ms": one.at_ms,
                    "step": one.step,
                    "value": None if math.isnan(one.value) else float(one.value),
                    "dataset_name": one.dataset_name,
                    "dataset_digest": one.dataset_digest,
                }
                for one in new
            ],
        )


def known_ids(tx: Tx, project: str, ids: Sequence[str]) -> frozenset[str]:
    """Return those of some ids that are of models which are not deleted."""
    query = select(models.c.id).where(
        models.c.project == project, models.c.id.in_(ids), models.c.deleted_at.is_(None)
    )
    return frozenset(tx.execute(query).scalars())


def _put(tx: Tx, table: Table, project: str, id_: str, new: Mapping[str, str]) -> None:
    if not new:
        return
    put = upsert_into(tx, table)
    over = put.on_conflict_do_update(
        index_elements=["project", "model", "key"], set_={"value": put.excluded.value}
    )
    tx.execute(
        over,
        [
            {"project": project, "model": id_, "key": key, "value": value}
            for key, value in new.items()
        ],
    )


def _mine(project: str) -> Select[Any]:
    return select(models).where(models.c.project == project, models.c.deleted_at.is_(None))


def _on(datasets: Sequence[DatasetOf]) -> tuple[ColumnElement[bool], ...]:
    """Return what holds for a metric that was measured on one of some datasets."""
    if not datasets:
        return ()
    return (or_(*(_is(dataset) for dataset in datasets)),)


def _is(dataset: DatasetOf) -> ColumnElement[bool]:
    is_named = metrics.c.dataset_name == dataset.name
    return is_named & (metrics.c.dataset_digest == dataset.digest) if dataset.digest else is_named


def _places(project: str, datasets: Sequence[DatasetOf]) -> dict[str, Place]:
    def text(table: Table) -> Place:
        return lambda key: Beside(
            owner=models.c.id,
            of=table.c.model,
            value=table.c.value,
            where=(table.c.project == project, table.c.key == key),
        )

    def metric(key: str) -> Lies:
        return Beside(
            owner=models.c.id,
            of=metrics.c.model,
            value=metrics.c.value,
            where=(metrics.c.project == project, metrics.c.key == key, *_on(datasets)),
            null_differs=True,
        )

    return {
        "attribute": lambda key: Moment(column=_column(key)) if "time" in key else _column(key),
        "metric": metric,
        "param": text(params),
        "tag": text(tags),
    }


def _column(key: str) -> ColumnElement[Any]:
    return {
        "name": models.c.name,
        "model_id": models.c.id,
        "model_type": models.c.model_type,
        "status": func.upper(models.c.status),
        "source_run_id": models.c.source_run,
        "creation_timestamp": models.c.created_at,
        "last_updated_timestamp": models.c.changed_at,
    }[key]


def _ordered(project: str, term: OrderTerm, dataset: DatasetOf | None) -> ColumnElement[Any]:
    if term.group == "attribute":
        return _column(term.key)
    last = (
        select(metrics.c.value)
        .where(
            metrics.c.project == project,
            metrics.c.model == models.c.id,
            metrics.c.key == term.key,
            *_on([dataset] if dataset else []),
        )
        .order_by(metrics.c.at_ms.desc(), metrics.c.step.desc())
        .limit(1)
    )
    return last.scalar_subquery()


def _models(tx: Tx, project: str, query: Select[Any]) -> tuple[LoggedModel, ...]:
    rows = tx.execute(query).all()
    ids = [row.id for row in rows]
    if not ids:
        return ()
    said = {table.name: _said(tx, table, project, ids) for table in (params, tags)}
    mine = select(metrics).where(metrics.c.project == project, metrics.c.model.in_(ids))
    newest = mine.order_by(metrics.c.at_ms.desc(), metrics.c.step.desc()).limit(_MOST_METRICS)
    values: dict[str, list[ModelMetric]] = {id_: [] for id_ in ids}
    for row in reversed(tx.execute(newest).all()):
        values[row.model].append(_metric(row))
    return tuple(
        LoggedModel(
            id=row.id,
            experiment=str(row.experiment),
            name=row.name,
            status=row.status,
            model_type=row.model_type,
            source_run=row.source_run,
            location=row.location,
            created_at=row.created_at,
            changed_at=row.changed_at,
            params=said[params.name][row.id],
            tags=said[tags.name][row.id],
            metrics=tuple(values[row.id]),
        )
        for row in rows
    )


def _said(tx: Tx, table: Table, project: str, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    said: dict[str, dict[str, str]] = {id_: {} for id_ in ids}
    query = select(table).where(table.c.project == project, table.c.model.in_(ids))
    for row in tx.execute(query.order_by(table.c.key)):
        said[row.model][row.key] = row.value
    return said


def _metric(row: Row[Any]) -> ModelMetric:
    return ModelMetric(
        key=row.key,
        value=Figure(math.nan if row.value is None else row.value),
        at_ms=row.at_ms,
        step=row.step,
        model=row.model,
        run=row.run,
        dataset_name=row.dataset_name,
        dataset_digest=row.dataset_digest,
    )
