"""Refuse what a deployment could never carry out, before it is kept."""

from itertools import pairwise
from math import isfinite

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.lifecycle import registry
from bucle.lifecycle.serving.declared import BatchPolicy, Fallback, RolloutGates, Trial
from bucle.lifecycle.serving.outcomes import OUTCOMES
from bucle.lifecycle.serving.records import Objectives, Rollout
from bucle.lifecycle.serving.rule import parse_rule

_BATCH_ROWS = 100_000
_BATCH_WAIT_MS = 1000.0


def check_rollout(rollout: Rollout) -> None:
    """Refuse a rollout that makes no sense.

    Raises:
        Invalid: with the value and what is allowed.
    """
    steps = rollout.steps
    rising = all(low < high for low, high in pairwise(steps))
    if not rising or any(not 0 < step < 1 for step in steps):
        raise Invalid(
            f"the rollout's steps {list(steps)} are not rising shares between 0 and 1",
            hint="write for example steps: [0.1, 0.5]; the last step to 1 is implied",
        )
    parse_duration(rollout.each)
    if rollout.min_requests < 1:
        raise Invalid(f"rollout.min_requests is {rollout.min_requests}", hint="write 1 or more")
    if rollout.max_error_ratio <= 0:
        raise Invalid(
            f"rollout.max_error_ratio is {rollout.max_error_ratio:g}",
            hint="write 1.0 for 'no worse', 1.1 for 'at most a tenth worse'",
        )
    known = sorted({*registry.METRICS, *OUTCOMES})
    if rollout.metric and rollout.metric not in known:
        raise Invalid(
            f"rollout.metric is {rollout.metric!r}, which is not known",
            hint=f"known: {', '.join(known)}",
        )
    if rollout.gates:
        _check_gates(rollout.gates)
    _check_share(rollout)
    if rollout.way in {"ab", "bandit"}:
        check_trial(rollout, rollout.way)


def check_trial(rollout: Rollout, kind: str) -> None:
    """Refuse an A/B test or a bandit that could never conclude.

    Raises:
        Invalid: with the value and what is allowed.
    """
    trial = rollout.trial or Trial()
    if kind not in {"ab", "bandit"}:
        raise Invalid(f"{kind!r} is no kind of trial", hint="write ab or bandit")
    if rollout.metric not in OUTCOMES:
        raise Invalid(
            f"a rollout of kind {kind} compares rows one by one and can not by "
            f"{rollout.metric or 'no metric'!r}",
            hint=f"write metric: one of {', '.join(sorted(OUTCOMES))}",
        )
    parse_duration(trial.max_duration)
    if kind == "ab":
        if not 0 < trial.alpha <= 0.5:  # noqa: PLR2004 - half
            raise Invalid(f"trial.alpha is {trial.alpha:g}", hint="write for example 0.05")
        if not (trial.min_effect > 0 and isfinite(trial.min_effect)):
            raise Invalid(
                f"trial.min_effect is {trial.min_effect:g}",
                hint=f"write the least difference of {rollout.metric} that matters: "
                "trial: {min_effect: 0.01}",
            )
        return
    if not 0 < trial.floor < 0.5:  # noqa: PLR2004 - of at least two versions
        raise Invalid(f"trial.floor is {trial.floor:g}", hint="write a share such as 0.05")
    if not 0.5 < trial.certainty < 1:  # noqa: PLR2004 - a probability that says something
        raise Invalid(f"trial.certainty is {trial.certainty:g}", hint="write for example 0.95")
    if not trial.low < trial.high:
        raise Invalid(
            f"trial.low is {trial.low:g} and trial.high {trial.high:g}",
            hint="write the least and the greatest outcome of one row: low: 0, high: 1",
        )


def check_objectives(objectives: Objectives) -> None:
    """Refuse objectives that nobody could keep.

    Raises:
        Invalid: one of them is not above 0.
    """
    for name in objectives.__struct_fields__:
        value = getattr(objectives, name)
        if isinstance(value, float | int) and not (value > 0 and isfinite(value)):
            unit = "requests a second" if name == "at_rps" else "milliseconds"
            raise Invalid(f"objectives.{name} is {value:g}", hint=f"write {unit} above 0")


def check_batching(batching: BatchPolicy) -> None:
    """Refuse batches that could never be made.

    Raises:
        Invalid: with the value and what is allowed.
    """
    if not 1 <= batching.max_rows <= _BATCH_ROWS:
        raise Invalid(f"batching.max_rows is {batching.max_rows}", hint=f"write 1 to {_BATCH_ROWS}")
    if not 0 <= batching.max_wait_ms <= _BATCH_WAIT_MS:
        raise Invalid(
            f"batching.max_wait_ms is {batching.max_wait_ms:g}",
            hint=f"write 0 (nothing is waited for) to {_BATCH_WAIT_MS:g}",
        )


def check_fallback(fallback: Fallback) -> None:
    """Refuse a fallback that says nothing, or two things.

    Raises:
        Invalid: neither or both of rule and constant, or a rule that can not be read.
    """
    if bool(fallback.rule) == (fallback.constant is not None):
        both = "both a rule and a constant" if fallback.rule else "neither a rule nor a constant"
        raise Invalid(
            f"the fallback has {both}", hint='write {rule: "amount > 900"} or {constant: 0.0}'
        )
    if fallback.rule:
        parse_rule(fallback.rule)


def _check_gates(gates: RolloutGates) -> None:
    if gates.max_drift is not None and not gates.max_drift > 0:
        raise Invalid(f"gates.max_drift is {gates.max_drift:g}", hint="write for example 0.2")
    if gates.max_cost_rise is not None and not isfinite(gates.max_cost_rise):
        raise Invalid(f"gates.max_cost_rise is {gates.max_cost_rise}", hint="write for example 0.0")
    if gates.watch:
        parse_duration(gates.watch)


def _check_share(rollout: Rollout) -> None:
    share = rollout.share
    if share is msgspec.UNSET:
        return
    if rollout.way == "canary":
        raise Invalid(
            f"rollout.share is {share:g}, and a canary goes by its steps",
            hint=f"write steps: [{share:g}]",
        )
    whole = rollout.way == "shadow"
    if not 0 < share < 1 and not (whole and share == 1):
        raise Invalid(
            f"rollout.share is {share:g}",
            hint="write a share above 0 and " + ("up to 1" if whole else "below 1"),
        )
