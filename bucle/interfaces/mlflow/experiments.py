"""The calls about experiments."""

from typing import Literal

import msgspec

from bucle.base.errors import Invalid
from bucle.governance.session import Session
from bucle.interfaces.mlflow.clock import milliseconds
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.lifecycle.tracking import experiments
from bucle.lifecycle.tracking.experiments import Stage
from bucle.lifecycle.tracking.inputs import search_datasets

MOST_RESULTS = 50_000
_MOST_EXPERIMENTS = 20  # whose datasets are asked for in one call

ViewType = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3, "1", "2", "3"]


class Tag(msgspec.Struct, kw_only=True):
    """A name and its text."""

    key: str
    value: str = ""


class Experiment(msgspec.Struct, kw_only=True):
    """An experiment as the protocol has it."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[Tag] = []


class CreateExperiment(msgspec.Struct, kw_only=True):
    """A new experiment."""

    name: str = ""
    artifact_location: str = ""
    tags: list[Tag] = []


class ExperimentId(msgspec.Struct, kw_only=True):
    """Which experiment."""

    experiment_id: str


class ExperimentName(msgspec.Struct, kw_only=True):
    """Which experiment, by name."""

    experiment_name: str


class OneExperiment(msgspec.Struct, kw_only=True):
    """An experiment as an answer."""

    experiment: Experiment


class UpdateExperiment(msgspec.Struct, kw_only=True):
    """Another name for an experiment."""

    experiment_id: str
    new_name: str


class SetExperimentTag(msgspec.Struct, kw_only=True):
    """A tag for an experiment."""

    experiment_id: str
    key: str
    value: str = ""


class DeleteExperimentTag(msgspec.Struct, kw_only=True):
    """Which tag of which experiment goes."""

    experiment_id: str
    key: str


class SearchExperiments(msgspec.Struct, kw_only=True):
    """Which experiments to list."""

    max_results: int | None = None
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: ViewType = "ACTIVE_ONLY"


class FoundExperiments(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Some experiments, and where the next begin."""

    experiments: list[Experiment] = []
    next_page_token: str = ""


class SearchDatasets(msgspec.Struct, kw_only=True):
    """Of which experiments the datasets are asked for."""

    experiment_ids: list[str] = []


class DatasetSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A dataset of an experiment in one context."""

    experiment_id: str
    name: str
    digest: str
    context: str | None = None


class FoundDatasets(msgspec.Struct, kw_only=True):
    """The datasets of some experiments."""

    dataset_summaries: list[DatasetSummary]


def stages_of(view: ViewType | None) -> tuple[Stage, ...]:
    """Return the stages that a view shows."""
    if view in {"DELETED_ONLY", 2, "2"}:
        return ("deleted",)
    return ("active", "deleted") if view in {"ALL", 3, "3"} else ("active",)


def checked_limit(max_results: int | None, default: int = 1000) -> int:
    """Return how many results are asked for.

    Raises:
        Invalid: none, fewer, or too many.
    """
    limit = default if max_results is None else max_results
    if not 1 <= limit <= MOST_RESULTS:
        raise Invalid(
            f"Invalid value {limit} for parameter 'max_results' supplied: from 1 to {MOST_RESULTS}"
        )
    return limit


def _create(session: Session, q: CreateExperiment) -> ExperimentId:
    with session.begin() as scope:
        tags = {tag.key: tag.value for tag in q.tags}
        made = experiments.create_experiment(scope, q.name, location=q.artifact_location, tags=tags)
    return ExperimentId(experiment_id=made.id)


def _get(session: Session, q: ExperimentId) -> OneExperiment:
    with session.begin(write=False) as scope:
        return OneExperiment(experiment=_shown(experiments.get_experiment(scope, q.experiment_id)))


def _get_by_name(session: Session, q: ExperimentName) -> OneExperiment:
    with session.begin(write=False) as scope:
        found = experiments.get_experiment_by_name(scope, q.experiment_name)
    return OneExperiment(experiment=_shown(found))


def _update(session: Session, q: UpdateExperiment) -> None:
    with session.begin() as scope:
        experiments.rename_experiment(scope, q.experiment_id, q.new_name)


def _delete(session: Session, q: ExperimentId) -> None:
    with session.begin() as scope:
        experiments.delete_experiment(scope, q.experiment_id)


def _restore(session: Session, q: ExperimentId) -> None:
    with session.begin() as scope:
        experiments.restore_experiment(scope, q.experiment_id)


def _set_tag(session: Session, q: SetExperimentTag) -> None:
    with session.begin() as scope:
        experiments.tag_experiment(scope, q.experiment_id, {q.key: q.value})


def _delete_tag(session: Session, q: DeleteExperimentTag) -> None:
    with session.begin() as scope:
        experiments.untag_experiment(scope, q.experiment_id, q.key)


def _search(session: Session, q: SearchExperiments) -> FoundExperiments:
    query = experiments.ExperimentQuery(
        filter=q.filter,
        order_by=tuple(q.order_by),
        stages=stages_of(q.view_type),
        limit=checked_limit(q.max_results),
        token=q.page_token or None,
    )
    with session.begin(write=False) as scope:
        is_new = not experiments.has_default(scope)
    if is_new:  # a project in which nothing was written yet
        with session.begin() as scope:
            experiments.add_default(scope)
    with session.begin(write=False) as scope:
        page = experiments.search_experiments(scope, query)
    return FoundExperiments(
        experiments=[_shown(one) for one in page.items], next_page_token=page.next_token or ""
    )


def _search_datasets(session: Session, q: SearchDatasets) -> FoundDatasets:
    if not 0 < len(q.experiment_ids) <= _MOST_EXPERIMENTS:
        raise Invalid(
            f"the request names {len(q.experiment_ids)} experiments: 1 to {_MOST_EXPERIMENTS}"
        )
    with session.begin(write=False) as scope:
        found = search_datasets(scope, q.experiment_ids)
    return FoundDatasets(
        dataset_summaries=[
            DatasetSummary(
                experiment_id=one.experiment, name=one.name, digest=one.digest, context=one.context
            )
            for one in found
        ]
    )


def _shown(one: experiments.Experiment) -> Experiment:
    return Experiment(
        experiment_id=one.id,
        name=one.name,
        artifact_location=one.location,
        lifecycle_stage=one.stage,
        last_update_time=milliseconds(one.changed_at),
        creation_time=milliseconds(one.created_at),
        tags=[Tag(key=key, value=value) for key, value in one.tags.items()],
    )


_PATH = "mlflow/experiments"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path=f"{_PATH}/create", request=CreateExperiment, handle=_create),
    Endpoint(method="GET", path=f"{_PATH}/get", request=ExperimentId, handle=_get, is_brief=True),
    Endpoint(
        method="GET",
        path=f"{_PATH}/get-by-name",
        request=ExperimentName,
        handle=_get_by_name,
        is_brief=True,
    ),
    Endpoint(method="POST", path=f"{_PATH}/update", request=UpdateExperiment, handle=_update),
    Endpoint(method="POST", path=f"{_PATH}/delete", request=ExperimentId, handle=_delete),
    Endpoint(method="POST", path=f"{_PATH}/restore", request=ExperimentId, handle=_restore),
    Endpoint(
        method="POST",
        path=f"{_PATH}/set-experiment-tag",
        request=SetExperimentTag,
        handle=_set_tag,
        conflict="INVALID_PARAMETER_VALUE",
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/delete-experiment-tag",
        request=DeleteExperimentTag,
        handle=_delete_tag,
        conflict="INVALID_PARAMETER_VALUE",
    ),
    Endpoint(method="POST", path=f"{_PATH}/search", request=SearchExperiments, handle=_search),
    Endpoint(method="GET", path=f"{_PATH}/search", request=SearchExperiments, handle=_search),
    Endpoint(
        method="POST",
        path=f"{_PATH}/search-datasets",
        request=SearchDatasets,
        handle=_search_datasets,
    ),
)
