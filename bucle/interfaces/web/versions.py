"""Champion and challenger side by side, and what was decided about them.  Pure."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.interfaces.web.charts import Mark
from bucle.interfaces.web.snapshot import ModelSeen
from bucle.lifecycle import registry

_DECISIONS = 12
_METRICS = 7


class VersionCard(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the panel shows it."""

    ref: Ref
    number: int
    status: str
    since: datetime
    reason: str = ""
    actor: str = ""
    verdicts: tuple[Verdict, ...] = ()


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of both; `better` names the one that wins, if one does."""

    name: str
    champion: float | None
    challenger: float | None
    better: str = ""


class ModelPanel(msgspec.Struct, frozen=True, kw_only=True):
    """All that the loop's page says of a model."""

    name: str
    versions: int
    champion: VersionCard | None  # None: there is none yet
    challenger: VersionCard | None  # None: none is newer than the champion
    metrics: tuple[MetricRow, ...]
    decisions: tuple[registry.Decision, ...]


def model_panel(
    seen: ModelSeen, *, canary: Ref | None = None, decisions: int = _DECISIONS
) -> ModelPanel:
    """Lay out a model; a version that is a canary is the challenger, else the newest is."""
    champion = seen.champion
    on_its_way = [one for one in seen.versions if one.ref == canary]
    newest = next(iter((*on_its_way, *seen.versions)), None)
    challenger = newest
    if newest is None or (champion is not None and newest.number <= champion.number):
        challenger = None
    return ModelPanel(
        name=seen.model.ref.name,
        versions=seen.model.versions,
        champion=_card(seen, champion),
        challenger=_card(seen, challenger),
        metrics=compare_metrics(champion, challenger, seen.model.gates),
        decisions=seen.decisions[:decisions],
    )


def compare_metrics(
    champion: registry.ModelVersion | None,
    challenger: registry.ModelVersion | None,
    gates: registry.GateSpec | None = None,
) -> tuple[MetricRow, ...]:
    """Put the metrics of two versions side by side; those that the gates ask for come first."""
    asked = [one.metric for one in gates.thresholds] if gates else []
    if gates and gates.better_than_champion:
        asked.insert(0, gates.better_than_champion.metric)
    mine = champion.metrics if champion else {}
    theirs = challenger.metrics if challenger else {}
    names = [*mine, *(name for name in theirs if name not in mine)]
    names.sort(key=lambda name: (name not in asked, name not in registry.METRICS))
    return tuple(_row(name, mine.get(name), theirs.get(name)) for name in names[:_METRICS])


def champion_marks(seen: ModelSeen) -> tuple[Mark, ...]:
    """Return when the champion changed, as marks on a chart."""
    return tuple(
        Mark(one.at, f"v{one.version}", f"{one.at:%Y-%m-%d %H:%M}: v{one.version}. {one.reason}")
        for one in seen.decisions
        if one.alias == registry.CHAMPION
    )


def _row(name: str, mine: float | None, theirs: float | None) -> MetricRow:
    better = ""
    if mine is not None and theirs is not None and mine != theirs and name in registry.METRICS:
        wins = (theirs > mine) == registry.METRICS[name]
        better = "challenger" if wins else "champion"
    return MetricRow(name=name, champion=mine, challenger=theirs, better=better)


def _card(seen: ModelSeen, version: registry.ModelVersion | None) -> VersionCard | None:
    if version is None:
        return None
    about = [one for one in seen.decisions if one.version == version.number and not one.gate]
    last = about[0] if about else None
    judged = next((one for one in about if one.verdicts), None)
    return VersionCard(
        ref=version.ref,
        number=version.number,
        status=last.action if last else version.status,
        since=last.at if last else version.registered_at,
        reason=last.reason if last else "",
        actor=last.actor if last else version.registered_by,
        verdicts=judged.verdicts if judged else (),
    )
