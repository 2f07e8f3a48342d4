"""A version that was explored: what stops a project first, then the figures behind it."""

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from bucle.base.refs import Ref
from bucle.interfaces.web import explored_charts as draw
from bucle.interfaces.web.charts import Frame, Mark, Point, bar_chart, histogram
from bucle.interfaces.web.formats import number
from bucle.interfaces.web.visit import Visit
from bucle.interfaces.web.words import Language, word
from bucle.lifecycle import data

_SHOWN_PAIRS = 12
_SHOWN_VERSIONS = 30
_MOST_COLUMNS = 300


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in the reader's language."""

    severity: str
    columns: tuple[str, ...]
    says: str
    advice: str


class ColumnRow(msgspec.Struct, frozen=True, kw_only=True):
    """A column in the table."""

    facts: data.ColumnFacts
    bars: Markup
    far_share: float | None  # None: not a number, or it does not spread


class DriftRow(msgspec.Struct, frozen=True, kw_only=True):
    """A column between two versions."""

    drift: data.ColumnDrift
    ok: bool
    bars: Markup


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is shown of an exploration, on a page and in a file."""

    name: str
    number: str
    found: data.Exploration
    findings: tuple[Told, ...]
    counts: tuple[tuple[str, int], ...]  # severity, how many
    classes: Markup
    leaks: Markup
    drift: tuple[DriftRow, ...]
    covered: Markup
    by_hour: Markup
    by_weekday: Markup
    columns: tuple[ColumnRow, ...]
    relations: Markup
    pairs: tuple[data.Pair, ...]
    readiness: data.Readiness | None  # None: it is not known here
    decisions: tuple[data.CheckedDecision, ...]


class ExplorePage(msgspec.Struct, frozen=True, kw_only=True):
    """A report on a page, with a form for what to look at."""

    project: str
    report: Report
    versions: tuple[str, ...]  # to compare with
    column_names: tuple[str, ...]
    times: tuple[str, ...]  # columns that are times
    target: str
    time: str
    against: str


def explore_page(visit: Visit, name: str) -> ExplorePage:
    """Explore a version as the form says; the first to ask waits."""
    target, time, against = (visit.query.get(key, "") for key in ("target", "time", "against"))
    ref = Ref.parse(name, kind="dataset")
    with visit.session.begin(write=False) as scope:
        version = data.get_version(scope, ref)
        log = data.log(scope, ref.name, limit=_SHOWN_VERSIONS).items
        readiness = data.decision_of(scope, version.ref)
        decisions = data.list_decisions(scope, ref.name)
    compared = ref.at(against) if against.isdecimal() else against
    wish = data.Wish(target=target, time=time, against=str(compared))
    found = data.explore(visit.session, version.ref, wish)
    return ExplorePage(
        project=visit.project,
        report=report_of(found, visit.language, readiness=readiness, decisions=decisions),
        versions=tuple(str(one.number) for one in log if one.number != version.number),
        column_names=version.column_names,
        times=tuple(
            one.name for one in version.columns if one.type.startswith(("timestamp", "date"))
        ),
        target=target,
        time=time,
        against=against,
    )


def report_of(
    found: data.Exploration,
    language: Language,
    *,
    readiness: data.Readiness | None = None,
    decisions: Sequence[data.CheckedDecision] = (),
) -> Report:
    """Tell an exploration in a language, with its drawings."""
    told = tuple(
        Told(severity=one.severity, columns=one.columns, says=says, advice=advice)
        for one in found.findings
        for says, advice in [data.said(one, language)]
    )
    counts = ((one, sum(each.severity == one for each in told)) for one in data.SEVERITIES)
    times = found.times
    measures = {one: word(language, f"measure.{one}") for one in ("rank", "v", "ratio")}
    return Report(
        name=found.version.name,
        number=str(found.version.version),
        found=found,
        findings=told,
        counts=tuple((name, count) for name, count in counts if count),
        classes=_classes(found, language),
        leaks=_leaks(found, language),
        drift=_drift(found.drift) if found.drift else (),
        covered=_covered(times, language) if times else Markup(""),
        by_hour=_by(times.by_hour, [f"{hour}:00" for hour in range(24)]) if times else Markup(""),
        by_weekday=_by(times.by_weekday, _weekdays(language)) if times else Markup(""),
        columns=tuple(_column(one) for one in found.columns[:_MOST_COLUMNS]),
        relations=draw.matrix(found.pairs, label=word(language, "together"), measures=measures),
        pairs=found.pairs[:_SHOWN_PAIRS],
        readiness=readiness,
        decisions=tuple(decisions),
    )


def _classes(found: data.Exploration, language: Language) -> Markup:
    target = found.target
    if target is None or not target.classes:
        return Markup("")
    most = max(one.rows for one in target.classes)
    rows = [
        draw.Row(one.value, one.rows / most, f"{number(one.rows)} ({one.share:.1%})")
        for one in target.classes
    ]
    return draw.bars(rows, label=word(language, "classes"))


def _leaks(found: data.Exploration, language: Language) -> Markup:
    if not found.leaks:
        return Markup("")
    # An AUC of one half knows nothing: its bar has no length.
    low = 0.5 if found.leaks[0].measure == "auc" else 0.0
    rows = [
        draw.Row(
            leak.column, (leak.value - low) / (1 - low), f"{leak.value:.3f}",
            draw.strength(leak.value),
        )
        for leak in found.leaks
    ]  # fmt: skip
    marks = [(mark - low) / (1 - low) for mark in (0.9, 0.98)]
    return draw.bars(rows, label=word(language, "alone"), marks=marks)


def _drift(drift: data.Drift) -> tuple[DriftRow, ...]:
    failed = {verdict.name.partition(":")[2] for verdict in drift.verdicts if not verdict.ok}
    return tuple(
        DriftRow(
            drift=one,
            ok=one.column not in failed,
            bars=draw.both(one.before, one.after, label=one.column),
        )
        for one in drift.columns
    )


def _covered(times: data.TimeFacts, language: Language) -> Markup:
    points = [Point(one.start, float(one.rows)) for one in times.periods]
    marks = tuple(
        Mark(
            at=gap.since, label="", title=f"{gap.since:%Y-%m-%d %H:%M} – {gap.until:%Y-%m-%d %H:%M}"
        )
        for gap in times.gaps
    )
    label = word(language, f"per.{times.unit}")
    return bar_chart(points, Frame(label=label, width=1180, height=190, marks=marks))


def _by(counts: Sequence[int], labels: Sequence[str]) -> Markup:
    return histogram(counts, labels, label=", ".join(labels)) if counts else Markup("")


def _weekdays(language: Language) -> list[str]:
    english = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    spanish = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"]
    return spanish if language == "es" else english


def _column(facts: data.ColumnFacts) -> ColumnRow:
    out, count = facts.outliers, facts.profile.count
    far = [one for one in (out.robust, out.beyond) if one is not None] if out else []
    return ColumnRow(
        facts=facts,
        bars=draw.distribution(facts.profile),
        far_share=min(far) / count if far and count else None,
    )
