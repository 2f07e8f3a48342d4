"""A canary's way: a small share, larger shares, then everything, or back to nothing."""

import msgspec

from bucle.base.errors import Conflict, Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import (
    CANARY,
    CHAMPION,
    Deployment,
    RolloutState,
    Variant,
    Watch,
)
from bucle.lifecycle.serving.resolve import variant_of
from bucle.lifecycle.serving.revise import Revision, require_alive, require_revision, revise


def start_canary(
    scope: Scope, name: str, model: Ref, *, weight: float | None = None, reason: str = ""
) -> Deployment:
    """Give a version a share of the traffic: the rollout's first step, unless told otherwise.

    Raises:
        Conflict: nothing is served yet, another canary is on its way, or it is the champion.
        Invalid: the share is not between 0 and 1, or the rollout has no steps.
        Refused: the version's gates said no.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_alive(before)
    champion = champion_of(before)
    share = _first_share(before, weight)
    canary = variant_of(scope, before.spec, model, role=CANARY, weight=share)
    if canary.model == champion.model:
        raise Conflict(f"{canary.model} is the champion of {before.ref.bare} already")
    if before.rollout_state is not None:
        if before.rollout_state.model == canary.model:
            return before  # asked twice: a retried job must not fail
        raise under_way(before)
    state = RolloutState(
        model=canary.model,
        step=0,
        weight=share,
        started_at=scope.now,
        step_started_at=scope.now,
    )
    made = Revision(
        action="rollout.started",
        reason=reason,
        spec=before.spec,
        variants=_split(before, canary),
        rollout_state=state,
    )
    after = revise(scope, before, made)
    scope.record(
        "rollout.started",
        after.ref,
        model=canary.model,
        champion=champion.model,
        weight=share,
        reason=reason,
    )
    return after


def advance_canary(
    scope: Scope,
    name: str,
    weight: float,
    *,
    reason: str = "",
    if_revision: int | None = None,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    """Give the canary a larger share.

    Raises:
        Conflict: there is no canary, or the deployment is not at revision `if_revision`.
        Invalid: the share is not larger than now, or not below 1.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    canary, state = _canary(before)
    if not state.weight < weight < 1:
        raise Invalid(
            f"the canary of {before.ref.bare} has a share of {state.weight:g}; "
            f"{weight:g} is no step forward",
            hint=f"write a share between {state.weight:g} and 1, or finish-canary",
        )
    moved = msgspec.structs.replace(
        state, step=state.step + 1, weight=weight, step_started_at=scope.now
    )
    larger = msgspec.structs.replace(canary, weight=weight)
    made = Revision(
        action="rollout.advanced",
        reason=reason,
        spec=before.spec,
        variants=_split(before, larger),
        rollout_state=moved,
        evidence=evidence,
    )
    after = revise(scope, before, made)
    scope.record(
        "rollout.advanced",
        after.ref,
        model=canary.model,
        before=state.weight,
        weight=weight,
        reason=reason,
    )
    return after


def finish_canary(
    scope: Scope,
    name: str,
    *,
    reason: str = "",
    if_revision: int | None = None,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    """Make the canary the champion, with all of the traffic.

    Raises:
        Conflict: there is no canary, or the deployment is not at revision `if_revision`.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    canary, state = _canary(before)
    made = Revision(
        action="rollout.finished",
        reason=reason,
        spec=before.spec,
        variants=(msgspec.structs.replace(canary, role=CHAMPION, weight=1.0),),
        watch=watch_from(scope, before, state),
        evidence=evidence,
    )
    return _end(scope, before, made)


def abort_canary(
    scope: Scope,
    name: str,
    *,
    reason: str,
    if_revision: int | None = None,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    """Give the champion all of the traffic back.

    Raises:
        Conflict: there is no canary, or the deployment is not at revision `if_revision`.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    _canary(before)
    made = Revision(
        action="rollout.aborted",
        reason=reason,
        spec=before.spec,
        variants=(msgspec.structs.replace(champion_of(before), weight=1.0),),
        evidence=evidence,
    )
    return _end(scope, before, made)


def watch_from(scope: Scope, before: Deployment, state: RolloutState) -> Watch | None:
    """Return how a new champion is watched; None: it is not declared that it is."""
    gates = before.spec.rollout.gates
    if not gates or not gates.watch:
        return None
    return Watch(
        previous=msgspec.structs.replace(champion_of(before), weight=1.0),
        baseline_since=state.step_started_at,
        since=scope.now,
        until=scope.now + parse_duration(gates.watch),
    )


def under_way(deployment: Deployment) -> Conflict:
    """Return the refusal of a second rollout."""
    state = deployment.rollout_state
    assert state is not None
    ending = (
        f"bucle serving abort-canary {deployment.name} --reason ..."
        if state.kind == CANARY
        else f"bucle serving stop-trial {deployment.name} --reason ..."
    )
    what = "the canary" if state.kind == CANARY else f"on trial ({state.kind})"
    return Conflict(
        f"{state.model} is {what} of {deployment.ref.bare} already",
        hint=ending,
    )


def _end(scope: Scope, before: Deployment, made: Revision) -> Deployment:
    canary, state = _canary(before)
    after = revise(scope, before, made)
    scope.record(
        made.action,
        after.ref,
        model=canary.model,
        champion=champion_of(before).model,
        weight=state.weight,
        reason=made.reason,
        **({"verdicts": made.evidence} if made.evidence else {}),
    )
    return after


def _split(before: Deployment, canary: Variant) -> tuple[Variant, ...]:
    return msgspec.structs.replace(champion_of(before), weight=1.0 - canary.weight), canary


def champion_of(deployment: Deployment) -> Variant:
    """Return what answers most callers.

    Raises:
        Conflict: nothing is served yet.
    """
    champion = deployment.variant(CHAMPION)
    if champion is None:
        raise Conflict(
            f"{deployment.ref.bare} serves no version yet",
            hint=f"bucle serving serve-version {deployment.name} {deployment.spec.model}@<version>",
        )
    return champion


def _canary(deployment: Deployment) -> tuple[Variant, RolloutState]:
    canary = deployment.variant(CANARY)
    if canary is None or deployment.rollout_state is None:
        raise Conflict(
            f"{deployment.ref.bare} has no canary", hint=f"bucle serving get {deployment.name}"
        )
    return canary, deployment.rollout_state


def _first_share(deployment: Deployment, weight: float | None) -> float:
    steps = deployment.spec.rollout.steps
    if weight is None and not steps:
        raise Invalid(
            f"the rollout of {deployment.ref.bare} has no steps",
            hint="give a weight, or serve the version at once (serve-version)",
        )
    share = steps[0] if weight is None else weight
    if not 0 < share < 1:
        raise Invalid(f"{share:g} is not a canary's share", hint="write a share between 0 and 1")
    return share
