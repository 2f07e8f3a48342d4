"""Let versions compete for callers: an A/B test, or a bandit that moves traffic to the better."""

from collections.abc import Mapping, Sequence

import msgspec

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.canary import champion_of, under_way, watch_from
from bucle.lifecycle.serving.limits import check_trial
from bucle.lifecycle.serving.records import (
    CANARY,
    CHALLENGER,
    CHAMPION,
    Deployment,
    RolloutState,
    Variant,
)
from bucle.lifecycle.serving.resolve import variant_of
from bucle.lifecycle.serving.revise import Revision, require_alive, require_revision, revise

KINDS = ("ab", "bandit")
_MOST = 9  # challengers: with more, each learns too slowly


def start_trial(
    scope: Scope, name: str, models: Sequence[Ref], *, kind: str = "", reason: str = ""
) -> Deployment:
    """Share the traffic out among the champion and these versions.

    Args:
        scope: who starts it, and when.
        name: the deployment.
        models: the challengers.
        kind: `ab` or `bandit`; "": as the rollout declares, else `ab`.
        reason: for the history.

    Raises:
        Conflict: nothing is served, something else is on its way, or the kill switch was pressed.
        Invalid: the declared rollout has no metric to compare rows by, or the versions are not
            from one to nine different ones.
        Refused: a version's gates said no.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_alive(before)
    champion, rollout = champion_of(before), before.spec.rollout
    kind = kind or (rollout.way if rollout.way in KINDS else "ab")
    check_trial(rollout, kind)
    found = [variant_of(scope, before.spec, one, role=CHALLENGER, weight=0.0) for one in models]
    _check_models(before, champion, found)
    if before.rollout_state is not None:
        same = [one.model for one in found] == [one.model for one in challengers(before)]
        if same and before.rollout_state.kind == kind:
            return before  # asked twice: a retried job must not fail
        raise under_way(before)
    share = rollout.share if rollout.share and rollout.way in KINDS else None
    together = share or len(found) / (len(found) + 1)
    state = RolloutState(
        kind=kind,
        model=found[0].model,
        step=0,
        weight=together,
        started_at=scope.now,
        step_started_at=scope.now,
    )
    made = Revision(
        action="rollout.trial_started",
        reason=reason,
        spec=before.spec,
        variants=_shared_out(champion, found, together),
        rollout_state=state,
    )
    after = revise(scope, before, made)
    scope.record(
        "rollout.trial_started",
        after.ref,
        kind=kind,
        models=[one.model for one in found],
        champion=champion.model,
        metric=rollout.metric,
        weight=together,
        reason=reason,
    )
    return after


def _shared_out(
    champion: Variant, found: Sequence[Variant], together: float
) -> tuple[Variant, ...]:
    each = together / len(found)
    return (
        msgspec.structs.replace(champion, weight=1.0 - together),
        *(msgspec.structs.replace(one, weight=each) for one in found),
    )


def reweigh(
    scope: Scope,
    name: str,
    weights: Mapping[str, float],
    *,
    reason: str = "",
    if_revision: int | None = None,
) -> Deployment:
    """Share the traffic of a bandit out anew, by model; shares sum to 1.

    Raises:
        Conflict: there is no trial, or the deployment is not at revision `if_revision`.
        Invalid: the shares are not those of its versions, or do not sum to 1.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    state = trial_of(before)
    serving = {str(one.model): one for one in before.answering}
    if serving.keys() != weights.keys():
        raise Invalid(
            f"{before.ref.bare} serves {', '.join(serving)}, not {', '.join(weights)}",
            hint="give one share for each of them",
        )
    low = min(weights.values())
    if low <= 0 or abs(sum(weights.values()) - 1) > 1e-6:  # noqa: PLR2004 - rounding
        raise Invalid(f"the shares {list(weights.values())} are not parts of 1")
    variants = tuple(
        msgspec.structs.replace(one, weight=weights[model]) for model, one in serving.items()
    )
    moved = msgspec.structs.replace(
        state, step=state.step + 1, weight=1.0 - variants[0].weight, step_started_at=scope.now
    )
    made = Revision(
        action="rollout.reweighed",
        reason=reason,
        spec=before.spec,
        variants=variants,
        rollout_state=moved,
    )
    after = revise(scope, before, made)
    scope.record(
        "rollout.reweighed", after.ref, model=state.model, weights=dict(weights), reason=reason
    )
    return after


def stop_trial(
    scope: Scope,
    name: str,
    *,
    winner: Ref | None = None,
    reason: str = "",
    if_revision: int | None = None,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    """End a trial: a challenger becomes the champion, or (None) the champion stays.

    Raises:
        Conflict: there is no trial, or the deployment is not at revision `if_revision`.
        Invalid: the winner is not among the versions.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    state, champion = trial_of(before), champion_of(before)
    best = champion if winner is None else _among(before, winner)
    made = Revision(
        action="rollout.trial_stopped",
        reason=reason,
        spec=before.spec,
        variants=(msgspec.structs.replace(best, role=CHAMPION, weight=1.0),),
        watch=watch_from(scope, before, state) if best is not champion else None,
        evidence=evidence,
    )
    after = revise(scope, before, made)
    scope.record(
        "rollout.trial_stopped",
        after.ref,
        kind=state.kind,
        model=best.model,
        models=[one.model for one in challengers(before)],
        champion=champion.model,
        won=best is not champion,
        reason=reason,
        **({"verdicts": evidence} if evidence else {}),
    )
    return after


def challengers(deployment: Deployment) -> tuple[Variant, ...]:
    """Return the versions that compete with the champion."""
    return tuple(one for one in deployment.variants if one.role == CHALLENGER)


def trial_of(deployment: Deployment) -> RolloutState:
    """Return the trial that is on.

    Raises:
        Conflict: none is.
    """
    state = deployment.rollout_state
    if state is None or state.kind == CANARY:
        raise Conflict(
            f"{deployment.ref.bare} has no A/B test and no bandit on",
            hint=f"bucle serving get {deployment.name}",
        )
    return state


def _among(deployment: Deployment, winner: Ref) -> Variant:
    for one in deployment.answering:
        if one.model == winner:
            return one
    known = ", ".join(str(one.model) for one in deployment.answering)
    raise Invalid(f"{winner} is not among the versions on trial", hint=f"they are {known}")


def _check_models(deployment: Deployment, champion: Variant, found: Sequence[Variant]) -> None:
    names = [one.model for one in found]
    if not 1 <= len(set(names)) == len(names) <= _MOST:
        raise Invalid(
            f"{len(names)} challengers of {deployment.ref.bare}: {', '.join(map(str, names))}",
            hint=f"name from 1 to {_MOST} different versions",
        )
    if champion.model in names:
        raise Conflict(
            f"{champion.model} is the champion of {deployment.ref.bare} already",
            hint="name the other versions; the champion always takes part",
        )
