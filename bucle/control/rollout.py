"""Lead an accepted model version into service, step by step, or out of it again.

The rooms hold the verbs and the pure judgements; here they are put in their order.
"""

from typing import Any

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.control.trial import check_trial
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import feedback, registry, serving

CHAMPION = "champion"


def start_rollout(session: Session, name: str, ref: Ref) -> dict[str, Any]:
    """Promote the first version at once; start what is declared for any later one.

    What was on its way gives way to the newer version.
    """
    with session.begin() as scope:
        deployment = serving.get_deployment(scope, Ref("deployment", name))
        if deployment.killed is not None:
            return {"outcome": f"{deployment.ref.bare} was killed, and waits to be restored"}
        way, champion = deployment.spec.rollout.way, deployment.variant(CHAMPION)
        if deployment.rollout_state is not None:
            _give_way(scope, deployment, reason=f"{ref} is newer")
        at_once = champion is None or (way == "canary" and not deployment.spec.rollout.steps)
        if at_once:
            reason = "the first accepted version" if champion is None else "no canary is declared"
            registry.promote(scope, ref, alias=CHAMPION, reason=reason)
        elif way == "shadow":
            serving.start_shadow(scope, name, ref)
        elif way == "canary":
            serving.start_canary(scope, name, ref)
        else:
            serving.start_trial(scope, name, (ref,), kind=way)
    if not at_once:
        serving.publish(session)
    return {"started": "" if at_once else way}


def _give_way(scope: Scope, deployment: serving.Deployment, *, reason: str) -> None:
    state = deployment.rollout_state
    assert state is not None
    if state.kind == serving.CANARY:
        serving.abort_canary(scope, deployment.name, reason=reason)
    else:
        serving.stop_trial(scope, deployment.name, reason=reason)


def check_rollout(session: Session, name: str) -> dict[str, Any]:
    """Judge what is on its way: a canary on what both variants answered during this step."""
    with session.begin(write=False) as scope:
        deployment = serving.get_deployment(scope, Ref("deployment", name))
        now = scope.now
    state = deployment.rollout_state
    if state is None:
        return {"outcome": "there is no canary"}
    if state.kind != serving.CANARY:
        return check_trial(session, deployment)
    labels = feedback.labels_table(session, name, state.step_started_at, now)
    champion, canary = serving.rollout_stats(session, name, state.step_started_at, now, labels)
    metric = deployment.spec.rollout.metric
    verdicts = serving.judge_canary(
        champion,
        canary,
        deployment.spec.rollout,
        deployment.spec.objectives,
        higher_is_better=bool(metric) and serving.is_higher_better(metric),
    )
    with session.begin() as scope:
        outcome = _conclude(scope, deployment, verdicts)
    if outcome != "wait":
        serving.publish(session)
    return {"outcome": outcome, "verdicts": verdicts}


def follow_champion(session: Session, name: str) -> dict[str, Any]:
    """Serve the version that bears the champion alias of the deployment's model."""
    with session.begin() as scope:
        deployment = serving.get_deployment(scope, Ref("deployment", name))
        if deployment.killed is not None:
            return {"outcome": f"{deployment.ref.bare} was killed, and waits to be restored"}
        model = Ref("model", deployment.spec.model, CHAMPION)
        champion = registry.get_version(scope, model).ref
        served = deployment.variant(CHAMPION)
        if served is None or served.model != champion:
            serving.serve_version(scope, name, champion, reason="it became champion")
    serving.publish(session)
    return {"model": str(champion)}


def next_share(steps: tuple[float, ...], share: float) -> float | None:
    """Return the step that follows a share; None after the last."""
    return next((step for step in steps if step > share), None)


def _conclude(scope: Scope, deployment: serving.Deployment, verdicts: tuple[Verdict, ...]) -> str:
    """Write what follows from the verdicts, unless the deployment changed meanwhile."""
    state = deployment.rollout_state
    assert state is not None
    name, seen = deployment.name, deployment.revision
    outcome = serving.conclude(verdicts)
    said = "; ".join(verdict.note for verdict in verdicts if not verdict.ok)
    if outcome == "abort":
        serving.abort_canary(scope, name, reason=said, if_revision=seen, evidence=verdicts)
    elif outcome == "wait":
        scope.record("rollout.continued", deployment.ref, model=state.model, reason=said)
    elif share := next_share(deployment.spec.rollout.steps, state.weight):
        reason = "as good as the champion"
        serving.advance_canary(
            scope, name, share, reason=reason, if_revision=seen, evidence=verdicts
        )
    else:
        reason = "it passed every step"
        serving.finish_canary(scope, name, reason=reason, if_revision=seen, evidence=verdicts)
        registry.promote(
            scope, state.model, alias=CHAMPION, reason="it passed every step of its canary"
        )
        outcome = "finish"
    return outcome
