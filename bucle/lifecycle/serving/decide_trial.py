"""Decide an A/B test or a bandit from what its versions achieved so far.  Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np

from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.registry import Array
from bucle.lifecycle.serving.bandit import odds_of, tally_of
from bucle.lifecycle.serving.declared import Trial
from bucle.lifecycle.serving.judge import judge_health
from bucle.lifecycle.serving.outcomes import is_higher_better
from bucle.lifecycle.serving.records import DeploymentSpec, RolloutState, VariantStats
from bucle.lifecycle.serving.sequential import (
    Difference,
    arm_of,
    best_of,
    compare_arms,
    shared_alpha,
)

_MOVED = 0.01  # shares that differ by less are not worth a revision


class Entrant(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a trial, with what it achieved."""

    stats: VariantStats
    outcomes: Array
    weight: float


class TrialDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows, and why."""

    outcome: str  # wait | reweigh | stop
    winner: Ref | None = None  # None: the champion stays, or nothing is decided
    reason: str
    verdicts: tuple[Verdict, ...]
    weights: dict[str, float] = {}  # of a bandit, by model


def decide_trial(
    entrants: Sequence[Entrant], spec: DeploymentSpec, state: RolloutState, now: datetime
) -> TrialDecision:
    """Return whether a trial goes on, is shared out anew or ends; the champion comes first.

    A challenger that fails more often or is slower than allowed ends it at once.
    """
    champion, others = entrants[0], entrants[1:]
    health = tuple(
        _named(verdict, other)
        for other in others
        for verdict in judge_health(champion.stats, other.stats, spec.objectives)
    )
    ill = [verdict for verdict in health if not verdict.ok]
    if ill:
        told = "; ".join(f"{one.name}: {one.note}" for one in ill)
        return TrialDecision(outcome="stop", reason=told, verdicts=health)
    least = min(len(one.outcomes) for one in entrants)
    enough = Verdict(
        name="labels",
        ok=least >= spec.rollout.min_requests,
        value=least,
        limit=spec.rollout.min_requests,
        note="labelled rows of the version that has the fewest",
    )
    decide = _decide_ab if state.kind == "ab" else _decide_bandit
    found = decide(entrants, spec, state, enough=enough.ok)
    trial = spec.rollout.trial or Trial()
    verdicts = (enough, *health, *found.verdicts)
    is_over = state.started_at + parse_duration(trial.max_duration) <= now
    if is_over and found.outcome != "stop":
        reason = f"undecided after {trial.max_duration}: {found.reason}"
        return TrialDecision(outcome="stop", reason=reason, verdicts=verdicts)
    return msgspec.structs.replace(found, verdicts=verdicts)


def _decide_ab(
    entrants: Sequence[Entrant], spec: DeploymentSpec, _: RolloutState, *, enough: bool
) -> TrialDecision:
    trial, metric = spec.rollout.trial or Trial(), spec.rollout.metric
    champion, others = entrants[0], entrants[1:]
    alpha = shared_alpha(trial.alpha, len(others))
    found = [
        compare_arms(
            arm_of(champion.outcomes),
            arm_of(other.outcomes),
            alpha=alpha,
            min_effect=trial.min_effect,
            higher_is_better=is_higher_better(metric),
        )
        for other in others
    ]
    verdicts = tuple(
        Verdict(
            name=f"{metric}:{other.stats.model.version}",
            ok=one.conclusion == "better",
            value=one.estimate,
            limit=trial.min_effect,
            note=_told(one, champion, other, 1 - alpha),
        )
        for one, other in zip(found, others, strict=True)
    )
    reason = "; ".join(f"{metric}: {one.note}" for one in verdicts)
    if not enough:
        return TrialDecision(outcome="wait", reason=f"too few labels; {reason}", verdicts=verdicts)
    best = best_of(found)
    if best is not None:
        winner = others[best].stats.model
        return TrialDecision(outcome="stop", winner=winner, reason=reason, verdicts=verdicts)
    is_hopeless = all(one.conclusion == "no better" for one in found)
    return TrialDecision(
        outcome="stop" if is_hopeless else "wait", reason=reason, verdicts=verdicts
    )


def _told(found: Difference, champion: Entrant, other: Entrant, level: float) -> str:
    side = "better" if found.estimate >= 0 else "worse"
    return (
        f"{other.stats.model} is {abs(found.estimate):.4g} {side} than {champion.stats.model} "
        f"({found.low:.4g} to {found.high:.4g}, {level:.4g} at any time; p {found.p_value:.2g}) "
        f"on {len(champion.outcomes)} and {len(other.outcomes)} rows"
    )


def _decide_bandit(
    entrants: Sequence[Entrant], spec: DeploymentSpec, state: RolloutState, *, enough: bool
) -> TrialDecision:
    trial = spec.rollout.trial or Trial()
    higher = is_higher_better(spec.rollout.metric)
    tallies = [
        tally_of(one.outcomes, low=trial.low, high=trial.high, higher_is_better=higher)
        for one in entrants
    ]
    # The same figures give the same shares: a job that is tried again decides nothing else.
    rng = np.random.default_rng([state.step, *(tally.rows for tally in tallies)])
    odds = odds_of(tallies, rng, floor=trial.floor)
    models = [one.stats.model for one in entrants]
    verdicts = tuple(
        Verdict(
            name=f"best:{model.version}",
            ok=chance >= trial.certainty,
            value=chance,
            limit=trial.certainty,
            note=f"{model} is the best with probability {chance:.3g}, of {tally.rows} rows",
        )
        for model, chance, tally in zip(models, odds.best, tallies, strict=True)
    )
    reason = "; ".join(verdict.note for verdict in verdicts)
    place = int(np.argmax(odds.best))
    if enough and odds.best[place] >= trial.certainty:
        winner = models[place] if place else None
        return TrialDecision(outcome="stop", winner=winner, reason=reason, verdicts=verdicts)
    pairs = zip(entrants, odds.shares, strict=True)
    has_moved = any(abs(one.weight - share) >= _MOVED for one, share in pairs)
    weights = {str(model): share for model, share in zip(models, odds.shares, strict=True)}
    return TrialDecision(
        outcome="reweigh" if has_moved else "wait",
        reason=reason,
        verdicts=verdicts,
        weights=weights,
    )


def _named(verdict: Verdict, entrant: Entrant) -> Verdict:
    version = entrant.stats.model.version
    return msgspec.structs.replace(verdict, name=f"{verdict.name}:{version}")
