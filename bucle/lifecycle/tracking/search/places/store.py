"""Where the fields of a search lie: columns of a run, or rows beside it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, func

from bucle.drivers.db.filters import Beside, Lies, Moment, Place, compile_filter
from bucle.lifecycle.tracking.search.records import Wanted
from bucle.lifecycle.tracking.store import (
    SHORT,
    experiments,
    params,
    run_datasets,
    runs,
    summaries,
    tags,
)

USER = func.coalesce(runs.c.user_name, runs.c.started_by)
WITH_EXPERIMENT = runs.outerjoin(
    experiments,
    and_(
        experiments.c.project == runs.c.project,
        experiments.c.number == runs.c.experiment_number,
    ),
)


def places_of(project: str) -> dict[str, Place]:
    """Return where the fields of each group lie."""

    def beside(table: Any, value: str, *, short: bool) -> Place:  # noqa: ANN401 - a table
        return lambda name: Beside(
            owner=runs.c.id,
            of=table.c.run,
            value=table.c[value],
            where=rows_named(table, project, name),
            short=(table.c.short, SHORT) if short else None,
            null_differs=not short,  # NULL is NaN, which differs from every number
        )

    def dataset(field: str) -> Beside:
        return Beside(
            owner=runs.c.id,
            of=run_datasets.c.run,
            value=run_datasets.c[field],
            where=(run_datasets.c.project == project,),
        )

    tag = beside(tags, "value", short=True)
    return {
        "attribute": _attribute,
        "metric": beside(summaries, "last", short=False),
        "param": beside(params, "text", short=True),
        # A run's name is its own field here, and a tag for MLflow's clients.
        "tag": lambda name: runs.c.name if name == "mlflow.runName" else tag(name),
        "dataset": dataset,
    }


def column(key: str) -> ColumnElement[Any]:
    """Return a run's own field."""
    columns: dict[str, ColumnElement[Any]] = {
        "run_id": runs.c.id,
        "run_name": runs.c.name,
        "status": func.upper(runs.c.status),
        "user_id": USER,
        "start_time": runs.c.started_at,
        "end_time": runs.c.ended_at,
        "artifact_uri": experiments.c.location + "/" + runs.c.id + "/artifacts",
    }
    return columns[key]


def rows_named(
    side: Any,  # noqa: ANN401 - a table
    project: str,
    name: str,
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return which rows of a table beside bear a name."""
    return side.c.project == project, side.c.name == name


def in_experiments(
    wanted: Wanted, dialect: str, *, by_id: bool = False
) -> list[ColumnElement[bool]]:
    """Return that a run lies in one of the experiments, in one of the stages.

    Args:
        wanted: the search.
        dialect: of the database.
        by_id: whether runs are found by their project and id, or beside those, which the caller
            says himself.
    """
    number: ColumnElement[Any] = runs.c.experiment_number
    stage: ColumnElement[Any] = runs.c.stage
    if by_id and dialect == "sqlite":
        # An expression is in no index: SQLite would begin with all runs of the experiment, or of
        # the project, where the few that are named, or the metric's index, lead to the page.
        number, stage = number + 0, stage + ""
    return [
        *([] if by_id and dialect == "sqlite" else [runs.c.project == wanted.project]),
        number == wanted.experiments[0]
        if len(wanted.experiments) == 1
        else number.in_(wanted.experiments),
        stage == wanted.stages[0] if len(wanted.stages) == 1 else stage.in_(wanted.stages),
    ]


def fulfilled(wanted: Wanted, dialect: str) -> list[ColumnElement[bool]]:
    """Return every condition of a search, each asked of one run after the other."""
    return compile_filter(wanted.conditions, places_of(wanted.project), dialect)


def _attribute(key: str) -> Lies:
    own = column(key)
    return Moment(column=own) if key in {"start_time", "end_time"} else own
