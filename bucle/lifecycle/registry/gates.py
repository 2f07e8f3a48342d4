"""Decide on a version from what was measured: plain values in, verdicts out."""

from collections.abc import Mapping

import msgspec

from bucle.base.codec import to_builtins
from bucle.base.digest import digest_value
from bucle.base.errors import Invalid
from bucle.base.verdict import Verdict, all_ok
from bucle.lifecycle.registry.latency import Latency
from bucle.lifecycle.registry.records import (
    BetterThan,
    GateSpec,
    LoadLatency,
    Stability,
    Threshold,
    UnderLoad,
)
from bucle.lifecycle.registry.score import METRICS
from bucle.lifecycle.registry.under_load import check_load

ALL_ROWS = ""
STABILITY, DATA, UNDER_LOAD = "stability", "data", "under_load"  # reasons in `Measured.notes`

_LATER = frozenset({"stability", "data_tests", "under_load"})  # what gates did not have at first
_LEAST_SEEDS = 2


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a challenger and a champion on the challenger's evaluation rows.

    Metrics are by slice; the slice `""` is all rows.  A metric that could not be had is not
    there, and `notes` says why, by slice or as `champion`, `latency`, `under_load`, `stability`
    or `data`.
    """

    rows: Mapping[str, int] = {}
    challenger: Mapping[str, Mapping[str, float]] = {}
    champion: Mapping[str, float] | None = None  # None: there is no other champion
    latency: Latency | None = None  # None: not measured
    under_load: LoadLatency | None = None  # None: not measured
    by_seed: Mapping[str, float] = {}  # the metric of `stability`, by the seed in words
    datasets: Mapping[str, tuple[Verdict, ...]] = {}  # what is expected of each, and whether it is
    notes: Mapping[str, str] = {}


def judge_metrics(gates: GateSpec, measured: Measured) -> tuple[Verdict, ...]:
    """Return one verdict per gate; what could not be measured has failed."""
    verdicts = [_of_threshold(threshold, measured) for threshold in gates.thresholds]
    if gates.better_than_champion:
        verdicts.append(_of_champion(gates.better_than_champion, measured))
    if gates.latency_ms is not None:
        verdicts.append(_of_latency(gates.latency_ms, measured))
    if gates.under_load:
        verdicts.extend(_of_load(gates.under_load, measured))
    if gates.stability:
        verdicts.append(_of_stability(gates.stability, measured))
    if gates.data_tests:
        verdicts.extend(_of_data(measured))
    return tuple(verdicts)


def digest_of(gates: GateSpec) -> str:
    """Return what identifies gates; it is the same as before there were those of `_LATER`."""
    said = to_builtins(gates)
    return digest_value({key: part for key, part in said.items() if part or key not in _LATER})


def check_gates(gates: GateSpec) -> None:
    """Refuse gates that no version could ever pass, or fail.

    Raises:
        Invalid: an unknown metric, a threshold without a limit, or limits that cross.
    """
    named = [threshold.metric for threshold in gates.thresholds]
    if gates.better_than_champion:
        named.append(gates.better_than_champion.metric)
    if gates.stability:
        named.append(gates.stability.metric)
        _check_stability(gates.stability)
    if unknown := [name for name in named if name not in METRICS]:
        raise Invalid(f"{unknown[0]!r} is no metric of a gate", hint=", ".join(METRICS))
    for threshold in gates.thresholds:
        low, high = threshold.min, threshold.max
        if low is None and high is None:
            raise Invalid(f"the gate on {threshold.metric!r} has no limit", hint="give min or max")
        if low is not None and high is not None and low > high:
            raise Invalid(f"the gate on {threshold.metric!r} has min {low:g} above max {high:g}")
    if gates.latency_ms is not None and gates.latency_ms <= 0:
        raise Invalid(f"latency_ms is {gates.latency_ms:g}", hint="give milliseconds above 0")
    if gates.under_load:
        _check_under_load(gates.under_load)


def _check_under_load(asked: UnderLoad) -> None:
    limits = [limit for limit in (asked.p95_ms, asked.p99_ms) if limit is not None]
    if not limits:
        raise Invalid("the gate under_load has no limit", hint="give p95_ms or p99_ms")
    if min(limits) <= 0:
        raise Invalid(f"under_load has {min(limits):g} ms", hint="give milliseconds above 0")
    check_load(asked.load)


def _check_stability(asked: Stability) -> None:
    if asked.seeds < _LEAST_SEEDS:
        raise Invalid(f"{asked.seeds} seeds show no spread", hint="give at least 2")
    if asked.max_spread < 0:
        raise Invalid(
            f"max_spread is {asked.max_spread:g}, and no spread is below 0", hint="give 0 or more"
        )


def _of_threshold(threshold: Threshold, measured: Measured) -> Verdict:
    where = f" where {threshold.slice}" if threshold.slice else ""
    name = f"{threshold.metric}{where}"
    limit = threshold.max if threshold.max is not None else threshold.min
    value = measured.challenger.get(threshold.slice, {}).get(threshold.metric)
    if value is None:
        return Verdict(name=name, ok=False, limit=limit, note=_why_not(threshold, measured))
    below = threshold.min is not None and value < threshold.min
    above = threshold.max is not None and value > threshold.max
    if below:
        limit = threshold.min
    words = [f"at least {threshold.min:g}"] if threshold.min is not None else []
    words += [f"at most {threshold.max:g}"] if threshold.max is not None else []
    rows = measured.rows.get(threshold.slice, 0)
    note = f"{value:.6g} on {rows} rows; {' and '.join(words)} is asked"
    return Verdict(name=name, ok=not (below or above), value=value, limit=limit, note=note)


def _why_not(threshold: Threshold, measured: Measured) -> str:
    if reason := measured.notes.get(threshold.slice) or measured.notes.get(ALL_ROWS):
        return f"not measured: {reason}"
    rows = measured.rows.get(threshold.slice, 0)
    return f"not measured: {rows} rows of the evaluation do not give {threshold.metric}"


def _of_champion(asked: BetterThan, measured: Measured) -> Verdict:
    name = f"{asked.metric} better than champion"
    value = measured.challenger.get(ALL_ROWS, {}).get(asked.metric)
    if value is None:
        threshold = Threshold(metric=asked.metric)
        return Verdict(name=name, ok=False, note=_why_not(threshold, measured))
    if reason := measured.notes.get("champion"):
        return Verdict(name=name, ok=False, value=value, note=f"not measured: {reason}")
    if measured.champion is None:
        return Verdict(name=name, ok=True, value=value, note="there is no champion to beat yet")
    best = measured.champion.get(asked.metric)
    if best is None:
        note = f"not measured: the champion has no {asked.metric} on these rows"
        return Verdict(name=name, ok=False, value=value, note=note)
    more_is_better = METRICS[asked.metric]
    gain = value - best if more_is_better else best - value
    limit = best + asked.margin if more_is_better else best - asked.margin
    note = f"{value:.6g} against the champion's {best:.6g} on the same rows"
    if asked.margin:
        note += f"; a gain above {asked.margin:g} is asked"
    return Verdict(name=name, ok=gain > asked.margin, value=value, limit=limit, note=note)


def _of_latency(limit_ms: float, measured: Measured) -> Verdict:
    latency = measured.latency
    if latency is None:
        reason = measured.notes.get("latency", "there is no input example")
        return Verdict(
            name="latency_p95_ms", ok=False, limit=limit_ms, note=f"not measured: {reason}"
        )
    return Verdict(
        name="latency_p95_ms",
        ok=latency.p95_ms <= limit_ms,
        value=latency.p95_ms,
        limit=limit_ms,
        note=latency.note,
    )


def _of_load(asked: UnderLoad, measured: Measured) -> list[Verdict]:
    """Return a verdict for each percentile that has a limit."""
    how = f"at {asked.at_rps:g}/s" if asked.at_rps else f"by {max(asked.callers, 1)} callers"
    found = measured.under_load
    verdicts = []
    for percentile, limit in (("p95_ms", asked.p95_ms), ("p99_ms", asked.p99_ms)):
        if limit is None:
            continue
        name = f"latency_{percentile} {how}"
        if found is None:
            reason = measured.notes.get(UNDER_LOAD, "nobody asked it")
            note = f"not measured: {reason}"
            verdicts.append(Verdict(name=name, ok=False, limit=limit, note=note))
            continue
        value = found.p95_ms if percentile == "p95_ms" else found.p99_ms
        ok = value <= limit
        verdicts.append(Verdict(name=name, ok=ok, value=value, limit=limit, note=found.note))
    return verdicts


def _of_stability(asked: Stability, measured: Measured) -> Verdict:
    name = f"{asked.metric} stable across seeds"
    if reason := measured.notes.get(STABILITY):
        return Verdict(name=name, ok=False, limit=asked.max_spread, note=f"not measured: {reason}")
    values = dict(measured.by_seed)
    if len(values) < asked.seeds:
        note = f"not measured: {len(values)} of {asked.seeds} trainings gave {asked.metric}"
        return Verdict(name=name, ok=False, limit=asked.max_spread, note=note)
    spread = max(values.values()) - min(values.values())
    told = ", ".join(f"{value:.6g} with {seed}" for seed, value in values.items())
    return Verdict(
        name=name,
        ok=spread <= asked.max_spread,
        value=spread,
        limit=asked.max_spread,
        note=f"{told}: {spread:.6g} apart; at most {asked.max_spread:g} is asked",
    )


def _of_data(measured: Measured) -> list[Verdict]:
    """Return one verdict per dataset version that the model came from."""
    if reason := measured.notes.get(DATA):
        return [Verdict(name="data tests", ok=False, note=f"not measured: {reason}")]
    return [_of_dataset(name, verdicts) for name, verdicts in measured.datasets.items()]


def _of_dataset(name: str, verdicts: tuple[Verdict, ...]) -> Verdict:
    failed = [verdict for verdict in verdicts if not verdict.ok]
    told = "; ".join(f"{verdict.name}: {verdict.note}" for verdict in failed)
    held = f"{len(verdicts) - len(failed)} of {len(verdicts)} expectations hold"
    note = f"{held}{'; ' if told else ''}{told}" if verdicts else "nothing is expected of it"
    return Verdict(
        name=f"data tests of {name}",
        ok=bool(verdicts) and all_ok(verdicts),
        value=float(len(failed)),
        limit=0.0,
        note=note,
    )
