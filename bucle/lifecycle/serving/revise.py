"""Write the next revision of a deployment: what every verb of this room ends with."""

import msgspec

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import Deployment, DeploymentSpec, RolloutState, Variant


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb makes of a deployment."""

    action: str  # the event's type
    reason: str = ""
    spec: DeploymentSpec
    variants: tuple[Variant, ...]
    rollout_state: RolloutState | None = None  # None: no canary


def revise(scope: Scope, before: Deployment | None, new: Revision) -> Deployment:
    """Insert the next revision and link the models that it serves to it."""
    number = before.revision + 1 if before else 1
    deployment = Deployment(
        ref=Ref("deployment", new.spec.name, number),
        revision=number,
        spec=new.spec,
        variants=new.variants,
        rollout_state=new.rollout_state,
        action=new.action,
        reason=new.reason,
        changed_at=scope.now,
        changed_by=scope.actor.name,
    )
    store.add_deployment(scope.tx, scope.project, deployment)
    for variant in deployment.variants:
        scope.link(
            variant.model,
            deployment.ref,
            "served_by",
            role=variant.role,
            weight=variant.weight,
        )
    return deployment


def require_revision(deployment: Deployment, expected: int | None) -> None:
    """Go on only if the caller has seen the newest revision; `None` means any.

    Raises:
        Conflict: it was changed since.
    """
    if expected is not None and deployment.revision != expected:
        raise Conflict(
            f"{deployment.ref.bare} is at revision {deployment.revision}, not {expected}",
            hint=f"bucle serving get {deployment.name}",
        )
