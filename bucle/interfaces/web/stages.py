"""The stages of the loop, each with its state and its figures.  Pure: a snapshot in."""

from collections.abc import Callable

import msgspec

from bucle.interfaces.web.formats import number, percent, short
from bucle.interfaces.web.sentences import STAGES, is_news
from bucle.interfaces.web.snapshot import Snapshot
from bucle.interfaces.web.words import Language, word
from bucle.lifecycle import charter, registry, serving

# In the order in which the loop runs through them.
ORDER = (
    "problem",
    "data",
    "features",
    "experiments",
    "pipelines",
    "models",
    "deployments",
    "monitoring",
    "feedback",
    "control",
)
_EXPERIMENTS = frozenset({"training", "trial", "evaluation", "notebook"})


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what it is called, how it is, and what it holds."""

    key: str
    title: str
    state: str  # empty, ok, active, warn or bad
    figure: str  # the one thing to know
    line: str = ""  # a second one
    anchor: str = ""  # where on the page there is more


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """The whole loop."""

    stages: tuple[Stage, ...]
    turns: int  # champions after the first
    busy: bool
    said: str  # what it is doing


_Tell = Callable[[Snapshot, Language], Stage]


def ring_of(shot: Snapshot, language: Language) -> Ring:
    """Tell how the loop is."""
    newest = next((event for event in shot.events if is_news(event)), None)
    control = shot.status
    working = bool(control and (control.running or control.due))
    stages = []
    for key, tell in zip(ORDER, _TELLERS, strict=True):
        stage = tell(shot, language)
        last = newest is not None and STAGES.get(newest.type.partition(".")[0]) == key
        if working and last and stage.state == "ok":
            stage = msgspec.structs.replace(stage, state="active")
        stages.append(stage)
    busy = working or any(stage.state == "active" for stage in stages)
    promoted = sum(
        1
        for model in shot.models
        for decision in model.decisions
        if decision.action == "promoted" and decision.previous is not None
    )
    key = "loop_busy" if busy else "loop_idle" if shot.spec else "loop_undeclared"
    return Ring(stages=tuple(stages), turns=promoted, busy=busy, said=word(language, key))


def _problem(shot: Snapshot, language: Language) -> Stage:
    title = word(language, "stage.problem")
    if shot.charter is None:
        figure = word(language, "no_charter")
        return Stage(key="problem", title=title, state="empty", figure=figure, anchor="charter")
    kpi = shot.charter.kpi
    line = kpi_line(kpi)
    return Stage(
        key="problem", title=title, state="ok", figure=kpi.name, line=line, anchor="charter"
    )


def _data(shot: Snapshot, language: Language) -> Stage:
    heads = [one for one in shot.datasets if one.versions]
    count = sum(one.versions[0].number for one in heads)
    broken = any(not verdict.ok for one in heads for verdict in one.versions[0].verdicts)
    refused = next((event.type for event in shot.events if event.type.startswith("dataset.")), "")
    state = "warn" if broken or refused == "dataset.refused" else "ok" if heads else "empty"
    rows = sum(one.dataset.rows for one in shot.datasets)
    return Stage(
        key="data",
        title=word(language, "stage.data"),
        state="active" if shot.running("feedback.") else state,
        figure=_counted(language, "versions", "version_one", count),
        line=word(language, "rows", count=number(rows)) if heads else "",
        anchor="data",
    )


def _features(shot: Snapshot, language: Language) -> Stage:
    count = len(shot.views)
    names = ", ".join(view.ref.name for view in shot.views[:3])
    has_data = any(one.versions for one in shot.datasets)
    figure = (
        _counted(language, "views", "view_one", count) if count else word(language, "raw_columns")
    )
    return Stage(
        key="features",
        title=word(language, "stage.features"),
        state="active" if shot.running("features.") else "ok" if count or has_data else "empty",
        figure=figure,
        line=names,
        anchor="data",
    )


def _experiments(shot: Snapshot, language: Language) -> Stage:
    runs = [run for run in shot.runs if run.kind in _EXPERIMENTS or run.kind == "step"]
    count = sum(1 for one in shot.spendings if one.ref.startswith("run:"))
    active = any(run.status == "running" for run in runs)
    trials = sum(1 for run in runs if run.kind == "trial")
    return Stage(
        key="experiments",
        title=word(language, "stage.experiments"),
        state="active" if active else "ok" if runs or count else "empty",
        figure=_counted(language, "runs_count", "run_one", max(count, len(runs))),
        line=word(language, "trials_count", count=trials) if trials else "",
        anchor="runs",
    )


def _pipelines(shot: Snapshot, language: Language) -> Stage:
    runs = [run for run in shot.runs if run.kind == "pipeline"]
    failed = sum(1 for run in runs if run.status == "failed")
    active = any(run.status == "running" for run in runs) or shot.running("pipeline.")
    state = "ok" if runs else "empty"
    if runs and runs[0].status == "failed":
        state = "bad"
    done = sum(1 for run in runs if run.status == "finished")
    return Stage(
        key="pipelines",
        title=word(language, "stage.pipelines"),
        state="active" if active else state,
        figure=_counted(language, "runs_count", "run_one", len(runs)),
        line=word(language, "pipelines_count", done=done, failed=failed) if runs else "",
        anchor="runs",
    )


def _models(shot: Snapshot, language: Language) -> Stage:
    count = sum(one.model.versions for one in shot.models)
    champion = next(
        (one.model.aliases[registry.CHAMPION] for one in shot.models
         if registry.CHAMPION in one.model.aliases), None
    )  # fmt: skip
    line = word(language, "no_champion")
    if champion is not None:
        line = word(language, "champion_is", version=champion)
    refused = any(
        one.versions and one.versions[0].status == "refused" and champion is None
        for one in shot.models
    )
    state = "warn" if refused else "ok" if count else "empty"
    return Stage(
        key="models",
        title=word(language, "stage.models"),
        state="active" if shot.running("model.") else state,
        figure=_counted(language, "versions", "version_one", count),
        line=line if count else "",
        anchor="models",
    )


def _deployments(shot: Snapshot, language: Language) -> Stage:
    title = word(language, "stage.deployments")
    served = [one for one in shot.deployments if one.variants]
    if not served:
        figure = word(language, "serving_nothing")
        return Stage(key="deployments", title=title, state="empty", figure=figure, anchor="traffic")
    first = next((one for one in served if one.rollout_state), served[0])
    champion = first.variant(serving.CHAMPION)
    figure = word(language, "serving_is", version=champion.model.version) if champion else ""
    line = first.name
    if state := first.rollout_state:
        share = percent(state.weight)
        line = word(language, "canary_at", version=state.model.version, share=share)
    return Stage(
        key="deployments",
        title=title,
        state="active" if state else "ok",
        figure=figure,
        line=line,
        anchor="traffic",
    )


def _monitoring(shot: Snapshot, language: Language) -> Stage:
    count = len(shot.alerts)
    figure = word(language, "no_alerts")
    if count:
        figure = _counted(language, "alerts_open", "alert_one", count)
    looked = max((one.reports[-1].at for one in shot.monitors if one.reports), default=None)
    state = "warn" if count else "ok" if looked else "empty"
    line = f"{word(language, 'last_look')} {looked:%m-%d %H:%M}" if looked else ""
    busy = shot.running("monitor.") and not count
    return Stage(
        key="monitoring",
        title=word(language, "stage.monitoring"),
        state="active" if busy else state,
        figure=figure,
        line=line,
        anchor="monitoring",
    )


def _feedback(shot: Snapshot, language: Language) -> Stage:
    labels = sum(one.labels for one in shot.feedback)
    waiting = sum(one.waiting for one in shot.feedback)
    state = "ok" if labels else "empty"
    return Stage(
        key="feedback",
        title=word(language, "stage.feedback"),
        state="active" if shot.running("feedback.") else state,
        figure=word(language, "labels_count", count=number(labels)),
        line=word(language, "labels_waiting", count=number(waiting)) if waiting else "",
        anchor="monitoring",
    )


def _control(shot: Snapshot, language: Language) -> Stage:
    declared = len(shot.spec.triggers) if shot.spec else 0
    fired = [event for event in shot.events if event.type == "trigger.fired"]
    failed = bool(shot.jobs) and shot.jobs[0].status == "failed"
    state = "bad" if failed else "ok" if shot.spec else "empty"
    busy = bool(shot.status and (shot.status.running or shot.status.due))
    line = short(fired[0].ref.partition(":")[2], 22) if fired else ""
    return Stage(
        key="control",
        title=word(language, "stage.control"),
        state="active" if busy and not failed else state,
        figure=word(language, "triggers_count", count=declared),
        line=line,
        anchor="control",
    )


def kpi_line(kpi: charter.Kpi) -> str:
    """Write from where to where, as far as it is known."""
    known = [number(value) for value in (kpi.baseline, kpi.target) if value is not None]
    return f"{' → '.join(known)} {kpi.unit}" if known else kpi.unit


def _counted(language: Language, many: str, one: str, count: int) -> str:
    return word(language, one) if count == 1 else word(language, many, count=number(count))


_TELLERS: tuple[_Tell, ...] = (
    _problem,
    _data,
    _features,
    _experiments,
    _pipelines,
    _models,
    _deployments,
    _monitoring,
    _feedback,
    _control,
)
