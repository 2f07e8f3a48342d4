"""Judge a canary by what it did beside the champion.  Pure: figures in, verdicts out."""

from bucle.base.verdict import Verdict
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
    then `errors`, `latency` and the metric by its name (was it good?).
    """
    verdicts = [
        Verdict(
            name="requests",
            ok=canary.requests >= rollout.min_requests,
            value=canary.requests,
            limit=rollout.min_requests,
            note="requests that the canary answered",
        ),
        _errors(champion, canary),
        _latency(champion, canary, objectives),
    ]
    if rollout.metric:
        verdicts.insert(1, _labels(champion, canary, rollout))
        verdicts.append(_metric(champion, canary, rollout, higher_is_better=higher_is_better))
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


def _labels(champion: VariantStats, canary: VariantStats, rollout: Rollout) -> Verdict:
    labelled = min(champion.labelled, canary.labelled)
    return Verdict(
        name="labels",
        ok=labelled >= rollout.min_requests,
        value=labelled,
        limit=rollout.min_requests,
        note=f"labels: champion {champion.labelled}, canary {canary.labelled}",
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
        note=f"champion {champion.metric:.4g} on {champion.labelled} labels, "
        f"canary {canary.metric:.4g} on {canary.labelled}",
    )
