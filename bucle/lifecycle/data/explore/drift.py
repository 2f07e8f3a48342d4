"""How far two versions' distributions are apart, and whether that is more than is allowed.

PSI and JS compare counts in the reference's bins, with what chance gives taken off
(`distance.py`).  KS and Wasserstein compare the samples' distribution functions.  A column has
moved when its PSI is above the limit: with enough rows any difference is significant, and the
question is whether it matters; what chance alone would give stands beside it.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict, all_ok
from bucle.lifecycle.data.distance import js, psi
from bucle.lifecycle.data.explore.records import ColumnDrift, Drift
from bucle.lifecycle.data.explore.sample import Array
from bucle.lifecycle.data.records import Column, ColumnProfile

MAX_PSI = 0.2
MAX_MISSING = 0.05
_ALPHA = 0.001  # of the chance beside KS
_Z = 3.2905  # two-sided, of the same chance


def column_drift(
    before: ColumnProfile, after: ColumnProfile, samples: tuple[Array, Array] | None
) -> ColumnDrift:
    """Compare a column; `after` is counted in the bins of `before`.  Pure."""
    first, second = _counts(before), _counts(after)
    there = sum(first) and sum(second)
    found = ColumnDrift(
        column=before.name,
        kind=before.kind,
        psi=_round(psi(first, second)) if there else 0.0,
        js=_round(js(first, second)) if there else 0.0,
        missing_before=_missing(before),
        missing_after=_missing(after),
        rows_before=before.count + before.nulls,
        rows_after=after.count + after.nulls,
        mean_before=before.mean,
        mean_after=after.mean,
        before=first,
        after=second,
    )
    if before.kind != "number":
        new = after.other / after.count if after.count else 0.0
        new -= before.other / before.count if before.count else 0.0
        return msgspec.structs.replace(found, new_values=_round(max(new, 0.0)))
    if samples is None or not len(samples[0]) or not len(samples[1]):
        return found
    distance, area = apart(*samples)
    low, high = np.quantile(samples[0], (0.25, 0.75))
    return msgspec.structs.replace(
        found,
        ks=_round(distance),
        ks_chance=_round(ks_by_chance(len(samples[0]), len(samples[1]))),
        wasserstein=_round(area / (high - low)) if high > low else None,
    )


def apart(one: Array, other: Array) -> tuple[float, float]:
    """Return the largest distance of two distribution functions (KS), and the area between them.

    The area is the Wasserstein distance of order 1, in the values' unit.
    """
    one, other = np.sort(one), np.sort(other)
    values = np.sort(np.concatenate([one, other]))
    first = np.searchsorted(one, values, side="right") / len(one)
    second = np.searchsorted(other, values, side="right") / len(other)
    gap = np.abs(first - second)
    return float(gap.max()), float((gap[:-1] * np.diff(values)).sum())


def ks_by_chance(n: int, m: int, alpha: float = _ALPHA) -> float:
    """Return the KS that two samples of one distribution exceed with this probability.

    The asymptotic form, sqrt(-ln(alpha / 2) / 2) * sqrt((n + m) / (n m)) (Smirnov).
    """
    return math.sqrt(-math.log(alpha / 2) / 2) * math.sqrt((n + m) / (n * m))


def missing_by_chance(one: ColumnDrift) -> float:
    """Return the change of what is missing that chance alone exceeds once in a thousand.

    The normal form for two shares of one population, with the rows of both windows together.
    """
    n, m = one.rows_before, one.rows_after
    if not n or not m:
        return 0.0
    share = (one.missing_before * n + one.missing_after * m) / (n + m)
    return _Z * math.sqrt(share * (1 - share) * (1 / n + 1 / m))


def schema_verdicts(before: Sequence[Column], after: Sequence[Column]) -> list[Verdict]:
    """Say which columns went, came or have another type; a new one breaks nothing."""
    old, new = {one.name: one.type for one in before}, {one.name: one.type for one in after}
    verdicts = [
        Verdict(name=f"schema:{name}", ok=False, note=f"the column went ({type_})")
        for name, type_ in old.items()
        if name not in new
    ]
    verdicts += [
        Verdict(name=f"schema:{name}", ok=False, note=f"was {type_}, is {new[name]}")
        for name, type_ in old.items()
        if name in new and new[name] != type_
    ]
    verdicts += [
        Verdict(name=f"schema:{name}", ok=True, note=f"a new column ({type_})")
        for name, type_ in new.items()
        if name not in old
    ]
    return verdicts


def judged(
    refs: tuple[Ref, Ref],
    schema: Sequence[Verdict],
    columns: Sequence[ColumnDrift],
    *,
    limits: tuple[float, float] = (MAX_PSI, MAX_MISSING),
    ignored: Sequence[str] = (),
) -> Drift:
    """Judge what was measured by the limits (of PSI, and of the change of what is missing)."""
    max_psi, max_missing = limits
    ordered = sorted(columns, key=lambda one: (-one.psi, one.column))
    verdicts = list(schema)
    for one in ordered:
        note = f"{one.psi:.3g} (PSI), JS {one.js:.3g}"
        if one.ks is not None:
            note += f", KS {one.ks:.3g} (chance {one.ks_chance:.3g})"
        if one.wasserstein is not None:
            note += f", moved by {one.wasserstein:.3g} interquartile ranges"
        verdicts.append(
            Verdict(
                name=f"drift:{one.column}", ok=one.psi <= max_psi, value=one.psi, limit=max_psi,
                note=note,
            )
        )  # fmt: skip
        moved = abs(one.missing_after - one.missing_before)
        if moved > max(max_missing, missing_by_chance(one)):
            verdicts.append(
                Verdict(
                    name=f"missing:{one.column}", ok=False, value=_round(moved), limit=max_missing,
                    note=f"missing in {one.missing_before:.3g} before, in {one.missing_after:.3g} "
                    "after (share of rows)",
                )
            )  # fmt: skip
    reference, version = refs
    return Drift(
        reference=reference,
        version=version,
        ok=all_ok(verdicts),
        max_psi=max_psi,
        max_missing=max_missing,
        verdicts=tuple(verdicts),
        columns=tuple(ordered),
        ignored=tuple(ignored),
    )


def _counts(column: ColumnProfile) -> tuple[int, ...]:
    if column.edges:
        return column.counts
    return (*(count for _, count in column.top), column.other)


def _missing(column: ColumnProfile) -> float:
    rows = column.count + column.nulls
    return column.nulls / rows if rows else 0.0


def _round(value: float) -> float:
    """Keep six digits behind the point: what is smaller is chance, and differs by machine."""
    return round(float(value), 6) + 0.0


def finite(values: Mapping[str, Array]) -> dict[str, Array]:
    """Return each column's values without those that are missing."""
    return {name: array[np.isfinite(array)] for name, array in values.items()}
