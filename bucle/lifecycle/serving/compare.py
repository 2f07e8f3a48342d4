"""Report how a version in the shadow differs from what callers got, row by row."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.session import Session
from bucle.lifecycle.registry import Array
from bucle.lifecycle.serving.declared import RolloutGates
from bucle.lifecycle.serving.differing import drift_of
from bucle.lifecycle.serving.judge import judge_health
from bucle.lifecycle.serving.predictions import read_predictions
from bucle.lifecycle.serving.read import get_deployment
from bucle.lifecycle.serving.records import (
    CHAMPION,
    SHADOW,
    DeploymentSpec,
    VariantStats,
)
from bucle.lifecycle.serving.segments import OUTPUT, SHADOW_OF
from bucle.lifecycle.serving.shadowing import shadow_of

_ANSWERS = (OUTPUT + "prediction", OUTPUT + "probability")
_LATE = timedelta(minutes=10)  # a shadow answers after its caller was answered
_SAME = 1e-9  # relative: less than this is rounding
_MOST_FLIPS = 20


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """How often one class became another."""

    answered: str
    shadow: str
    rows: int


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One row on which they differ."""

    id: str  # of the prediction that the caller got
    answered: float | str | bool
    shadow: float | str | bool
    difference: float | None = None  # None: of classes there is none


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows that both answered show."""

    agreement: float  # share of equal answers
    mean_difference: float | None = None  # of numbers, absolute; None: classes without any
    p95_difference: float | None = None  # None: as above
    drift: float | None = None  # of the shadow's predictions from those that callers got
    flips: tuple[Flip, ...] = ()  # the most frequent ones; (): none, or no classes
    worst: tuple[Example, ...] = ()  # the greatest differences first
    answered_p50_ms: float
    answered_p95_ms: float
    shadow_p50_ms: float
    shadow_p95_ms: float
    shadow_p99_ms: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A version in the shadow beside those that answered."""

    deployment: Ref
    shadow: Ref
    since: datetime
    until: datetime
    copied: int  # rows that the shadow was given
    failed: int  # of those, rows on which it failed
    compared: int  # of those, rows whose answer to the caller is in the log too
    answered_errors: int  # of those, rows on which the version that answers had failed
    differences: Differences | None = None  # None: nothing was compared


def compare(
    session: Session,
    name: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 10,
) -> Comparison:
    """Compare what the shadow said with what the callers got of the same requests.

    Args:
        session: where the log is.
        name: the deployment.
        since: the first moment that counts; None: when the shadow began.
        until: the first that does not count any more; None: now.
        limit: how many of the worst examples.

    Raises:
        Conflict: no version is in the shadow.
    """
    with session.begin(write=False) as scope:
        served = get_deployment(scope, Ref("deployment", name))
        now = scope.now
    state = shadow_of(served)
    first = since or state.started_at
    last = until or now + timedelta(milliseconds=1)
    columns = ["id", "model_ref", "latency_us", "error", *_ANSWERS]
    said = read_predictions(
        session, name, first, last + _LATE, columns=[*columns, SHADOW_OF], shadows=True
    )
    said = said.filter(pc.equal(said["model_ref"], str(state.model)))
    got = read_predictions(session, name, first - _LATE, last, columns=columns)
    failed = len(said) - len(said.filter(pc.equal(said["error"], "")))
    well = said.filter(pc.equal(said["error"], ""))
    pairs, answered = _paired(well, got) if len(well) else (well, 0)
    gates = served.spec.rollout.gates
    return Comparison(
        deployment=served.ref,
        shadow=state.model,
        since=first,
        until=last,
        copied=len(said),
        failed=failed,
        compared=len(pairs),
        answered_errors=answered,
        differences=_differences(pairs, limit, gates.measure if gates else "psi"),
    )


def judge_shadow(found: Comparison, spec: DeploymentSpec) -> tuple[Verdict, ...]:
    """Return whether a version may leave the shadow: enough rows, errors, latency and drift.  Pure.

    How often it agrees is told and not judged: a better version has to differ.
    """
    rollout, gates = spec.rollout, spec.rollout.gates or RolloutGates()
    seen = found.differences
    champion = VariantStats(
        role=CHAMPION,
        model=found.shadow,
        requests=found.compared + found.answered_errors,
        errors=found.answered_errors,
        p95_ms=seen.answered_p95_ms if seen else None,
        labelled=0,
        metric=None,
    )
    shadow = VariantStats(
        role=SHADOW,
        model=found.shadow,
        requests=found.copied,
        errors=found.failed,
        p95_ms=seen.shadow_p95_ms if seen else None,
        p99_ms=seen.shadow_p99_ms if seen else None,
        labelled=0,
        metric=None,
    )
    enough = Verdict(
        name="requests",
        ok=found.copied >= rollout.min_requests,
        value=found.copied,
        limit=rollout.min_requests,
        note="rows that the shadow was given",
    )
    verdicts = [enough, *judge_health(champion, shadow, spec.objectives)]
    if gates.max_drift is not None:
        drift = seen.drift if seen else None
        verdicts.append(
            Verdict(
                name="drift",
                ok=drift is None or drift <= gates.max_drift,
                value=drift,
                limit=gates.max_drift,
                note=f"{gates.measure} of its predictions from those that callers got",
            )
        )
    return tuple(verdicts)


def _paired(said: pa.Table, got: pa.Table) -> tuple[pa.Table, int]:
    """Put each of the shadow's rows beside its caller's; and count the callers' failures."""
    place = pc.index_in(said[SHADOW_OF], value_set=got["id"].combine_chunks())
    beside = got.take(place.combine_chunks() if isinstance(place, pa.ChunkedArray) else place)
    both = said
    for column in ("id", "latency_us", "error", *_ANSWERS):
        both = both.append_column(f"got_{column}", beside[column])
    known = both.filter(pc.is_valid(both["got_id"]))
    well = pc.equal(known["got_error"], "")
    return known.filter(well), len(known) - int(pc.sum(well).as_py() or 0)


def _differences(pairs: pa.Table, limit: int, measure: Literal["psi", "ks"]) -> Differences | None:
    if not len(pairs):
        return None
    was, now = _column(pairs, "got_" + _ANSWERS[0]), _column(pairs, _ANSWERS[0])
    is_class = was.dtype.kind != "f" or _has_probability(pairs)
    gap = _gap(pairs, was, now)
    same = _equal(was, now)
    order = _worst_first(gap, same)[:limit]
    ids = pairs["got_id"].to_pylist()
    worst = tuple(
        Example(
            id=ids[row],
            answered=was[row].item() if hasattr(was[row], "item") else was[row],
            shadow=now[row].item() if hasattr(now[row], "item") else now[row],
            difference=None if gap is None else float(gap[row]),
        )
        for row in order
    )
    answered_ms = pairs["got_latency_us"].to_numpy() / 1000
    shadow_ms = pairs["latency_us"].to_numpy() / 1000
    return Differences(
        agreement=float(np.mean(same)),
        mean_difference=None if gap is None else float(np.mean(gap)),
        p95_difference=None if gap is None else float(np.quantile(gap, 0.95)),
        drift=drift_of(was, now, measure),
        flips=_flips(was[~same], now[~same]) if is_class else (),
        worst=worst,
        answered_p50_ms=float(np.quantile(answered_ms, 0.5)),
        answered_p95_ms=float(np.quantile(answered_ms, 0.95)),
        shadow_p50_ms=float(np.quantile(shadow_ms, 0.5)),
        shadow_p95_ms=float(np.quantile(shadow_ms, 0.95)),
        shadow_p99_ms=float(np.quantile(shadow_ms, 0.99)),
    )


def _has_probability(pairs: pa.Table) -> bool:
    return not pa.types.is_null(pairs[_ANSWERS[1]].type)


def _column(pairs: pa.Table, name: str) -> Array:
    return np.asarray(pairs[name].to_numpy())


def _gap(pairs: pa.Table, was: Array, now: Array) -> Array | None:
    """Return how far apart the answers are: probabilities where there are some, else numbers."""
    first, second = pairs["got_" + _ANSWERS[1]], pairs[_ANSWERS[1]]
    if not pa.types.is_null(first.type) and not pa.types.is_null(second.type):
        if pa.types.is_nested(first.type):
            gaps = np.asarray(first.to_pylist()) - np.asarray(second.to_pylist())
            return np.asarray(np.abs(gaps).max(axis=1))
        return np.asarray(np.abs(first.to_numpy() - second.to_numpy()))
    if was.dtype.kind in "fiu" and now.dtype.kind in "fiu":
        return np.abs(was.astype(np.float64) - now.astype(np.float64))
    return None


def _equal(was: Array, now: Array) -> Array:
    if was.dtype.kind == "f" and now.dtype.kind == "f":
        return np.isclose(was, now, rtol=_SAME, atol=0.0, equal_nan=True)
    return np.array([a == b for a, b in zip(was.tolist(), now.tolist(), strict=True)], dtype=bool)


def _worst_first(gap: Array | None, same: Array) -> list[int]:
    """Return the rows that differ, the greatest difference first, else in their order."""
    differing = np.flatnonzero(~same)
    if gap is None:
        return [int(row) for row in differing]
    return [int(row) for row in differing[np.argsort(-gap[differing], kind="stable")]]


def _flips(was: Array, now: Array) -> tuple[Flip, ...]:
    counted: dict[tuple[str, str], int] = {}
    for pair in zip(was.tolist(), now.tolist(), strict=True):
        told = (str(pair[0]), str(pair[1]))
        counted[told] = counted.get(told, 0) + 1
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:_MOST_FLIPS]
    return tuple(Flip(answered=a, shadow=b, rows=rows) for (a, b), rows in ranked)
