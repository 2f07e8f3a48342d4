"""The verbs of serving.

A verb that changes what is served publishes the plan as soon as its transaction is committed;
should that fail, the reaction to its fact publishes later.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from bucle.base.codec import utc
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations import masking, rollouts
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.publishing import model_ref, published
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import serving

_HOUR = timedelta(hours=1)
_TICK = timedelta(milliseconds=1)  # so that what was answered right now is shown too


class Deploy(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment should be."""

    name: str
    model: str
    rollout: serving.Rollout = serving.Rollout()
    objectives: serving.Objectives = serving.Objectives()
    features: tuple[str, ...] = ()
    target: str = ""
    log: serving.LogPolicy | msgspec.UnsetType = msgspec.UNSET
    fallback: serving.Fallback | msgspec.UnsetType = msgspec.UNSET
    batching: serving.BatchPolicy | msgspec.UnsetType = msgspec.UNSET
    reason: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployment, or (`name@3`) which of its revisions."""

    ref: str


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No argument."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployment's revisions."""

    name: str
    limit: Limit = 50
    token: str | None = None  # None: from the newest on


def _deploy(session: Session, q: Deploy) -> serving.Deployment:
    spec = serving.DeploymentSpec(
        name=q.name,
        model=q.model,
        rollout=q.rollout,
        objectives=q.objectives,
        features=q.features,
        target=q.target,
        log=q.log,
        fallback=q.fallback,
        batching=q.batching,
    )
    with session.begin() as scope:
        made = serving.deploy(scope, spec, reason=q.reason)
    serving.publish(session)
    return made


class ServeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Which version (`demand@7`, or by alias) becomes the champion for all of the traffic."""

    name: str
    model: str
    reason: str = ""
    if_revision: int | None = None  # None: whatever the newest revision is


class StartCanary(msgspec.Struct, frozen=True, kw_only=True):
    """Which version gets a share of the traffic."""

    name: str
    model: str
    weight: float | None = None  # None: the rollout's first step
    reason: str = ""


class AdvanceCanary(msgspec.Struct, frozen=True, kw_only=True):
    """How much the canary gets from now on."""

    name: str
    weight: float
    reason: str = ""
    if_revision: int | None = None  # None: whatever the newest revision is


class EndCanary(msgspec.Struct, frozen=True, kw_only=True):
    """Whose canary."""

    name: str
    reason: str = ""
    if_revision: int | None = None  # None: whatever the newest revision is


class RollBack(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployment goes back to the champion before."""

    name: str
    reason: str = ""


class ListPredictions(msgspec.Struct, frozen=True, kw_only=True):
    """Which predictions, by the time at which they were answered."""

    name: str
    since: datetime | None = None  # None: an hour before `until`
    until: datetime | None = None  # None: now
    limit: Limit = 100


class GetPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """Which prediction."""

    id: str


class PredictionRows(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions, oldest first; a row has the log's columns."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    found: int  # how many there are; at most `limit` of them are shown, the newest


def _serve_version(session: Session, q: ServeVersion) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        return serving.serve_version(
            scope, q.name, model_ref(q.model), reason=q.reason, if_revision=q.if_revision
        )

    return published(session, change)


def _start_canary(session: Session, q: StartCanary) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        return serving.start_canary(
            scope, q.name, model_ref(q.model), weight=q.weight, reason=q.reason
        )

    return published(session, change)


def _advance_canary(session: Session, q: AdvanceCanary) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        return serving.advance_canary(
            scope, q.name, q.weight, reason=q.reason, if_revision=q.if_revision
        )

    return published(session, change)


def _finish_canary(session: Session, q: EndCanary) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        return serving.finish_canary(scope, q.name, reason=q.reason, if_revision=q.if_revision)

    return published(session, change)


def _abort_canary(session: Session, q: EndCanary) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        return serving.abort_canary(scope, q.name, reason=q.reason, if_revision=q.if_revision)

    return published(session, change)


def _roll_back(session: Session, q: RollBack) -> serving.Deployment:
    return published(session, lambda scope: serving.roll_back(scope, q.name, reason=q.reason))


def _list_predictions(session: Session, q: ListPredictions) -> PredictionRows:
    until = utc(q.until) if q.until else session.drivers.clock.now() + _TICK
    since = utc(q.since) if q.since else until - _HOUR
    table = serving.read_predictions(session, q.name, since, until)
    shown = table.slice(max(len(table) - q.limit, 0))
    return PredictionRows(
        columns=tuple(table.column_names),
        rows=tuple(masking.predictions(session, shown.to_pylist())),
        found=len(table),
    )


def _get(scope: Scope, q: Deployment) -> serving.Deployment:
    return serving.get_deployment(scope, Ref.parse(q.ref, kind="deployment"))


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="serving.list",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/deployments",
        request=Nothing,
        response=Page[serving.Deployment],
        run=lambda scope, _: serving.list_deployments(scope),
        summary="List the deployments of the project.",
        summary_es="Lista los despliegues del proyecto.",
    ),
    Operation(
        name="serving.get",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/deployments/{ref}",
        request=Deployment,
        response=serving.Deployment,
        run=_get,
        positional=("ref",),
        summary="Show a deployment: its variants, their shares and its rollout.",
        summary_es="Muestra un despliegue: variantes, reparto y avance.",
    ),
    Operation(
        name="serving.history",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/deployments/{name}/revisions",
        request=History,
        response=Page[serving.Deployment],
        run=lambda scope, q: serving.history(scope, q.name, limit=q.limit, token=q.token),
        positional=("name",),
        summary="List a deployment's revisions: what was served when, and why.",
        summary_es="Lista las revisiones de un despliegue: qué se sirvió, cuándo y por qué.",
    ),
    Operation(
        name="serving.deploy",
        permission=Permission.SERVING_WRITE,
        method="PUT",
        path="/deployments/{name}",
        request=Deploy,
        response=serving.Deployment,
        work=_deploy,
        events=("deployment.created", "deployment.changed", "plan.published"),
        positional=("name",),
        summary="Create a deployment or change its specification.",
        summary_es="Crea un despliegue o cambia su especificación.",
    ),
    Operation(
        name="serving.plan",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/serving-plan",
        request=Nothing,
        response=serving.ServingPlan,
        run=lambda scope, _: serving.current_plan(scope),
        summary="Show what the model servers should be serving.",
        summary_es="Muestra lo que los servidores de modelos deben servir.",
    ),
    Operation(
        name="serving.publish",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/serving-plan/publish",
        request=Nothing,
        response=serving.PublishedPlan,
        work=lambda session, _: serving.publish(session),
        events=("plan.published",),
        summary="Put the plan where the model servers look, unless it is there already.",
        summary_es="Pone el plan donde lo leen los servidores, si no está ya.",
    ),
    Operation(
        name="serving.serve_version",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/serve",
        request=ServeVersion,
        response=serving.Deployment,
        work=_serve_version,
        events=("deployment.served", "rollout.finished", "rollout.aborted", "plan.published"),
        positional=("name", "model"),
        summary="Make a version the champion for all of the traffic, at once.",
        summary_es="Pone una versión como campeona de todo el tráfico, de una vez.",
    ),
    Operation(
        name="serving.start_canary",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/canary",
        request=StartCanary,
        response=serving.Deployment,
        work=_start_canary,
        events=("rollout.started", "plan.published"),
        positional=("name", "model"),
        summary="Give a version a share of the traffic beside the champion.",
        summary_es="Da a una versión una parte del tráfico junto a la campeona.",
    ),
    Operation(
        name="serving.advance_canary",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/canary/advance",
        request=AdvanceCanary,
        response=serving.Deployment,
        work=_advance_canary,
        events=("rollout.advanced", "plan.published"),
        positional=("name", "weight"),
        summary="Give the canary a larger share.",
        summary_es="Da a la canaria una parte mayor.",
    ),
    Operation(
        name="serving.finish_canary",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/canary/finish",
        request=EndCanary,
        response=serving.Deployment,
        work=_finish_canary,
        events=("rollout.finished", "plan.published"),
        positional=("name",),
        summary="Make the canary the champion.",
        summary_es="Convierte la canaria en campeona.",
    ),
    Operation(
        name="serving.abort_canary",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/canary/abort",
        request=EndCanary,
        response=serving.Deployment,
        work=_abort_canary,
        events=("rollout.aborted", "plan.published"),
        positional=("name",),
        summary="Give the champion all of the traffic back.",
        summary_es="Devuelve todo el tráfico a la campeona.",
    ),
    Operation(
        name="serving.roll_back",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/roll-back",
        request=RollBack,
        response=serving.Deployment,
        work=_roll_back,
        events=(
            "deployment.rolled_back",
            "rollout.finished",
            "rollout.aborted",
            "plan.published",
        ),
        positional=("name",),
        summary="Serve the champion before this one again.",
        summary_es="Vuelve a servir la campeona anterior.",
    ),
    Operation(
        name="serving.predictions",
        permission=Permission.PREDICTION_READ,
        method="GET",
        path="/deployments/{name}/predictions",
        request=ListPredictions,
        response=PredictionRows,
        work=_list_predictions,
        positional=("name",),
        summary="Show what a deployment predicted, the newest of the last hour.",
        summary_es="Muestra lo que predijo un despliegue, lo último de la última hora.",
    ),
    Operation(
        name="serving.prediction",
        permission=Permission.PREDICTION_READ,
        method="GET",
        path="/predictions/{id}",
        request=GetPrediction,
        response=serving.Prediction,
        work=lambda session, q: masking.prediction(session, q.id.removeprefix("prediction:")),
        positional=("id",),
        summary="Show one prediction: its features, its answer and who gave it.",
        summary_es="Muestra una predicción: sus datos, su respuesta y quién la dio.",
    ),
    *rollouts.ROWS,
)
