"""Judge what a window shows, signal by signal.  Pure: figures in, verdicts out.

Too little evidence is a favourable verdict that says so; only volume counts silence as news.
"""

from collections.abc import Mapping, Sequence
from statistics import median

from bucle.base.verdict import Verdict
from bucle.lifecycle.data import ColumnProfile, Profile
from bucle.lifecycle.data.distance import js, psi
from bucle.lifecycle.monitoring.records import (
    DriftRule,
    MissingRule,
    PerformanceRule,
    VolumeRule,
)
from bucle.lifecycle.monitoring.window import OUTPUTS
from bucle.lifecycle.registry import METRICS

_FEWEST_STRETCHES = 3
_FEWEST_BINS = 2
_DISTANCES = {"psi": psi, "js": js}


def judge_volume(rule: VolumeRule, count: int, history: Sequence[int], hours: float) -> Verdict:
    """Judge how many requests came in a stretch, against the declared or the usual number.

    Args:
        rule: what is allowed.
        count: the requests of the stretch.
        history: those of earlier stretches of the same length.
        hours: the stretch's length.
    """
    if rule.expected_per_hour is not None:
        expected = rule.expected_per_hour * hours
    elif len(history) >= _FEWEST_STRETCHES:
        expected = float(median(history))
    else:
        return Verdict(
            name="volume",
            ok=True,
            value=count,
            note=f"{count} requests; there is too little history to know the usual",
        )
    if not expected:
        note = f"{count} requests; none are usual, which says nothing of how many should come"
        return Verdict(name="volume", ok=True, value=count, note=note)
    low = rule.min_share * expected
    high = None if rule.max_share is None else rule.max_share * expected
    too_many = high is not None and count > high
    note = f"{count} requests in {hours:g} h, where {expected:g} are usual"
    limit = high if too_many else low
    return Verdict(
        name="volume", ok=count >= low and not too_many, value=count, limit=limit, note=note
    )


def judge_missing(rule: MissingRule, reference: Profile, window: Profile) -> tuple[Verdict, ...]:
    """Judge each feature's share of missing values, against the reference's own share."""
    found = []
    for old in reference.columns:
        new = window.column(old.name)
        if new is None or old.name in OUTPUTS or not window.rows:
            continue
        usual, now = _null_share(old), _null_share(new)
        found.append(
            Verdict(
                name=f"missing:{old.name}",
                ok=now <= usual + rule.max_share,
                value=now,
                limit=usual + rule.max_share,
                note=f"{old.name} is missing in {now:.1%} of the rows; {usual:.1%} is usual",
            )
        )
    return tuple(found)


def judge_types(strange: Mapping[str, int]) -> Verdict:
    """Judge that every value is of its column's kind; `strange` counts those that are not."""
    said = ", ".join(f"{count} values of {name}" for name, count in strange.items())
    note = f"{said} are of another type than the model was trained on" if said else ""
    return Verdict(name="types", ok=not strange, value=sum(strange.values()), limit=0, note=note)


def judge_labels(foreign: int, labelled: int) -> Verdict:
    """Judge that every label can be one: a number, or a class of the model."""
    note = f"{foreign} of {labelled} labels are no number or class that the model knows"
    return Verdict(
        name="labels", ok=not foreign, value=foreign, limit=0, note=note if foreign else ""
    )


def judge_finite(infinite: int, labelled: int) -> Verdict:
    """Judge that every labelled answer is a number; of an infinite one no error can be told."""
    note = f"{infinite} of {labelled} labelled predictions are infinite or no number"
    return Verdict(
        name="performance:finite",
        ok=not infinite,
        value=infinite,
        limit=0,
        note=note if infinite else "",
    )


def judge_drift(
    rule: DriftRule, reference: Profile, window: Profile
) -> tuple[tuple[Verdict, ...], dict[str, float]]:
    """Judge how far each column moved; return the verdicts, and the distances by column."""
    if window.rows < rule.min_rows:
        note = f"{window.rows} rows say nothing of drift; {rule.min_rows} are needed"
        return (Verdict(name="drift", ok=True, note=note),), {}
    found: list[Verdict] = []
    moved: dict[str, float] = {}
    for old in reference.columns:
        new = window.column(old.name)
        if new is None or not old.count:
            continue
        if rule.columns and old.name not in rule.columns and old.name not in OUTPUTS:
            continue
        bins = _bins(old), _bins(new)
        if len(bins[0]) < _FEWEST_BINS:
            continue
        if new.count < rule.min_rows:
            note = f"{new.count} values of {old.name} say nothing; {rule.min_rows} are needed"
            found.append(Verdict(name=_signal(old.name), ok=True, note=note))
            continue
        moved[old.name] = _DISTANCES[rule.method](*bins)
        found.append(_moved(rule, old.name, moved[old.name]))
    return tuple(found), moved


def judge_performance(
    rule: PerformanceRule, metrics: Mapping[str, float], labelled: int, registered: float | None
) -> Verdict:
    """Judge the labelled predictions of a window.

    Args:
        rule: what is allowed.
        metrics: what the labelled predictions scored.
        labelled: how many they are.
        registered: the champion's own metric when it was registered; None: it has none.
    """
    name = f"performance:{rule.metric}"
    value = metrics.get(rule.metric)
    if labelled < rule.min_labels or value is None:
        note = f"{labelled} labels do not give {rule.metric}; {rule.min_labels} are needed"
        return Verdict(name=name, ok=True, note=note)
    limits = []
    more_is_better = METRICS[rule.metric]
    if rule.limit is not None:
        limits.append(rule.limit)
    # Of a metric that was 0 or less, "so many times as bad" means nothing.
    if rule.max_ratio is not None and registered is not None and registered > 0:
        limits.append(
            registered / rule.max_ratio if more_is_better else registered * rule.max_ratio
        )
    note = f"{rule.metric} is {value:.4g} on {labelled} labels"
    if registered is not None:
        note += f"; it was {registered:.4g} when the model was registered"
    if not limits:
        return Verdict(name=name, ok=True, value=value, note=note)
    limit = max(limits) if more_is_better else min(limits)
    ok = value >= limit if more_is_better else value <= limit
    return Verdict(name=name, ok=ok, value=value, limit=limit, note=note)


def _moved(rule: DriftRule, name: str, distance: float) -> Verdict:
    return Verdict(
        name=_signal(name),
        ok=distance <= rule.limit,
        value=distance,
        limit=rule.limit,
        note=f"{name} moved by {distance:.3g} ({rule.method}) from what the model was trained on",
    )


def _signal(name: str) -> str:
    return f"{'prediction_drift' if name in OUTPUTS else 'drift'}:{name}"


def _null_share(column: ColumnProfile) -> float:
    rows = column.count + column.nulls
    return column.nulls / rows if rows else 0.0


def _bins(column: ColumnProfile) -> list[int]:
    """Return the counts in the bins that both windows share; missing values are no bin."""
    if column.edges:
        return list(column.counts)
    return [*(count for _, count in column.top), column.other]
