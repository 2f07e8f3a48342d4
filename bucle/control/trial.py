"""Look at an A/B test or a bandit: go on, share the traffic out anew, or end it."""

from typing import Any

from bucle.governance.session import Session
from bucle.lifecycle import feedback, registry, serving

CHAMPION = "champion"


def check_trial(session: Session, deployment: serving.Deployment) -> dict[str, Any]:
    """Decide a trial upon all that its versions achieved since it began."""
    name, state = deployment.name, deployment.rollout_state
    assert state is not None
    with session.begin(write=False) as scope:
        now = scope.now
    labels = feedback.labels_table(session, name, state.started_at, now)
    window = serving.Window(state.started_at, now, labels)
    variants = deployment.answering
    stats = serving.variant_stats(session, deployment, variants, window)
    outcomes = serving.variant_outcomes(session, deployment, variants, window)
    entrants = [
        serving.Entrant(stats=one, outcomes=values, weight=variant.weight)
        for one, values, variant in zip(stats, outcomes, variants, strict=True)
    ]
    decided = serving.decide_trial(entrants, deployment.spec, state, now)
    seen = deployment.revision
    with session.begin() as scope:
        if decided.outcome == "stop":
            serving.stop_trial(
                scope,
                name,
                winner=decided.winner,
                reason=decided.reason,
                if_revision=seen,
                evidence=decided.verdicts,
            )
            if decided.winner is not None:
                reason = f"it won its trial ({state.kind})"
                registry.promote(scope, decided.winner, alias=CHAMPION, reason=reason)
        elif decided.outcome == "reweigh":
            serving.reweigh(scope, name, decided.weights, reason=decided.reason, if_revision=seen)
        else:
            scope.record(
                "rollout.trial_continued", deployment.ref, model=state.model, reason=decided.reason
            )
    if decided.outcome != "wait":
        serving.publish(session)
    return {"outcome": decided.outcome, "verdicts": decided.verdicts}
