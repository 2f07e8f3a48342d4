"""Judge a canary by what it did beside the champion.  Pure: figures in, verdicts out."""

from bucle.base.verdict import Verdict
from bucle.lifecycle.serving.declared import RolloutGates
from bucle.lifecycle.serving.records import Objectives, Rollout, VariantStats

# Verdicts about how much was seen: while one of them is unfavourable, nothing is concluded.
EVIDENCE = frozenset({"requests", "labels"})

_ERROR_SHARE_MARGIN = 0.01  # a canary may fail on one request in a hundred more than the champion
_LATENCY_RATIO = 2.0  # where no objective is agreed, a canary may take twice as long


def judge_canary(
    champion: VariantStats,
    canary: VariantStats,
    rollout: Rollout,
    objectives: Objectives = Objectives(),  # noqa: B008 - frozen
    *,
    higher_is_better: bool = False,
) -> tuple[Verdict, ...]:
    """Compare a canary with the champion over the same window.

    Verdicts: `requests` and, where the rollout names a metric, `labels` (was enough seen?),
    then `errors`, `latency`, the metric by its name and what the gates ask for: `p99`, `drift`
    of predictions and `business` (was it good?).
    """
    verdicts = [
        Verdict(
            name="requests",
            ok=canary.requests >= rollout.min_requests,
            value=canary.requests,
            limit=rollout.min_requests,
            note=f"requests that the {canary.role} answered",
        ),
        *judge_health(champion, canary, objectives),
    ]
    gates = rollout.gates or RolloutGates()
    if rollout.metric or gates.max_cost_rise is not None:
        verdicts.insert(1, _labels(champion, canary, rollout))
    if rollout.metric:
        verdicts.append(_metric(champion, canary, rollout, higher_is_better=higher_is_better))
    if gates.max_drift is not None:
        verdicts.append(_drift(canary, gates.max_drift, gates.measure))
    if gates.max_cost_rise is not None:
        verdicts.append(_business(champion, canary, gates.max_cost_rise))
    return tuple(verdicts)


def judge_health(
    champion: VariantStats, other: VariantStats, objectives: Objectives
) -> tuple[Verdict, ...]:
    """Return `errors`, `latency` and, where it is agreed, `p99`: what needs no label."""
    verdicts = [_errors(champion, other), _latency(champion, other, objectives)]
    if objectives.p99_ms:
        slow = other.p99_ms is not None and other.p99_ms > objectives.p99_ms
        note = "p99 in ms, limit agreed in objectives"
        verdicts.append(
            Verdict(name="p99", ok=not slow, value=other.p99_ms, limit=objectives.p99_ms, note=note)
        )
    return tuple(verdicts)


def conclude(verdicts: tuple[Verdict, ...]) -> str:
    """Return what follows: `abort` (it is worse), `wait` (too little seen) or `advance`.

    Errors count at once: a canary that fails on everything is not given more time.
    """
    bad = {verdict.name for verdict in verdicts if not verdict.ok}
    if "errors" in bad:
        return "abort"
    if bad & EVIDENCE:
        return "wait"
    return "abort" if bad else "advance"


def _errors(champion: VariantStats, canary: VariantStats) -> Verdict:
    limit = champion.error_share + _ERROR_SHARE_MARGIN
    # One failure among a handful of requests is no evidence against a version.
    tolerated = max(1.0, limit * canary.requests)
    return Verdict(
        name="errors",
        ok=canary.errors <= tolerated,
        value=canary.error_share,
        limit=limit,
        note=f"{canary.errors} of {canary.requests} requests failed",
    )


def _latency(champion: VariantStats, canary: VariantStats, objectives: Objectives) -> Verdict:
    agreed = objectives.p95_ms
    limit = agreed
    if limit is None and champion.p95_ms is not None:
        limit = max(champion.p95_ms * _LATENCY_RATIO, 1.0)  # below a millisecond it is noise
    slow = canary.p95_ms is not None and limit is not None and canary.p95_ms > limit
    return Verdict(
        name="latency",
        ok=not slow,
        value=canary.p95_ms,
        limit=limit,
        note="p95 in ms, limit "
        + ("agreed in objectives" if agreed else f"{_LATENCY_RATIO:g} times the champion's"),
    )


def _drift(canary: VariantStats, limit: float, measure: str) -> Verdict:
    value = canary.drift
    told = "not measured" if value is None else f"{value:.3g}"
    return Verdict(
        name="drift",
        ok=value is None or value <= limit,
        value=value,
        limit=limit,
        note=f"{measure} of its predictions from the champion's: {told}",
    )


def _business(champion: VariantStats, canary: VariantStats, rise: float) -> Verdict:
    if champion.cost is None or canary.cost is None:
        # Waits where labels are lacking (`labels`); with labels, the charter has no costs.
        said = "a case has no cost: no labels yet, or the charter names no costs"
        return Verdict(name="business", ok=min(champion.labelled, canary.labelled) == 0, note=said)
    limit = champion.cost + rise
    return Verdict(
        name="business",
        ok=canary.cost <= limit,
        value=canary.cost,
        limit=limit,
        note=f"cost of a case: {champion.role} {champion.cost:.4g}, "
        f"{canary.role} {canary.cost:.4g}",
    )


def _labels(champion: VariantStats, canary: VariantStats, rollout: Rollout) -> Verdict:
    labelled = min(champion.labelled, canary.labelled)
    return Verdict(
        name="labels",
        ok=labelled >= rollout.min_requests,
        value=labelled,
        limit=rollout.min_requests,
        note=f"labels: {champion.role} {champion.labelled}, {canary.role} {canary.labelled}",
    )


def _metric(
    champion: VariantStats, canary: VariantStats, rollout: Rollout, *, higher_is_better: bool
) -> Verdict:
    if champion.metric is None or canary.metric is None:
        return Verdict(name=rollout.metric, ok=True, note="no labels yet")
    if higher_is_better:
        ratio = rollout.max_error_ratio if champion.metric < 0 else 1 / rollout.max_error_ratio
        limit = champion.metric * ratio
        ok = canary.metric >= limit
    else:
        limit = champion.metric * rollout.max_error_ratio
        ok = canary.metric <= limit
    return Verdict(
        name=rollout.metric,
        ok=ok,
        value=canary.metric,
        limit=limit,
        note=f"{champion.role} {champion.metric:.4g} on {champion.labelled} labels, "
        f"{canary.role} {canary.metric:.4g} on {canary.labelled}",
    )
