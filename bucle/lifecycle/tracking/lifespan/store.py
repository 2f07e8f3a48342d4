"""The SQL of putting runs aside and of forgetting them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bucle.lifecycle.tracking.store import (
    experiment_datasets,
    links,
    params,
    run_datasets,
    run_models,
    runs,
    segments,
    summaries,
    tags,
)

_OF_RUNS = (params, tags, links, segments, summaries, run_datasets, run_models)


def set_stage(
    tx: Connection, project: str, run: str, stage: str, deleted_at: datetime | None
) -> None:
    """Put a run aside, or take it back."""
    change = update(runs).filter_by(project=project, id=run)
    tx.execute(change.values(stage=stage, deleted_at=deleted_at))


def list_deleted(
    tx: Connection, project: str, before: datetime, limit: int, experiments: Sequence[int] = ()
) -> tuple[str, ...]:
    """Return runs that were deleted before a moment, and all runs of some experiments."""
    gone = (runs.c.stage == "deleted") & (runs.c.deleted_at <= before)
    if experiments:
        gone = gone | runs.c.experiment_number.in_(experiments)
    query = select(runs.c.id).where(runs.c.project == project, gone)
    return tuple(tx.execute(query.order_by(runs.c.id).limit(limit)).scalars())


def forget(tx: Connection, project: str, ids: Sequence[str]) -> None:
    """Delete runs with all that they logged."""
    for table in _OF_RUNS:
        tx.execute(delete(table).where(table.c.project == project, table.c.run.in_(ids)))
    tx.execute(delete(runs).where(runs.c.project == project, runs.c.id.in_(ids)))


def forget_datasets(tx: Connection, project: str, experiments: Sequence[int]) -> None:
    """Delete the datasets that runs of some experiments told of."""
    mine = experiment_datasets.c.experiment.in_(experiments)
    tx.execute(delete(experiment_datasets).where(experiment_datasets.c.project == project, mine))
