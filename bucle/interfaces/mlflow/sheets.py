"""A run in the protocol's words: info, data, inputs, outputs."""

import math

import msgspec

from bucle.base.figure import NotANumber, plain_figure
from bucle.interfaces.mlflow.clock import milliseconds
from bucle.interfaces.mlflow.experiments import Tag
from bucle.lifecycle.tracking.inputs import DatasetUse, RunInputs
from bucle.lifecycle.tracking.search import RunHead, RunSheet

_RUN_NAME = "mlflow.runName"
_PARENT = "mlflow.parentRunId"


class Metric(msgspec.Struct, kw_only=True, gc=False):
    """A point of a metric."""

    key: str
    value: float | NotANumber
    timestamp: int
    step: int


class RunInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A run's own fields."""

    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    end_time: int | None = None


class RunData(msgspec.Struct, kw_only=True):
    """What a run logged."""

    metrics: list[Metric]
    params: list[Tag]
    tags: list[Tag]


class Dataset(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A dataset as a client describes it."""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, kw_only=True):
    """A dataset that a run read, and what for."""

    tags: list[Tag] = []
    dataset: Dataset | None = None


class ModelInput(msgspec.Struct, kw_only=True):
    """A logged model that a run read."""

    model_id: str


class ModelOutput(msgspec.Struct, kw_only=True):
    """A logged model that a run made at a step."""

    model_id: str
    step: int = 0


class Inputs(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class Outputs(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a run made."""

    model_outputs: list[ModelOutput] = []


class Run(msgspec.Struct, kw_only=True):
    """A run."""

    info: RunInfo
    data: RunData
    inputs: Inputs
    outputs: Outputs


def shown_run(sheet: RunSheet) -> Run:
    """Return a run in the protocol's words."""
    tags = [Tag(key=name, value=value) for name, value in sheet.tags]
    tags.append(Tag(key=_RUN_NAME, value=sheet.head.name))
    if sheet.head.parent and not any(tag.key == _PARENT for tag in tags):
        tags.append(Tag(key=_PARENT, value=sheet.head.parent))
    return Run(
        info=shown_info(sheet.head),
        data=RunData(
            metrics=[
                Metric(key=name, value=_plain(value), timestamp=at, step=step)
                for name, value, step, at in sheet.metrics
            ],
            params=[Tag(key=name, value=text) for name, text in sheet.params],
            tags=tags,
        ),
        inputs=_shown_inputs(sheet.inputs),
        outputs=Outputs(
            model_outputs=[
                ModelOutput(model_id=use.model, step=use.step) for use in sheet.inputs.models_out
            ]
        ),
    )


def shown_info(head: RunHead) -> RunInfo:
    """Return a run's own fields in the protocol's words."""
    return RunInfo(
        run_id=head.id,
        run_uuid=head.id,
        run_name=head.name,
        experiment_id=str(head.experiment),
        user_id=head.user,
        status=head.status.upper(),
        start_time=milliseconds(head.started_at),
        end_time=milliseconds(head.ended_at) if head.ended_at else None,
        artifact_uri=run_artifacts(head),
        lifecycle_stage=head.stage,
    )


def run_artifacts(head: RunHead) -> str:
    """Return the URI of a run's files; what an experiment's location asks for stays at its end."""
    location = head.location or f"mlflow-artifacts:/{head.experiment}"
    return f"{location.rstrip('/')}/{head.id}/artifacts"


def _shown_inputs(inputs: RunInputs) -> Inputs:
    return Inputs(
        dataset_inputs=[_shown_dataset(use) for use in inputs.datasets],
        model_inputs=[ModelInput(model_id=use.model) for use in inputs.models_in],
    )


def _shown_dataset(use: DatasetUse) -> DatasetInput:
    told = use.dataset
    return DatasetInput(
        tags=[Tag(key=key, value=value) for key, value in use.tags.items()],
        dataset=Dataset(
            name=told.name,
            digest=told.digest,
            source_type=told.source_type,
            source=told.source,
            schema=told.schema,
            profile=told.profile,
        ),
    )


def _plain(value: float) -> float | NotANumber:
    return value if math.isfinite(value) else plain_figure(value)
