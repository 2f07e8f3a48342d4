"""The verbs of serving.

A verb that changes what is served publishes the plan as soon as its transaction is committed;
should that fail, the reaction to its fact publishes later.
"""

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import serving


class Deploy(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment should be."""

    name: str
    model: str
    rollout: serving.Rollout = serving.Rollout()
    objectives: serving.Objectives = serving.Objectives()
    features: tuple[str, ...] = ()
    target: str = ""
    reason: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployment, or (`name@3`) which of its revisions."""

    ref: str


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No argument."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployment's revisions."""

    name: str
    limit: int = 50
    token: str | None = None  # None: from the newest on


def _deploy(session: Session, q: Deploy) -> serving.Deployment:
    spec = serving.DeploymentSpec(
        name=q.name,
        model=q.model,
        rollout=q.rollout,
        objectives=q.objectives,
        features=q.features,
        target=q.target,
    )
    with session.begin() as scope:
        made = serving.deploy(scope, spec, reason=q.reason)
    serving.publish(session)
    return made


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
)
