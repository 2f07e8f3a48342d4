"""Look at a version in the shadow: leave it there, take it out, or let it begin its canary."""

from typing import Any

from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle import serving


def check_shadow(session: Session, name: str) -> dict[str, Any]:
    """Judge what a version said in the shadow beside what callers got.

    It goes on with the steps that are declared; where none are, somebody decides.
    """
    with session.begin(write=False) as scope:
        deployment = serving.get_deployment(scope, Ref("deployment", name))
    state = deployment.shadow_state
    if state is None:
        return {"outcome": "there is no version in the shadow"}
    found = serving.compare(session, name, limit=0)
    verdicts = serving.judge_shadow(found, deployment.spec)
    outcome = serving.conclude(verdicts)
    said = "; ".join(verdict.note for verdict in verdicts if not verdict.ok)
    agreement = found.differences.agreement if found.differences else None
    told = {"model": state.model, "compared": found.compared, "agreement": agreement}
    with session.begin() as scope:
        if outcome == "abort":
            serving.stop_shadow(
                scope, name, reason=said, if_revision=deployment.revision, evidence=verdicts
            )
        elif outcome == "wait":
            scope.record("rollout.shadow_compared", deployment.ref, **told, reason=said)
        elif deployment.spec.rollout.steps and deployment.rollout_state is None:
            serving.start_canary(scope, name, state.model, reason="it did well in the shadow")
            outcome = "canary"
        else:
            outcome = "proved"
            reason = "it did well in the shadow; nothing more is declared"
            scope.record("rollout.shadow_proved", deployment.ref, **told, reason=reason)
    if outcome in {"abort", "canary"}:
        serving.publish(session)
    return {"outcome": outcome, "verdicts": verdicts}
