"""The calls about logged models."""

from typing import Literal

import msgspec

from bucle.base.errors import Invalid
from bucle.base.figure import NotANumber, plain_figure
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.mlflow.clock import milliseconds
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.experiments import Tag, checked_limit
from bucle.interfaces.mlflow.registered import shown_tags, told_tags
from bucle.interfaces.mlflow.runs import some_name
from bucle.lifecycle.registry import catalog
from bucle.lifecycle.tracking import files, logged
from bucle.lifecycle.tracking.logged import DatasetOf, LoggedStatus, ModelOrder

_DEFAULT_MODELS = 100

Status = Literal[
    "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", 1, 2, 3
]
_STATUSES: dict[str | int, LoggedStatus] = {
    "LOGGED_MODEL_PENDING": "pending",
    "LOGGED_MODEL_READY": "ready",
    "LOGGED_MODEL_UPLOAD_FAILED": "failed",
    1: "pending",
    2: "ready",
    3: "failed",
}
_SHOWN: dict[LoggedStatus, str] = {
    "pending": "LOGGED_MODEL_PENDING",
    "ready": "LOGGED_MODEL_READY",
    "failed": "LOGGED_MODEL_UPLOAD_FAILED",
}


class ModelMetric(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A value of a metric of a model."""

    key: str
    value: float | NotANumber
    timestamp: int
    model_id: str
    run_id: str
    step: int = 0
    dataset_name: str = ""
    dataset_digest: str = ""


class Registration(msgspec.Struct, kw_only=True):
    """A version that a logged model became."""

    name: str
    version: str


class Info(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A logged model's own fields."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str = ""
    source_run_id: str = ""
    tags: list[Tag] = []
    registrations: list[Registration] = []


class Data(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was logged of a model."""

    params: list[Tag] = []
    metrics: list[ModelMetric] = []


class LoggedModel(msgspec.Struct, kw_only=True):
    """A logged model."""

    info: Info
    data: Data


class OneLoggedModel(msgspec.Struct, kw_only=True):
    """A logged model as an answer."""

    model: LoggedModel


class CreateLoggedModel(msgspec.Struct, kw_only=True):
    """A model that is about to be logged."""

    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []


class ModelId(msgspec.Struct, kw_only=True):
    """Which logged model."""

    model_id: str


class Finalize(ModelId, kw_only=True):
    """Whether a model's files are there."""

    status: Status = "LOGGED_MODEL_READY"


class SetTags(ModelId, kw_only=True):
    """Tags for a logged model."""

    tags: list[Tag] = []


class DeleteTag(ModelId, kw_only=True):
    """Which tag of which logged model goes."""

    tag_key: str


class LogParams(ModelId, kw_only=True):
    """Parameters of a logged model."""

    params: list[Tag] = []


class SearchDataset(msgspec.Struct, kw_only=True):
    """On which dataset metrics are asked for."""

    dataset_name: str = ""
    dataset_digest: str = ""


class SearchOrder(SearchDataset, kw_only=True):
    """One thing that logged models are ordered by."""

    field_name: str = ""
    ascending: bool | None = True


class SearchLoggedModels(msgspec.Struct, kw_only=True):
    """Which logged models to list."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[SearchDataset] = []
    max_results: int | None = None
    order_by: list[SearchOrder] = []
    page_token: str = ""


class FoundLoggedModels(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Some logged models, and where the next begin."""

    models: list[LoggedModel] = []
    next_page_token: str = ""


class ListFolder(ModelId, kw_only=True):
    """Which folder of which logged model."""

    artifact_directory_path: str = ""
    page_token: str = ""


class FileInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of a listing."""

    path: str
    is_dir: bool
    file_size: int | None = None


class Folder(msgspec.Struct, kw_only=True):
    """A listing."""

    root_uri: str
    files: list[FileInfo] = []


def _create(session: Session, q: CreateLoggedModel) -> OneLoggedModel:
    new = logged.NewLoggedModel(
        experiment=q.experiment_id,
        name=q.name or some_name(),
        model_type=q.model_type,
        source_run=q.source_run_id,
        params=told_tags(q.params),
        tags=told_tags(q.tags),
    )
    with session.begin() as scope:
        return _one(scope, logged.create_logged_model(scope, new))


def _finalize(session: Session, q: Finalize) -> OneLoggedModel:
    with session.begin() as scope:
        model = logged.finalize_logged_model(scope, q.model_id, _STATUSES[q.status])
        return _one(scope, model)


def _get(session: Session, q: ModelId) -> OneLoggedModel:
    with session.begin(write=False) as scope:
        return _one(scope, logged.get_logged_model(scope, q.model_id))


def _delete(session: Session, q: ModelId) -> None:
    with session.begin() as scope:
        logged.delete_logged_model(scope, q.model_id)


def _search(session: Session, q: SearchLoggedModels) -> FoundLoggedModels:
    query = logged.LoggedModelQuery(
        experiments=tuple(q.experiment_ids),
        filter=q.filter,
        datasets=tuple(
            DatasetOf(name=one.dataset_name, digest=one.dataset_digest) for one in q.datasets
        ),
        order_by=tuple(_order(one) for one in q.order_by),
        limit=checked_limit(q.max_results, _DEFAULT_MODELS),
        token=q.page_token or None,
    )
    with session.begin(write=False) as scope:
        page = logged.search_logged_models(scope, query)
        models = _shown(scope, page.items)
    return FoundLoggedModels(models=models, next_page_token=page.next_token or "")


def _order(said: SearchOrder) -> ModelOrder:
    if not said.field_name:
        raise Invalid("`field_name` in the `order_by` clause must be specified.")
    has_dataset = said.dataset_name or said.dataset_digest
    return ModelOrder(
        field=said.field_name,
        ascending=said.ascending is not False,
        dataset=DatasetOf(name=said.dataset_name, digest=said.dataset_digest)
        if has_dataset
        else None,
    )


def _set_tags(session: Session, q: SetTags) -> OneLoggedModel:
    with session.begin() as scope:
        return _one(scope, logged.tag_logged_model(scope, q.model_id, told_tags(q.tags)))


def _delete_tag(session: Session, q: DeleteTag) -> None:
    with session.begin() as scope:
        logged.untag_logged_model(scope, q.model_id, q.tag_key)


def _log_params(session: Session, q: LogParams) -> None:
    with session.begin() as scope:
        logged.log_model_params(scope, q.model_id, told_tags(q.params))


def _list(session: Session, q: ListFolder) -> Folder:
    with session.begin(write=False) as scope:
        model = logged.get_logged_model(scope, q.model_id)
        entries = files.list_folder(scope, model.ref, q.artifact_directory_path)
    return Folder(
        root_uri=model.location,
        files=[
            FileInfo(path=one.path, is_dir=one.is_folder, file_size=one.size_bytes)
            for one in entries
        ],
    )


def _one(scope: Scope, model: logged.LoggedModel) -> OneLoggedModel:
    return OneLoggedModel(model=_shown(scope, (model,))[0])


def _shown(scope: Scope, models: tuple[logged.LoggedModel, ...]) -> list[LoggedModel]:
    became = catalog.registrations_of(scope, [model.id for model in models])
    return [
        LoggedModel(
            info=Info(
                model_id=model.id,
                experiment_id=model.experiment,
                name=model.name,
                creation_timestamp_ms=milliseconds(model.created_at),
                last_updated_timestamp_ms=milliseconds(model.changed_at),
                artifact_uri=model.location,
                status=_SHOWN[model.status],
                model_type=model.model_type,
                source_run_id=model.source_run,
                tags=shown_tags(model.tags),
                registrations=[
                    Registration(name=name, version=str(number))
                    for name, number in became.get(model.id, ())
                ],
            ),
            data=Data(
                params=shown_tags(model.params),
                metrics=[_shown_metric(metric) for metric in model.metrics],
            ),
        )
        for model in models
    ]


def _shown_metric(metric: logged.ModelMetric) -> ModelMetric:
    return ModelMetric(
        key=metric.key,
        value=plain_figure(metric.value),
        timestamp=metric.at_ms,
        step=metric.step,
        model_id=metric.model,
        run_id=metric.run,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )


_PATH = "mlflow/logged-models"
_ONE = f"{_PATH}/{{model_id}}"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path=_PATH, request=CreateLoggedModel, handle=_create),
    Endpoint(method="POST", path=f"{_PATH}/search", request=SearchLoggedModels, handle=_search),
    Endpoint(method="PATCH", path=_ONE, request=Finalize, handle=_finalize),
    Endpoint(method="GET", path=_ONE, request=ModelId, handle=_get),
    Endpoint(method="DELETE", path=_ONE, request=ModelId, handle=_delete),
    Endpoint(method="PATCH", path=f"{_ONE}/tags", request=SetTags, handle=_set_tags),
    Endpoint(
        method="DELETE", path=f"{_ONE}/tags/{{tag_key}}", request=DeleteTag, handle=_delete_tag
    ),
    Endpoint(method="POST", path=f"{_ONE}/params", request=LogParams, handle=_log_params),
    Endpoint(method="GET", path=f"{_ONE}/artifacts/directories", request=ListFolder, handle=_list),
)
