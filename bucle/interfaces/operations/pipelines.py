"""The verbs of pipelines."""

from pathlib import Path
from typing import Any

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import pipelines

# What a run may record; its steps may record more, each with its own operation's events.
_EVENTS = (
    "pipeline.failed",
    "pipeline.finished",
    "pipeline.resumed",
    "pipeline.started",
    "run.artifact_logged",
    "run.failed",
    "run.finished",
    "run.input_added",
    "run.killed",
    "run.resumed",
    "run.started",
)


class RunPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """Which pipeline to run: `module:function` in a folder of the machine that runs it."""

    pipeline: str
    params: dict[str, Any] = {}
    folder: str = "."
    run: Ref | None = None  # None: under a new id


class OnePipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """Which pipeline run."""

    ref: Ref


class ListPipelineRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Which pipeline runs."""

    pipeline: str | None = None
    status: str | None = None
    limit: Limit = 50
    token: str | None = None


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="pipelines.run",
        permission=Permission.PIPELINE_RUN,
        method="POST",
        path="/pipelines/runs",
        request=RunPipeline,
        response=pipelines.PipelineRun,
        work=lambda session, q: pipelines.run_pipeline(
            session, q.pipeline, q.params, folder=Path(q.folder), run=q.run
        ),
        events=_EVENTS,
        is_good=lambda run: run.status == "finished",
        summary="Run a pipeline to its end.",
        summary_es="Ejecuta un flujo hasta el final.",
        positional=("pipeline",),
    ),
    Operation(
        name="pipelines.resume",
        permission=Permission.PIPELINE_RUN,
        method="POST",
        path="/pipelines/runs/{ref}/resume",
        request=OnePipelineRun,
        response=pipelines.PipelineRun,
        work=lambda session, q: pipelines.resume_pipeline(session, q.ref),
        events=_EVENTS,
        is_good=lambda run: run.status == "finished",
        summary="Go on with a run that failed or was killed, at its first unfinished step.",
        summary_es="Reanuda una ejecución fallida o interrumpida en su primer paso pendiente.",
        positional=("ref",),
    ),
    Operation(
        name="pipelines.get",
        permission=Permission.PIPELINE_READ,
        method="GET",
        path="/pipelines/runs/{ref}",
        request=OnePipelineRun,
        response=pipelines.PipelineRun,
        run=lambda scope, q: pipelines.get_pipeline_run(scope, q.ref),
        summary="Show a pipeline run and its steps.",
        summary_es="Muestra la ejecución de un flujo y sus pasos.",
        positional=("ref",),
    ),
    Operation(
        name="pipelines.list",
        permission=Permission.PIPELINE_READ,
        method="GET",
        path="/pipelines/runs",
        request=ListPipelineRuns,
        response=Page[pipelines.PipelineRun],
        run=lambda scope, q: pipelines.list_pipeline_runs(
            scope,
            pipelines.PipelineQuery(
                pipeline=q.pipeline, status=q.status, limit=q.limit, token=q.token
            ),
        ),
        summary="List pipeline runs, newest first.",
        summary_es="Lista las ejecuciones de flujos, las últimas primero.",
    ),
)
