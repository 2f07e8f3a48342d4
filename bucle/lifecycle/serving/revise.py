"""Write the next revision of a deployment: what every verb of this room ends with."""

import msgspec

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import (
    CHAMPION,
    SHADOW,
    Deployment,
    DeploymentSpec,
    Killed,
    RolloutState,
    ShadowState,
    Variant,
    Watch,
)
from bucle.lifecycle.serving.stand_in import stand_in_of


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb makes of a deployment."""

    action: str  # the event's type
    reason: str = ""
    spec: DeploymentSpec
    variants: tuple[Variant, ...]  # that answer; a shadow is not among them
    rollout_state: RolloutState | None = None  # None: nothing is on its way
    shadow: Variant | None = None  # None: the one before stays, unless it answers now
    shadow_state: ShadowState | None = None  # None: as above
    without_shadow: bool = False
    killed: Killed | None = None  # None: the kill switch was not pressed
    watch: Watch | None = None  # None: the one before goes on, if its champion still serves
    evidence: tuple[Verdict, ...] = ()


def revise(scope: Scope, before: Deployment | None, new: Revision) -> Deployment:
    """Insert the next revision and link the models that it serves to it."""
    number = before.revision + 1 if before else 1
    shadow, state = _shadow(before, new)
    deployment = Deployment(
        ref=Ref("deployment", new.spec.name, number),
        revision=number,
        spec=new.spec,
        variants=(*new.variants, shadow) if shadow else new.variants,
        rollout_state=new.rollout_state,
        shadow_state=state,
        killed=new.killed,
        watch=new.watch or _watch(before, new),
        evidence=new.evidence,
        stand_in=stand_in_of(scope.drivers.blobs, before, new.spec, _to_stand_in_for(new)),
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


def _shadow(
    before: Deployment | None, new: Revision
) -> tuple[Variant, ShadowState] | tuple[None, None]:
    """Return the shadow of the next revision: one that answers callers is none any more."""
    if new.without_shadow or not new.variants:
        return None, None
    shadow, state = new.shadow, new.shadow_state
    if shadow is None and before is not None:
        shadow, state = before.variant(SHADOW), before.shadow_state
    if shadow is None or state is None or shadow.model in {one.model for one in new.variants}:
        return None, None
    return shadow, state


def _watch(before: Deployment | None, new: Revision) -> Watch | None:
    served = before.variant(CHAMPION) if before else None
    goes_on = served and served.model in {one.model for one in new.variants if one.role == CHAMPION}
    return before.watch if before and goes_on else None


def _to_stand_in_for(new: Revision) -> Variant | None:
    champion = next((one for one in new.variants if one.role == CHAMPION), None)
    return champion or (new.killed.champion if new.killed else None)


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


def require_alive(deployment: Deployment) -> None:
    """Go on only if the kill switch was not pressed.

    Raises:
        Conflict: it was; somebody has to say that it is over.
    """
    if killed := deployment.killed:
        raise Conflict(
            f"{deployment.ref.bare} was killed by {killed.by}: {killed.reason}",
            hint=f"bucle serving restore {deployment.name} --reason ...",
        )
