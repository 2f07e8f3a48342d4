"""Watch a new champion after its rollout, and go back to the one before where it fails."""

from typing import Any

import msgspec

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import feedback, registry, serving

PREVIOUS = "previous"
CHAMPION = "champion"


def check_watch(session: Session, name: str) -> dict[str, Any]:
    """Hold a new champion against the one before it, as that did during the last step."""
    with session.begin(write=False) as scope:
        deployment = serving.get_deployment(scope, Ref("deployment", name))
        now = scope.now
    watch, champion = deployment.watch, deployment.variant(serving.CHAMPION)
    if watch is None or champion is None or deployment.killed:
        return {"outcome": "no champion is watched"}
    labels = feedback.labels_table(session, name, watch.baseline_since, now)
    before = serving.Window(watch.baseline_since, watch.since, labels)
    (baseline,) = serving.variant_stats(session, deployment, (watch.previous,), before)
    since = serving.Window(watch.since, now, labels)
    (stats,) = serving.variant_stats(session, deployment, (champion,), since)
    rollout, metric = deployment.spec.rollout, deployment.spec.rollout.metric
    verdicts = serving.judge_canary(
        msgspec.structs.replace(baseline, role=PREVIOUS),
        msgspec.structs.replace(stats, drift=None),  # other callers at another time
        rollout,
        deployment.spec.objectives,
        higher_is_better=bool(metric) and serving.is_higher_better(metric),
    )
    outcome = serving.conclude(verdicts)
    said = "; ".join(verdict.note for verdict in verdicts if not verdict.ok)
    with session.begin() as scope:
        if outcome == "abort":
            reason = f"it failed after its rollout: {said}"
            serving.roll_back(
                scope, name, reason=reason, if_revision=deployment.revision, evidence=verdicts
            )
            _take_alias_back(scope, champion.model, reason)
        elif now >= watch.until:
            outcome = "proved"
            scope.record("rollout.proved", deployment.ref, model=champion.model, reason=said)
        else:
            scope.record("rollout.watched", deployment.ref, model=champion.model, reason=said)
    if outcome == "abort":
        serving.publish(session)
    return {"outcome": outcome, "verdicts": verdicts}


def _take_alias_back(scope: Scope, model: Ref, reason: str) -> None:
    """Give the champion alias back to its bearer before, if this version bears it."""
    aliases = registry.get_model(scope, model.name).aliases
    if str(aliases.get(CHAMPION)) != model.version:
        return
    try:
        registry.roll_back(scope, model.name, alias=CHAMPION, reason=reason)
    except NotFound:  # nothing bore it before: it stays, and is not what is served
        return
