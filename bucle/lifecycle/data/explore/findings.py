"""Judge what was measured: which figures are findings, and how bad they are.  Pure.

`stop` is what makes a model of these data worthless or wrong; `warn` what makes it worse than it
looks; `note` what one should know.
"""

from collections.abc import Iterator

import msgspec

from bucle.lifecycle.data.explore.phrases import rank, said
from bucle.lifecycle.data.explore.records import (
    SEVERITIES,
    ColumnFacts,
    Exploration,
    Finding,
    Gap,
    Leak,
    Pair,
    Severity,
)

LEAK_STOP, LEAK_WARN = 0.98, 0.9
_COPY = 0.99
_DECIDES = 0.2
_TWINS, _COLLINEAR = 0.999, 0.95
_MISSING_WARN, _MISSING_NOTE = 0.5, 0.05
_TARGET_MISSING_STOP = 0.2
_RARE_SHARE, _RARE_ROWS = 0.05, 50
_REPEATED_WARN = 0.01
_OUTLIERS_WARN, _OUTLIERS_NOTE = 0.05, 0.005
_TOGETHER = 0.01
_MANY_VALUES = 50
_LATER = 0.01
_RHYTHM = 0.5
_FEW_ROWS_STOP, _FEW_ROWS_WARN = 50, 500
_SHOWN_NAMES = 6
_MOST_PAIRS = 10  # of one kind; the matrix has all
_MEASURES = {
    "rank": "correlation of ranks", "v": "Cramér's V", "ratio": "correlation ratio",
    "auc": "AUC", "r2": "R2",
}  # fmt: skip


def judge(found: Exploration, *, created: str = "") -> tuple[Finding, ...]:
    """Return the findings of an exploration, in the order of what stops a project."""
    parts = (
        _of_table(found), _of_target(found), _of_leaks(found), _of_columns(found),
        _of_pairs(found), _of_times(found, created), _of_drift(found),
    )  # fmt: skip
    findings = [
        msgspec.structs.replace(one, says=says, advice=advice)
        for part in parts
        for one in part
        for says, advice in [said(one)]
    ]
    return tuple(
        sorted(
            findings,
            key=lambda one: (SEVERITIES.index(one.severity), rank(one.kind), one.columns),
        )
    )


def _of_table(found: Exploration) -> Iterator[Finding]:
    rows, twice = found.rows, found.duplicates
    if rows < _FEW_ROWS_WARN:
        severity: Severity = "stop" if rows < _FEW_ROWS_STOP else "warn"
        yield Finding(kind="few_rows", severity=severity, figures={"rows": number(rows)})
    if twice.by_key:
        yield Finding(
            kind="key_repeats", severity="stop", columns=twice.key,
            figures={
                "rows": number(twice.by_key), "key": ", ".join(twice.key),
                "examples": "; ".join(twice.examples),
            },
        )  # fmt: skip
    if twice.rows:
        share = twice.rows / rows
        yield Finding(
            kind="repeated_rows", severity="warn" if share >= _REPEATED_WARN else "note",
            figures={"rows": number(twice.rows), "share": percent(share)},
        )  # fmt: skip
    for pattern in found.patterns:
        if len(pattern.columns) > 1 and pattern.share >= _TOGETHER:
            yield Finding(
                kind="missing_together", severity="note", columns=pattern.columns,
                figures={"names": _named(pattern.columns), "share": percent(pattern.share)},
            )  # fmt: skip
    if found.sampled < rows:
        yield Finding(kind="sampled", severity="note", figures={"rows": number(found.sampled)})


def _of_target(found: Exploration) -> Iterator[Finding]:
    target = found.target
    if target is None:
        return
    figures = {"target": target.column}
    column = found.column(target.column)
    if column is None or column.profile.distinct <= 1:
        yield _finding("target_constant", "stop", target.column, figures)
    if target.missing_share:
        worst = target.missing_share >= _TARGET_MISSING_STOP
        yield _finding(
            "target_missing", "stop" if worst else "warn", target.column,
            figures | {"share": percent(target.missing_share)},
        )  # fmt: skip
    if len(target.classes) > 1:
        least = target.classes[-1]
        if least.share < _RARE_SHARE or least.rows < _RARE_ROWS:
            told = {"label": least.value, "rows": number(least.rows), "share": percent(least.share)}
            yield _finding("rare_class", "warn", target.column, figures | told)


def _of_leaks(found: Exploration) -> Iterator[Finding]:
    target = found.target.column if found.target else ""
    for leak in found.leaks:
        figures = {"column": leak.column, "target": target}
        if leak.equal_share >= _COPY:
            told = {"share": percent(leak.equal_share)}
            yield _finding("copies_target", "stop", leak.column, figures | told)
        elif leak.value >= LEAK_WARN:
            told = {"measure": _MEASURES[leak.measure], "value": f"{leak.value:.3f}"}
            severity: Severity = "stop" if leak.value >= LEAK_STOP else "warn"
            yield _finding("leak", severity, leak.column, figures | told)
        elif leak.decides >= _DECIDES:
            yield _decides(leak, figures)


def _decides(leak: Leak, figures: dict[str, str]) -> Finding:
    told = {"share": percent(leak.decides), "label": leak.decided}
    return _finding("decides", "warn", leak.column, figures | told)


def _of_columns(found: Exploration) -> Iterator[Finding]:
    target = found.target.column if found.target else ""
    for column in found.columns:
        name = column.profile.name
        if not column.profile.count:
            yield _finding("empty", "warn", name, {"column": name})
            continue
        if column.missing_share >= _MISSING_NOTE and name != target:
            severity: Severity = "warn" if column.missing_share >= _MISSING_WARN else "note"
            told = {"column": name, "share": percent(column.missing_share)}
            yield _finding("missing", severity, name, told)
        yield from _of_values(column)


def _of_values(column: ColumnFacts) -> Iterator[Finding]:
    profile, name = column.profile, column.profile.name
    if column.infinite:
        yield _finding("infinite", "warn", name,
                       {"column": name, "rows": number(column.infinite)})  # fmt: skip
    if column.blank:
        yield _finding("blank", "note", name, {"column": name, "rows": number(column.blank)})
    if profile.distinct == 1:
        value = profile.top[0][0] if profile.top else number(profile.minimum or 0.0)
        yield _finding("constant", "note", name, {"column": name, "label": str(value)})
    elif column.is_id:
        yield _finding("identifier", "note", name, {"column": name})
    elif profile.kind == "category" and profile.distinct > _MANY_VALUES:
        told = {"column": name, "distinct": number(profile.distinct)}
        yield _finding("many_values", "note", name, told)
    out = column.outliers
    if out is None or column.is_id or profile.distinct <= 2:  # noqa: PLR2004 - yes and no
        return
    far = [count for count in (out.robust, out.beyond) if count is not None]
    share = min(far) / profile.count if far else 0.0
    if share >= _OUTLIERS_NOTE:
        told = {
            "column": name, "share": percent(share), "median": number(out.median),
            "low": number(out.lowest[0]), "high": number(out.highest[0]),
        }  # fmt: skip
        yield _finding("outliers", "warn" if share >= _OUTLIERS_WARN else "note", name, told)


def _of_pairs(found: Exploration) -> Iterator[Finding]:
    target = found.target.column if found.target else ""
    strong = [
        pair
        for pair in found.pairs
        if target not in {pair.left, pair.right} and pair.measure != "ratio"
    ]
    twins = [pair for pair in strong if abs(pair.value) >= _TWINS]
    near = [pair for pair in strong if _COLLINEAR <= abs(pair.value) < _TWINS]
    yield from (_pair("twins", "warn", pair) for pair in twins[:_MOST_PAIRS])
    yield from (_pair("collinear", "note", pair) for pair in near[:_MOST_PAIRS])


def _pair(kind: str, severity: Severity, pair: Pair) -> Finding:
    return Finding(
        kind=kind, severity=severity, columns=(pair.left, pair.right),
        figures={
            "column": pair.left, "other": pair.right, "measure": _MEASURES[pair.measure],
            "value": f"{pair.value:.3f}",
        },
    )  # fmt: skip


def _of_times(found: Exploration, created: str) -> Iterator[Finding]:
    times = found.times
    if times is None:
        return
    if times.late:
        told = {"rows": number(times.late), "column": times.column}
        yield _finding("future", "warn", times.column, told)
    if times.gaps:
        yield _gap(times.column, times.gaps)
    for unit, counts, strength in (
        ("hour", times.by_hour, times.hourly_strength),
        ("weekday", times.by_weekday, times.weekly_strength),
    ):
        if strength >= _RHYTHM:
            most = max(counts) / max(min(counts), 1)
            yield _finding("rhythm", "note", times.column, {"unit": unit, "times": f"{most:.3g}"})
    for after in found.afters:
        told = {"column": after.column, "lag": lasting(after.median_lag_s)}
        if after.column == created:
            told["most"] = lasting(after.lag_99_s)
            yield _finding("known_late", "note", created, told)
        elif after.later / after.rows >= _LATER:
            told |= {"time": times.column, "share": percent(after.later / after.rows)}
            yield _finding("later", "warn", after.column, told)


def _gap(column: str, gaps: tuple[Gap, ...]) -> Finding:
    longest = gaps[0]
    lasted = (longest.until - longest.since).total_seconds()
    told = {
        "count": number(len(gaps)), "longest": lasting(lasted),
        "since": f"{longest.since:%Y-%m-%d %H:%M}",
    }  # fmt: skip
    return _finding("gaps", "warn" if lasted > 10 * longest.usual_s else "note", column, told)


def _of_drift(found: Exploration) -> Iterator[Finding]:
    drift = found.drift
    if drift is None:
        return
    reference = str(drift.reference)
    columns = {one.column: one for one in drift.columns}
    for verdict in drift.verdicts:
        kind, _, name = verdict.name.partition(":")
        if verdict.ok:
            continue
        figures = {"column": name, "reference": reference}
        if kind == "schema":
            yield _finding("schema", "stop", name, figures | {"note": verdict.note})
        elif kind == "drift":
            told = {"value": f"{verdict.value:.3g}", "limit": f"{verdict.limit:g}"}
            yield _finding("drift", "warn", name, figures | told)
        else:
            one = columns[name]
            told = {"before": percent(one.missing_before), "after": percent(one.missing_after)}
            yield _finding("missing_moved", "warn", name, figures | told)


def _finding(kind: str, severity: Severity, column: str, figures: dict[str, str]) -> Finding:
    return Finding(kind=kind, severity=severity, columns=(column,), figures={**figures})


def _named(columns: tuple[str, ...]) -> str:
    shown = ", ".join(columns[:_SHOWN_NAMES])
    return shown if len(columns) <= _SHOWN_NAMES else f"{shown} (+{len(columns) - _SHOWN_NAMES})"


def number(value: float) -> str:
    """Write a figure with the digits that count."""
    if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 - what a float holds exactly
        return f"{int(value):,}"
    return f"{value:.4g}"


def percent(share: float) -> str:
    """Write a share; a small one is still not nothing."""
    if not share or share >= 0.001:  # noqa: PLR2004 - one digit of a percent
        return "100%" if share == 1 else f"{share:.1%}"
    return f"{share:.2%}" if share >= 0.0001 else "<0.01%"  # noqa: PLR2004 - two digits


def lasting(seconds: float) -> str:
    """Write a length of time in its largest unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
