"""The verbs of imports: what other tools kept, brought over with its ids, times and states.

`bucle import mlflow` reads a store and calls these, in this process or at a server.
"""

import msgspec

from bucle.base.figure import NotANumber
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle.registry import catalog
from bucle.lifecycle.tracking import MetricPoints, adopted, logged, traces
from bucle.lifecycle.tracking.adopted import AdoptedExperiment, AdoptedRun, Adoption
from bucle.lifecycle.tracking.experiments import Experiment


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """A request without fields."""


class OfSource(msgspec.Struct, frozen=True, kw_only=True):
    """Which things of which source."""

    source: str
    theirs: tuple[str, ...]


class AdoptPoints(msgspec.Struct, frozen=True, kw_only=True):
    """Metric points as columns; times are milliseconds since 1970 (UTC)."""

    ref: Ref
    names: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    times: tuple[int, ...] = ()
    values: tuple[float | NotANumber, ...] = ()


_READS = (
    Operation(
        name="imports.sources",
        permission=Permission.RUN_READ,
        method="GET",
        path="/imports",
        request=Nothing,
        response=tuple[adopted.AdoptionSource, ...],
        run=lambda scope, _: adopted.list_sources(scope),
        summary="List the stores that things were brought over from.",
        summary_es="Lista los almacenes de los que se trajo algo.",
    ),
    Operation(
        name="imports.look",
        permission=Permission.RUN_READ,
        method="POST",
        path="/imports/look",
        request=OfSource,
        response=tuple[Adoption, ...],
        run=lambda scope, q: adopted.adopted_from(scope, q.source, q.theirs),
        reads_only=True,
        positional=("source", "theirs"),
        summary="Show what things of a store became here.",
        summary_es="Muestra en qué se convirtieron aquí las cosas de un almacén.",
    ),
)

_WRITES = (
    Operation(
        name="imports.experiment",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/imports/experiments",
        request=AdoptedExperiment,
        response=Experiment,
        run=adopted.adopt_experiment,
        events=("experiment.adopted", "experiment.tagged"),
        summary="Bring an experiment of a store over.",
        summary_es="Trae un experimento de un almacén.",
    ),
    Operation(
        name="imports.run",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/imports/runs",
        request=AdoptedRun,
        response=Ref,
        run=adopted.adopt_run,
        events=("run.adopted", "run.inputs_logged", "run.outputs_logged"),
        summary="Bring a run of a store over, or what is new of it.",
        summary_es="Trae una ejecución de un almacén, o lo nuevo de ella.",
    ),
    Operation(
        name="imports.points",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/imports/runs/{ref}/points",
        request=AdoptPoints,
        response=int,
        run=lambda scope, q: adopted.adopt_points(
            scope,
            q.ref,
            MetricPoints(names=q.names, steps=q.steps, times=q.times, values=q.values),
        ),
        events=("run.points_logged",),
        positional=("ref",),
        summary="Add points that a run which was brought over does not have yet.",
        summary_es="Añade los puntos que aún faltan a una ejecución traída.",
    ),
)

_MODELS = (
    Operation(
        name="imports.logged_model",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/imports/logged-models",
        request=logged.AdoptedLoggedModel,
        response=Ref,
        run=logged.adopt_logged_model,
        events=("logged_model.adopted",),
        summary="Bring a logged model of a store over, or what is new of it.",
        summary_es="Trae un modelo anotado de un almacén, o lo nuevo de él.",
    ),
    Operation(
        name="imports.trace",
        permission=Permission.RUN_WRITE,
        method="POST",
        path="/imports/traces",
        request=traces.AdoptedTrace,
        response=Ref,
        run=traces.adopt_trace,
        events=("trace.adopted",),
        summary="Bring a trace of a store over, with its spans.",
        summary_es="Trae una traza de un almacén, con sus tramos.",
    ),
    Operation(
        name="imports.model",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/imports/models",
        request=catalog.AdoptedModel,
        response=Ref,
        run=catalog.adopt_model,
        events=("model.adopted",),
        summary="Bring a registered model of a store over, without its versions.",
        summary_es="Trae un modelo registrado de un almacén, sin sus versiones.",
    ),
    Operation(
        name="imports.version",
        permission=Permission.MODEL_WRITE,
        method="POST",
        path="/imports/versions",
        request=catalog.AdoptedVersion,
        response=Ref,
        run=catalog.adopt_version,
        events=("model.version_adopted", "run.output_added"),
        summary="Bring a version of a registered model over, or what is new of it.",
        summary_es="Trae una versión de un modelo registrado, o lo nuevo de ella.",
    ),
    Operation(
        name="imports.aliases",
        permission=Permission.MODEL_PROMOTE,
        method="POST",
        path="/imports/aliases",
        request=catalog.AdoptedAliases,
        response=tuple[str, ...],
        run=catalog.adopt_aliases,
        events=("model.aliases_adopted", "model.promoted"),
        summary="Bring the aliases of a registered model over; say which its gates refused.",
        summary_es="Trae los alias de un modelo registrado; dice cuáles rechazan sus controles.",
    ),
)

ROWS = _READS + _WRITES + _MODELS
