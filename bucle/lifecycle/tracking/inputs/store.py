"""The tables of datasets and models that runs read and made, and all of their SQL."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    select,
)

from bucle.drivers.db import Ready, upsert_into
from bucle.lifecycle.tracking.inputs.records import (
    DatasetSummary,
    DatasetUse,
    LoggedDataset,
    ModelUse,
    RunInputs,
)
from bucle.lifecycle.tracking.store import experiment_datasets, run_datasets, run_models, runs

CONTEXT = "mlflow.data.context"
_MOST_SUMMARIES = 1_000
_MINE: BindParameter[list[str]] = bindparam("ids", expanding=True)
_ALL_DATASETS = (
    select(run_datasets, experiment_datasets)
    .join(runs, and_(runs.c.project == run_datasets.c.project, runs.c.id == run_datasets.c.run))
    .join(
        experiment_datasets,
        and_(
            experiment_datasets.c.project == run_datasets.c.project,
            experiment_datasets.c.experiment == runs.c.experiment_number,
            experiment_datasets.c.name == run_datasets.c.name,
            experiment_datasets.c.digest == run_datasets.c.digest,
        ),
    )
    .where(run_datasets.c.project == bindparam("of_project"))
    .order_by(run_datasets.c.run, run_datasets.c.place)
)
_ALL_MODELS = (
    select(run_models.c.run, run_models.c.direction, run_models.c.model, run_models.c.step)
    .where(run_models.c.project == bindparam("of_project"))
    .order_by(run_models.c.at, run_models.c.model)
)
_DATASETS = _ALL_DATASETS.where(run_datasets.c.run.in_(_MINE))
_MODELS = _ALL_MODELS.where(run_models.c.run.in_(_MINE))
# A client asks for one run after the other, and most of them read nothing that was noted.
_HAS_DATASETS = Ready(
    select(run_datasets.c.place)
    .where(
        run_datasets.c.project == bindparam("of_project"), run_datasets.c.run == bindparam("of_run")
    )
    .limit(1)
)
_MODELS_OF_ONE = Ready(_ALL_MODELS.where(run_models.c.run == bindparam("of_run")))


def add_datasets(
    tx: Connection, project: str, experiment: int, run: str, uses: Sequence[DatasetUse]
) -> tuple[DatasetUse, ...]:
    """Note which datasets a run read; those that were noted before stay as they are."""
    known = upsert_into(tx, experiment_datasets).on_conflict_do_nothing()
    # Of an insert only what it returns can be counted on both databases.
    used = upsert_into(tx, run_datasets).on_conflict_do_nothing().returning(run_datasets.c.place)
    count = select(func.count()).select_from(run_datasets).filter_by(project=project, run=run)
    place = tx.execute(count).scalar() or 0
    new: list[DatasetUse] = []
    for use in uses:
        key = {"project": project, "name": use.dataset.name, "digest": use.dataset.digest}
        described = {
            name: getattr(use.dataset, name)
            for name in ("source_type", "source", "schema", "profile")
        }
        tx.execute(known, key | {"experiment": experiment} | described)
        row = {"place": place + len(new), "context": use.tags.get(CONTEXT), "tags": use.tags}
        if tx.execute(used, key | {"run": run} | row).first() is not None:
            new.append(use)
    return tuple(new)


def add_models(
    tx: Connection, project: str, run: str, direction: str, uses: Sequence[ModelUse], now: datetime
) -> tuple[ModelUse, ...]:  # fmt: skip
    """Note which models a run read (`in`) or made (`out`); return those that are news."""
    put = upsert_into(tx, run_models).on_conflict_do_nothing().returning(run_models.c.model)
    key = {"project": project, "run": run, "direction": direction, "at": now}
    return tuple(
        use
        for use in uses
        if tx.execute(put, key | {"model": use.model, "step": use.step}).first() is not None
    )


def inputs_of(tx: Connection, project: str, ids: Sequence[str]) -> dict[str, RunInputs]:
    """Return what some runs read and made; runs of which nothing was said are left out."""
    values = {"of_project": project, "ids": list(ids)}
    one = {"of_project": project, "of_run": ids[0]} if len(ids) == 1 else None
    datasets: defaultdict[str, list[DatasetUse]] = defaultdict(list)
    if one is None or _HAS_DATASETS.row(tx, one):
        for row in tx.execute(_DATASETS, values):
            datasets[row.run].append(_use(row))
    models: defaultdict[tuple[str, str], list[ModelUse]] = defaultdict(list)
    said = tx.execute(_MODELS, values) if one is None else _MODELS_OF_ONE.rows(tx, one)
    for run, direction, model, step in said:
        models[run, direction].append(ModelUse(model=model, step=step))
    return {
        run: RunInputs(
            datasets=tuple(datasets.get(run, ())),
            models_in=tuple(models.get((run, "in"), ())),
            models_out=tuple(models.get((run, "out"), ())),
        )
        for run in {*datasets, *(run for run, _ in models)}
    }


def list_summaries(
    tx: Connection, project: str, experiments: Sequence[int]
) -> tuple[DatasetSummary, ...]:
    """Return the datasets of some experiments, once for each context."""
    same = and_(runs.c.project == run_datasets.c.project, runs.c.id == run_datasets.c.run)
    columns = (
        runs.c.experiment_number,
        run_datasets.c.name,
        run_datasets.c.digest,
        run_datasets.c.context,
    )
    query = (
        select(*columns)
        .select_from(run_datasets.join(runs, same))
        .where(runs.c.project == project, runs.c.experiment_number.in_(experiments))
        .distinct()
        .order_by(*columns)
        .limit(_MOST_SUMMARIES)
    )
    return tuple(
        DatasetSummary(experiment=str(number), name=name, digest=digest, context=context)
        for number, name, digest, context in tx.execute(query)
    )


def forget(tx: Connection, project: str, ids: Sequence[str]) -> None:
    """Delete what was noted of some runs."""
    for table in (run_datasets, run_models):
        tx.execute(delete(table).where(table.c.project == project, table.c.run.in_(ids)))


def _use(row: Row[Any]) -> DatasetUse:
    return DatasetUse(
        dataset=LoggedDataset(
            name=row.name,
            digest=row.digest,
            source_type=row.source_type,
            source=row.source,
            schema=row.schema,
            profile=row.profile,
        ),
        tags=row.tags,
    )
