"""Try a version in the shadow: it gets copies of requests, and nobody gets its answers."""

import msgspec

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.canary import champion_of
from bucle.lifecycle.serving.records import SHADOW, Deployment, ShadowState
from bucle.lifecycle.serving.resolve import variant_of
from bucle.lifecycle.serving.revise import Revision, require_alive, require_revision, revise


def start_shadow(
    scope: Scope, name: str, model: Ref, *, share: float | None = None, reason: str = ""
) -> Deployment:
    """Copy a share of the requests to a version; another one in the shadow gives way.

    Raises:
        Conflict: nothing is served, the kill switch was pressed, or the version answers callers.
        Invalid: the share is not above 0 and at most 1.
        Refused: the version's gates said no.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_alive(before)
    champion_of(before)
    declared = before.spec.rollout.share if before.spec.rollout.way == "shadow" else None
    copied = share if share is not None else declared or 1.0
    if not 0 < copied <= 1:
        raise Invalid(
            f"{copied:g} is not a share of the requests", hint="write a share above 0 and up to 1"
        )
    shadow = variant_of(scope, before.spec, model, role=SHADOW, weight=copied)
    if any(one.model == shadow.model for one in before.answering):
        raise Conflict(
            f"{shadow.model} answers callers of {before.ref.bare} already",
            hint=f"bucle serving get {name}",
        )
    if before.variant(SHADOW) == shadow:
        return before  # asked twice: a retried job must not fail
    state = ShadowState(model=shadow.model, share=copied, started_at=scope.now)
    made = _as_before(before, "rollout.shadow_started", reason)
    after = revise(scope, before, msgspec.structs.replace(made, shadow=shadow, shadow_state=state))
    scope.record(
        "rollout.shadow_started", after.ref, model=shadow.model, share=copied, reason=reason
    )
    return after


def stop_shadow(
    scope: Scope,
    name: str,
    *,
    reason: str = "",
    if_revision: int | None = None,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    """Copy no more requests; what was compared stays in the log.

    Raises:
        Conflict: no version is in the shadow, or it is not at revision `if_revision`.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    state = shadow_of(before)
    made = _as_before(before, "rollout.shadow_stopped", reason)
    after = revise(
        scope, before, msgspec.structs.replace(made, without_shadow=True, evidence=evidence)
    )
    scope.record(
        "rollout.shadow_stopped",
        after.ref,
        model=state.model,
        reason=reason,
        **({"verdicts": evidence} if evidence else {}),
    )
    return after


def shadow_of(deployment: Deployment) -> ShadowState:
    """Return what is in the shadow.

    Raises:
        Conflict: nothing is.
    """
    if deployment.shadow_state is None:
        raise Conflict(
            f"{deployment.ref.bare} has no version in the shadow",
            hint=f"bucle serving start-shadow {deployment.name} {deployment.spec.model}@<version>",
        )
    return deployment.shadow_state


def _as_before(before: Deployment, action: str, reason: str) -> Revision:
    return Revision(
        action=action,
        reason=reason,
        spec=before.spec,
        variants=before.answering,
        rollout_state=before.rollout_state,
    )
