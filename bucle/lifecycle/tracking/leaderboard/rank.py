"""Rank runs: a run that has not finished, misses a bar or saw other data does not rank."""

import math
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from bucle.base.errors import Invalid
from bucle.base.figure import Figure
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.charter import find_charter
from bucle.lifecycle.tracking.leaderboard.records import (
    Candidate,
    Leaderboard,
    Place,
    Required,
    Rules,
)
from bucle.lifecycle.tracking.read import list_runs
from bucle.lifecycle.tracking.records import Run, RunQuery

UTILITY = "utility"
UTILITY_METRIC = "cost_per_case"  # what an evaluation under the charter's costs leaves
_PAGE = 1000


def leaderboard(scope: Scope, experiment: str, rules: Rules, *, limit: int = 100) -> Leaderboard:
    """Rank the runs of an experiment by a metric, or by the charter's utility in its unit.

    The utility of a run is what one case is worth: its `cost_per_case`, with the sign turned.

    Raises:
        Invalid: `utility`, where the charter puts no price on errors.
    """
    scope.require(Permission.RUN_READ)
    rules = _with_unit(scope, rules)
    needs_rows = any(required.rows for required in rules.required)
    candidates = [
        Candidate(run=run, rows_read=_rows_read(scope, run.ref) if needs_rows else {})
        for run in _runs(scope, experiment)
    ]
    places = rank(candidates, rules)
    return Leaderboard(experiment=experiment, by=rules.by, unit=rules.unit, places=places[:limit])


def rank(candidates: Sequence[Candidate], rules: Rules) -> tuple[Place, ...]:
    """Rank candidates: the best first, equal ones with one rank, the rest behind with reasons."""
    places = [_unranked(candidate, rules) for candidate in candidates]
    ranked = [place for place in places if not place.reasons]
    rest = [place for place in places if place.reasons]
    sign = 1.0 if rules.smallest else -1.0
    ranked.sort(key=lambda place: sign * (place.value or 0.0))
    found: list[Place] = []
    for number, place in enumerate(ranked, start=1):
        same = bool(found) and found[-1].value == place.value
        found.append(replace(place, rank=found[-1].rank if same else number))
    return (*found, *rest)


def _unranked(candidate: Candidate, rules: Rules) -> Place:
    run = candidate.run
    value = value_of(run, rules.by)
    asked = (_metric_of(rules.by), *rules.at_least, *rules.at_most)
    return Place(
        rank=None,
        run=run.ref,
        name=run.name,
        value=value,
        reasons=tuple(_reasons(candidate, value, rules)),
        metrics={name: run.metrics[name] for name in asked if name in run.metrics},
    )


def value_of(run: Run, by: str) -> Figure | None:
    """Return what a run ranks by; None where it has no such metric."""
    figure = run.metrics.get(_metric_of(by))
    return Figure(-figure) if by == UTILITY and figure is not None else figure


def _reasons(candidate: Candidate, value: Figure | None, rules: Rules) -> Iterator[str]:
    """Yield why a run does not rank."""
    run = candidate.run
    if run.status != "finished":
        yield f"it is {run.status}"
    if value is None:
        yield f"it has no metric {_metric_of(rules.by)}"
    elif math.isnan(value):
        yield f"its {rules.by} is not a number"
    for name, least in rules.at_least.items():
        found = run.metrics.get(name)
        if found is None or not found >= least:
            yield f"{name} is {_told(found)}, and {least:g} is the least"
    for name, most in rules.at_most.items():
        found = run.metrics.get(name)
        if found is None or not found <= most:
            yield f"{name} is {_told(found)}, and {most:g} is the most"
    for required in rules.required:
        yield from _about_data(candidate, required)


def _about_data(candidate: Candidate, required: Required) -> Iterator[str]:
    ref = required.ref
    if ref not in candidate.run.inputs:
        others = [
            str(each)
            for each in candidate.run.inputs
            if (each.kind, each.name) == (ref.kind, ref.name)
        ]
        yield f"it read {', '.join(others)} and not {ref}" if others else f"it did not read {ref}"
    elif required.rows:
        rows = candidate.rows_read.get(ref)
        if rows is None:
            yield f"it does not say how many rows of {ref} it read"
        elif rows < required.rows:
            yield f"it read {rows} rows of {ref}, and {required.rows} is the least"


def _with_unit(scope: Scope, rules: Rules) -> Rules:
    if rules.by != UTILITY:
        return rules
    charter = find_charter(scope)
    if charter is None or charter.costs is None:
        raise Invalid(
            f"the charter of project {scope.project!r} puts no price on errors",
            hint="bucle charter set --problem <sentence> --costs.unit EUR --costs.over 2",
        )
    return replace(rules, unit=f"{charter.costs.unit} per case")


def _runs(scope: Scope, experiment: str) -> Iterator[Run]:
    query = RunQuery(experiment=experiment, limit=_PAGE)
    while True:
        page = list_runs(scope, query)
        yield from page.items
        if page.next_token is None:
            return
        query = replace(query, token=page.next_token)


def _rows_read(scope: Scope, ref: Ref) -> dict[Ref, int]:
    edges = trace(scope, ref, depth=1).edges
    return {
        Ref.parse(edge.source): int(edge.detail["rows"])
        for edge in edges
        if edge.relation == "read" and "rows" in edge.detail
    }


def _metric_of(by: str) -> str:
    return UTILITY_METRIC if by == UTILITY else by.removeprefix("metrics.")


def _told(figure: Figure | None) -> str:
    return "missing" if figure is None else f"{float(figure):g}"
