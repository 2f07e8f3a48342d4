"""The serving plan: what the control plane tells the model servers, in one signed blob.

It is all that a model server reads, so that it answers while the database and the control
plane are down.  How it lies there, and who opens it: `sealed.py`.
"""

from msgspec import UNSET

from bucle.base.digest import digest_bytes
from bucle.base.errors import Conflict, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.governance.access.tokens import digests_in_force
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.logged import planned_log
from bucle.lifecycle.serving.records import (
    CANARY,
    CHAMPION,
    FALLBACK,
    SHADOW,
    Deployment,
    PlannedDeployment,
    PlannedToken,
    PublishedPlan,
    ServingPlan,
)
from bucle.lifecycle.serving.sealed import is_loopback, plan_key, seal
from bucle.lifecycle.serving.sensitive import sensitive_inputs
from bucle.lifecycle.serving.views import views_for

_ATTEMPTS = 20


def current_plan(scope: Scope) -> ServingPlan:
    """Return what the model servers of the project should be serving."""
    scope.require(Permission.SERVING_READ)
    tokens = digests_in_force(scope, Permission.PREDICTION_READ)
    managers = {token.id for token, _ in digests_in_force(scope, Permission.SERVING_WRITE)}
    return ServingPlan(
        project=scope.project,
        open=is_loopback(scope.drivers.settings.host),
        tokens=tuple(
            PlannedToken(
                id=token.id,
                secret_digest=digest,
                expires_at=token.expires_at,
                may_manage=token.id in managers,
            )
            for token, digest in tokens
        ),
        deployments=tuple(
            _planned(scope, deployment)
            for deployment in store.list_deployments(scope.tx, scope.project)
        ),
    )


def publish(session: Session) -> PublishedPlan:
    """Put the plan where the model servers look, unless it is there already.

    Two publishers may cross: each looks again after writing, so that whoever writes last has
    written what the database says last.

    Raises:
        Unavailable: the blob store can not be written.
        Conflict: the deployments kept changing while we published.
    """
    key, changed = plan_key(session.project), False
    for _ in range(_ATTEMPTS):
        with session.begin(write=False) as scope:
            plan = current_plan(scope)
            content = seal(plan, scope.keys)
        if _stored(session.drivers.blobs, key) == content:
            if changed:
                _record(session, plan, content)
            return PublishedPlan(key=key, digest=digest_bytes(content), changed=changed, plan=plan)
        session.drivers.blobs.put(key, content)
        changed = True
    raise Conflict(
        f"the deployments of {session.project!r} kept changing while they were published",
        hint="bucle serving publish",
    )


def _record(session: Session, plan: ServingPlan, content: bytes) -> None:
    with session.begin() as scope:
        scope.record(
            "plan.published",
            Ref("project", session.project),
            digest=digest_bytes(content),
            deployments=[item.ref for item in plan.deployments],
        )


def _planned(scope: Scope, deployment: Deployment) -> PlannedDeployment:
    champion, policy = deployment.variant(CHAMPION), deployment.spec.log
    killed, state = deployment.killed, deployment.rollout_state
    is_down = killed is not None and killed.to == FALLBACK
    trained = champion or (killed.champion if killed else None)
    views = views_for(scope, deployment, trained) if trained else ()
    shadows = tuple(one for one in deployment.variants if one.role == SHADOW)
    objectives = deployment.spec.objectives
    others = {
        str(variant.model): views_for(scope, deployment, variant)
        for variant in deployment.variants
        if variant is not champion
    }
    return PlannedDeployment(
        ref=deployment.ref,
        target=deployment.spec.target,
        p95_ms=deployment.spec.objectives.p95_ms,
        variants=deployment.answering,
        views=views,
        views_of={model: found for model, found in others.items() if found != views},
        log=planned_log(policy, sensitive_inputs(scope, deployment)) if policy else UNSET,
        shadows=shadows or UNSET,
        fallback=deployment.stand_in or UNSET,
        killed=True if is_down else UNSET,
        # Of each trial anew; a canary keeps the callers that it has.
        salt=f"{deployment.name} {state.started_at.isoformat()}"
        if state and state.kind != CANARY
        else UNSET,
        p99_ms=objectives.p99_ms,
        timeout_ms=objectives.timeout_ms,
        batching=deployment.spec.batching,
    )


def _stored(blobs: BlobStore, key: str) -> bytes | None:
    try:
        return blobs.get(key)
    except NotFound:
        return None
