"""The verbs of tracking."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from bucle.base.figure import NotANumber
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.run_tables import TABLE_ROWS
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import RunQuery, RunStart, Scalar, Status, experiments, lifespan
from bucle.lifecycle.tracking.parcels import Parcel, take_parcel


class OfRun(msgspec.Struct, frozen=True, kw_only=True):
    """Which run."""

    ref: Ref


class ResumeRun(msgspec.Struct, frozen=True, kw_only=True):
    """Which run is to go on, and in which process."""

    ref: Ref
    host: tracking.Host | None = None  # None: where it ran before


class LogParams(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters for a run; they stay what they are."""

    ref: Ref
    params: dict[str, Scalar]


class LogPoints(msgspec.Struct, frozen=True, kw_only=True):
    """Metric points as columns; times are milliseconds since 1970 (UTC).

    A batch that bears an id counts once, however often it is sent; none is a sign of life.
    """

    ref: Ref
    names: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    times: tuple[int, ...] = ()
    values: tuple[float | NotANumber, ...] = ()
    batch: str = ""


class SetTags(msgspec.Struct, frozen=True, kw_only=True):
    """Tags for a run, over what they were."""

    ref: Ref
    tags: dict[str, str]


class FinishRun(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    ref: Ref
    status: Status = "finished"
    usage: Usage | None = None  # None: not measured
    error: str = ""
    ended_at: datetime | None = None  # None: now


class LogArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file for a run; without a path it keeps its name."""

    ref: Ref
    file: Upload
    path: str = ""


class AddLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a run read or made, and what of it (such as `rows`)."""

    ref: Ref
    other: Ref
    detail: dict[str, Any] = {}


class GetPoints(msgspec.Struct, frozen=True, kw_only=True):
    """Which series of which run."""

    ref: Ref
    name: str


class CompareRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to put side by side."""

    refs: tuple[Ref, ...]


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """How long ago something must have been deleted to be forgotten, in seconds."""

    older_than_s: Annotated[float, msgspec.Meta(ge=0, le=3_000_000_000)] = 0.0


class NewExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """A new experiment; without a location its files are kept in the house."""

    name: str
    location: str = ""
    tags: dict[str, str] = {}


class OfExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """Which experiment, by its id."""

    id: str


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """A request without fields."""


def _finish(scope: Scope, q: FinishRun) -> tracking.Run:
    return tracking.finish_run(scope, q.ref, q.status, q.usage, q.error, ended_at=q.ended_at)


_LIFE = (
    Operation(
        name="tracking.start",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs",
        request=RunStart,
        response=tracking.Run,
        run=tracking.start_run,
        events=("run.started", "experiment.created"),
        positional=("name",),
        summary="Start a run.",
        summary_es="Empieza una ejecución.",
    ),
    Operation(
        name="tracking.finish",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/finish",
        request=FinishRun,
        response=tracking.Run,
        run=_finish,
        events=("run.finished", "run.failed", "run.killed"),
        positional=("ref",),
        summary="End a run.",
        summary_es="Termina una ejecución.",
    ),
    Operation(
        name="tracking.resume",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/resume",
        request=ResumeRun,
        response=tracking.Run,
        run=lambda scope, q: tracking.resume_run(scope, q.ref, host=q.host),
        events=("run.resumed",),
        positional=("ref",),
        summary="Let a run that failed or was killed go on.",
        summary_es="Reanuda una ejecución que falló o murió.",
    ),
    Operation(
        name="tracking.sweep",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/dead-runs/sweep",
        request=Nothing,
        response=tuple[tracking.Run, ...],
        run=lambda scope, _: tracking.sweep(scope),
        events=("run.killed",),
        summary="Mark as killed the runs whose process has died.",
        summary_es="Marca como muertas las ejecuciones cuyo proceso murió.",
    ),
)

_LOGS = (
    Operation(
        name="tracking.log_params",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/params",
        request=LogParams,
        response=tracking.Run,
        run=lambda scope, q: tracking.log_params(scope, q.ref, q.params),
        events=("run.params_logged",),
        positional=("ref",),
        summary="Give a run parameters.",
        summary_es="Da parámetros a una ejecución.",
    ),
    Operation(
        name="tracking.log_points",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/points",
        request=LogPoints,
        response=int,
        run=lambda scope, q: tracking.log_points(scope, q.ref, _points(q)),
        events=("run.points_logged",),
        positional=("ref",),
        summary="Add metric points to a run and say how many were new.",
        summary_es="Añade puntos de métricas a una ejecución y dice cuántos eran nuevos.",
    ),
    Operation(
        name="tracking.deliver",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/parcels",
        request=Parcel,
        response=int,
        run=take_parcel,
        events=("run.points_logged",),
        positional=("ref",),
        summary="Add packed metric points to a run, once, and say how many the writer has brought.",
        summary_es="Añade puntos empaquetados a una ejecución, una vez, y dice cuántos van.",
    ),
    Operation(
        name="tracking.set_tags",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/tags",
        request=SetTags,
        response=tracking.Run,
        run=lambda scope, q: tracking.set_tags(scope, q.ref, q.tags),
        events=("run.tagged",),
        positional=("ref",),
        summary="Set tags of a run, also after it has ended.",
        summary_es="Pone etiquetas a una ejecución, también terminada.",
    ),
    Operation(
        name="tracking.log_artifact",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/artifacts",
        request=LogArtifact,
        response=tracking.Artifact,
        run=lambda scope, q: tracking.log_artifact(
            scope, q.ref, q.path or q.file.name, digest=q.file.digest
        ),
        events=("run.artifact_logged",),
        positional=("ref", "file"),
        summary="Keep a file with a run.",
        summary_es="Guarda un fichero con una ejecución.",
    ),
    Operation(
        name="tracking.add_input",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/inputs",
        request=AddLink,
        response=None,
        run=lambda scope, q: tracking.add_input(scope, q.ref, q.other, **q.detail),
        events=("run.input_added",),
        positional=("ref", "other"),
        summary="Note what a run read.",
        summary_es="Anota qué leyó una ejecución.",
    ),
    Operation(
        name="tracking.add_output",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/outputs",
        request=AddLink,
        response=None,
        run=lambda scope, q: tracking.add_output(scope, q.ref, q.other, **q.detail),
        events=("run.output_added",),
        positional=("ref", "other"),
        summary="Note what a run made.",
        summary_es="Anota qué hizo una ejecución.",
    ),
)

_SHELF = (
    Operation(
        name="tracking.delete",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/delete",
        request=OfRun,
        response=None,
        run=lambda scope, q: lifespan.delete_run(scope, q.ref),
        events=("run.deleted",),
        positional=("ref",),
        summary="Put a run aside; it can be restored until it is purged.",
        summary_es="Aparta una ejecución; se puede recuperar hasta que se purgue.",
    ),
    Operation(
        name="tracking.restore",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/runs/{ref}/restore",
        request=OfRun,
        response=None,
        run=lambda scope, q: lifespan.restore_run(scope, q.ref),
        events=("run.restored",),
        positional=("ref",),
        summary="Take a run back that was put aside.",
        summary_es="Recupera una ejecución apartada.",
    ),
    Operation(
        name="tracking.purge",
        permission=Permission.RUN_PURGE,
        method="POST",
        path="/deleted-runs/purge",
        request=Purge,
        response=lifespan.Purged,
        run=lambda scope, q: lifespan.purge(scope, older_than_s=q.older_than_s),
        events=("run.purged", "experiment.purged", "logged_model.purged", "trace.removed"),
        summary="Forget deleted runs, experiments and logged models for good, a thousand at once.",
        summary_es="Olvida para siempre lo que se borró, mil cosas cada vez.",
    ),
    Operation(
        name="tracking.experiments",
        permission=Permission.RUN_READ,
        method="GET",
        path="/experiments",
        request=experiments.ExperimentQuery,
        response=Page[experiments.Experiment],
        run=experiments.search_experiments,
        summary="List experiments, the newest first.",
        summary_es="Lista los experimentos, el más nuevo primero.",
    ),
    Operation(
        name="tracking.create_experiment",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/experiments",
        request=NewExperiment,
        response=experiments.Experiment,
        run=lambda scope, q: experiments.create_experiment(
            scope, q.name, location=q.location, tags=q.tags
        ),
        events=("experiment.created",),
        positional=("name",),
        summary="Make an experiment; a run in one that is not there makes it, too.",
        summary_es="Crea un experimento; también lo crea una ejecución en uno que no existe.",
    ),
    Operation(
        name="tracking.delete_experiment",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/experiments/{id}/delete",
        request=OfExperiment,
        response=experiments.Experiment,
        run=lambda scope, q: experiments.delete_experiment(scope, q.id),
        events=("experiment.deleted",),
        positional=("id",),
        summary="Put an experiment and its runs aside.",
        summary_es="Aparta un experimento y sus ejecuciones.",
    ),
    Operation(
        name="tracking.restore_experiment",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/experiments/{id}/restore",
        request=OfExperiment,
        response=experiments.Experiment,
        run=lambda scope, q: experiments.restore_experiment(scope, q.id),
        events=("experiment.restored",),
        positional=("id",),
        summary="Take an experiment and its runs back.",
        summary_es="Recupera un experimento y sus ejecuciones.",
    ),
)

_READS = (
    Operation(
        name="tracking.get",
        permission=Permission.RUN_READ,
        method="GET",
        path="/runs/{ref}",
        request=OfRun,
        response=tracking.Run,
        run=lambda scope, q: tracking.get_run(scope, q.ref),
        positional=("ref",),
        summary="Show a run.",
        summary_es="Muestra una ejecución.",
    ),
    Operation(
        name="tracking.list",
        permission=Permission.RUN_READ,
        method="GET",
        path="/runs",
        request=RunQuery,
        response=Page[tracking.Run],
        run=tracking.list_runs,
        summary="List runs, the newest first.",
        summary_es="Lista ejecuciones, la más nueva primero.",
    ),
    Operation(
        name="tracking.metrics",
        permission=Permission.RUN_READ,
        method="GET",
        path="/runs/{ref}/metrics",
        request=OfRun,
        response=tuple[tracking.MetricSummary, ...],
        run=lambda scope, q: tracking.list_metrics(scope, q.ref),
        positional=("ref",),
        summary="List the metrics of a run: last, least, greatest, count.",
        summary_es="Lista las métricas de una ejecución: última, menor, mayor, cuántas.",
    ),
    Operation(
        name="tracking.points",
        permission=Permission.RUN_READ,
        method="GET",
        path="/runs/{ref}/points",
        request=GetPoints,
        response=tracking.MetricHistory,
        run=lambda scope, q: tracking.metric_history(scope, q.ref, q.name),
        positional=("ref", "name"),
        summary="Show every point of a metric of a run.",
        summary_es="Muestra cada punto de una métrica de una ejecución.",
    ),
    Operation(
        name="tracking.artifacts",
        permission=Permission.RUN_READ,
        method="GET",
        path="/runs/{ref}/artifacts",
        request=OfRun,
        response=tuple[tracking.Artifact, ...],
        run=lambda scope, q: tracking.list_artifacts(scope, q.ref),
        positional=("ref",),
        summary="List the files that a run left.",
        summary_es="Lista los ficheros que dejó una ejecución.",
    ),
    Operation(
        name="tracking.compare",
        permission=Permission.RUN_READ,
        method="GET",
        path="/run-comparisons",
        request=CompareRuns,
        response=tracking.Comparison,
        run=lambda scope, q: tracking.compare(scope, q.refs),
        positional=("refs",),
        summary="Show what differs between runs.",
        summary_es="Muestra en qué difieren varias ejecuciones.",
    ),
)

ROWS = _LIFE + _LOGS + _SHELF + _READS + TABLE_ROWS


def _points(request: LogPoints) -> tracking.MetricPoints:
    return tracking.MetricPoints(
        names=request.names,
        steps=request.steps,
        times=request.times,
        values=request.values,
        batch=request.batch,
    )
