"""The calls that log to a run: metrics, parameters, tags, batches, inputs and outputs.

A run that has ended takes all of it, as clients of the protocol expect.
"""

from collections.abc import Sequence

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid
from bucle.base.figure import Figure, NotANumber
from bucle.governance.session import Session
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.experiments import Tag
from bucle.interfaces.mlflow.runs import RUN_NAME, run_ref
from bucle.interfaces.mlflow.sheets import DatasetInput, ModelInput, ModelOutput
from bucle.lifecycle.tracking.batch import Batch, drop_tag, log_batch
from bucle.lifecycle.tracking.inputs import (
    DatasetUse,
    LoggedDataset,
    ModelUse,
    log_inputs,
    log_outputs,
)
from bucle.lifecycle.tracking.logged import ModelMetric, log_model_metrics
from bucle.lifecycle.tracking.names import PARAM_LETTERS, TAG_LETTERS
from bucle.lifecycle.tracking.records import MetricPoints
from bucle.lifecycle.tracking.search import get_sheet

_MOST_METRICS = 1_000
_MOST_PARAMS = 100
_MOST_TAGS = 100
_MOST_IN_ALL = 1_000
_LOGGED_MODELS = "mlflow.log-model.history"

Value = float | NotANumber


class LoggedMetric(msgspec.Struct, kw_only=True, gc=False):
    """A point of a metric, as it is sent."""

    key: str
    value: Value
    timestamp: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogMetric(LoggedMetric, kw_only=True, gc=False):
    """A point of a metric for a run."""

    run_id: str = ""
    run_uuid: str = ""


class LogParam(msgspec.Struct, kw_only=True):
    """A parameter for a run."""

    key: str
    run_id: str = ""
    run_uuid: str = ""
    value: str = ""


class SetTag(LogParam, kw_only=True):
    """A tag for a run."""


class DeleteTag(msgspec.Struct, kw_only=True):
    """Which tag of which run goes."""

    run_id: str
    key: str


class LogBatch(msgspec.Struct, kw_only=True):
    """Metrics, parameters and tags for a run, written together or not at all."""

    run_id: str
    metrics: list[LoggedMetric] = []
    params: list[Tag] = []
    tags: list[Tag] = []


class LogModel(msgspec.Struct, kw_only=True):
    """A model that a run made, as old clients tell it."""

    run_id: str
    model_json: str


class LogInputs(msgspec.Struct, kw_only=True):
    """What a run read."""

    run_id: str
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class LogOutputs(msgspec.Struct, kw_only=True):
    """What a run made."""

    run_id: str
    models: list[ModelOutput]


def _log_metric(session: Session, q: LogMetric) -> None:
    _write(session, run_ref(q.run_id, q.run_uuid).name, Batch(points=_points([q])), [q])


def _log_param(session: Session, q: LogParam) -> None:
    batch = Batch(params={q.key: q.value[:PARAM_LETTERS]})
    _write(session, run_ref(q.run_id, q.run_uuid).name, batch)


def _set_tag(session: Session, q: SetTag) -> None:
    _write(session, run_ref(q.run_id, q.run_uuid).name, _tagged({q.key: q.value}))


def _delete_tag(session: Session, q: DeleteTag) -> None:
    with session.begin() as scope:
        drop_tag(scope, run_ref(q.run_id), q.key)


def _log_batch(session: Session, q: LogBatch) -> None:
    for what, many, most in (
        ("metrics", len(q.metrics), _MOST_METRICS),
        ("params", len(q.params), _MOST_PARAMS),
        ("tags", len(q.tags), _MOST_TAGS),
        ("metrics, params, and tags", len(q.metrics) + len(q.params) + len(q.tags), _MOST_IN_ALL),
    ):
        if many > most:
            raise Invalid(
                f"A batch logging request can contain at most {most} {what}; this one has {many}",
                hint="send them in several requests",
            )
    params = {param.key: param.value[:PARAM_LETTERS] for param in q.params}
    if len(params) < len(q.params):
        raise Invalid("Duplicate parameter keys have been submitted", hint="send each key once")
    batch = msgspec.structs.replace(
        _tagged({tag.key: tag.value for tag in q.tags}), points=_points(q.metrics), params=params
    )
    _write(session, run_ref(q.run_id).name, batch, q.metrics)


def _log_model(session: Session, q: LogModel) -> None:
    try:
        model = msgspec.json.decode(q.model_json, type=dict)
    except msgspec.MsgspecError as error:
        raise Invalid(f"Malformed model info: {error}") from error
    missing = {"artifact_path", "flavors", "utc_time_created", "run_id"} - model.keys()
    if missing:
        raise Invalid(f"Model json is missing mandatory fields: {sorted(missing)}")
    ref = run_ref(q.run_id)
    told = {name: value for name, value in model.items() if name != "signature"}
    with session.begin() as scope:
        before = dict(get_sheet(scope, ref).tags).get(_LOGGED_MODELS, "[]")
        history = [*msgspec.json.decode(before, type=list), told]
        text = canonical_json(history).decode()
        while len(text) > TAG_LETTERS and len(history) > 1:  # the oldest go
            history = history[1:]
            text = canonical_json(history).decode()
        log_batch(scope, ref, _tagged({_LOGGED_MODELS: text}), also_ended=True)


def _log_inputs(session: Session, q: LogInputs) -> None:
    uses = [_use(one) for one in q.datasets]
    models = [ModelUse(model=model.model_id) for model in q.models]
    with session.begin() as scope:
        log_inputs(scope, run_ref(q.run_id), uses, models)


def _log_outputs(session: Session, q: LogOutputs) -> None:
    models = [ModelUse(model=model.model_id, step=model.step) for model in q.models]
    with session.begin() as scope:
        log_outputs(scope, run_ref(q.run_id), models)


def _write(session: Session, run: str, batch: Batch, metrics: Sequence[LoggedMetric] = ()) -> None:
    of_models = _of_models(run, metrics)
    with session.begin() as scope:
        log_batch(scope, run_ref(run), batch, also_ended=True)
        if of_models:
            log_model_metrics(scope, of_models)


def _of_models(run: str, metrics: Sequence[LoggedMetric]) -> list[ModelMetric]:
    return [
        ModelMetric(
            key=metric.key,
            value=Figure(float(metric.value)),
            at_ms=metric.timestamp,
            step=metric.step,
            model=metric.model_id,
            run=run,
            dataset_name=metric.dataset_name,
            dataset_digest=metric.dataset_digest,
        )
        for metric in metrics
        if metric.model_id
    ]


def _points(metrics: Sequence[LoggedMetric]) -> MetricPoints:
    return MetricPoints(
        names=tuple([metric.key for metric in metrics]),
        steps=tuple([metric.step for metric in metrics]),
        times=tuple([metric.timestamp for metric in metrics]),
        values=tuple([metric.value for metric in metrics]),
    )


def _tagged(tags: dict[str, str]) -> Batch:
    """Return a batch of tags; the name of a run is its own field here, and a long text is cut."""
    name = tags.pop(RUN_NAME, None)
    kept = {key: value[:TAG_LETTERS] for key, value in tags.items()}
    return Batch(tags=kept, name=name or None)


def _use(told: DatasetInput) -> DatasetUse:
    dataset = told.dataset
    if dataset is None:
        raise Invalid("Dataset cannot be None")
    if (
        dataset.name is None
        or dataset.digest is None
        or dataset.source_type is None
        or dataset.source is None
    ):
        raise Invalid("a dataset needs name, digest, source_type and source")
    return DatasetUse(
        dataset=LoggedDataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags={tag.key: tag.value for tag in told.tags},
    )


_PATH = "mlflow/runs"
_CHANGED = "INVALID_PARAMETER_VALUE"  # what the protocol says of a parameter that would change

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path=f"{_PATH}/log-metric",
        request=LogMetric,
        handle=_log_metric,
        conflict=_CHANGED,
        is_brief=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/log-parameter",
        request=LogParam,
        handle=_log_param,
        conflict=_CHANGED,
        is_brief=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/set-tag",
        request=SetTag,
        handle=_set_tag,
        conflict=_CHANGED,
        is_brief=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/delete-tag",
        request=DeleteTag,
        handle=_delete_tag,
        conflict=_CHANGED,
        is_brief=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/log-batch",
        request=LogBatch,
        handle=_log_batch,
        conflict=_CHANGED,
        is_brief=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/log-model",
        request=LogModel,
        handle=_log_model,
        conflict=_CHANGED,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/log-inputs",
        request=LogInputs,
        handle=_log_inputs,
        conflict=_CHANGED,
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/outputs",
        request=LogOutputs,
        handle=_log_outputs,
        conflict=_CHANGED,
    ),
)
