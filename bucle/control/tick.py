"""One round of control: read the new facts, react, fire triggers, keep schedules.

A round is one transaction, and it moves the cursor over the facts that it dealt with: a
control plane that is killed half-way repeats the round, and no fact is dealt with twice.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.control.jobs.queue import enqueue, open_counts, open_jobs
from bucle.control.jobs.records import Job, NewJob
from bucle.control.reactions import ACCESS, ROLLOUTS, look_later, publication, react
from bucle.control.reconcile.applied import find_applied
from bucle.control.reconcile.records import AppliedSpec
from bucle.control.spec.records import ProjectSpec
from bucle.control.triggers import memory
from bucle.control.triggers.decide import decide
from bucle.control.triggers.records import Firing
from bucle.governance.audit.read import events_after, last_number
from bucle.governance.audit.records import Event
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.serving import find_deployment, list_deployments

_CURSOR = "control"
_RETENTION = "1d"  # durations of retention are days
# Of a project without declarations, only who may ask and rollouts are followed; once it has some,
# all of its facts are read from the first on, so the two places are kept apart.
_ACCESS_CURSOR = "access"
_ALONE = (*ACCESS, *ROLLOUTS)  # facts that count without declarations too
_SOURCE = "source:"  # how the schedules of sources are called


class ControlStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far control has come."""

    now: datetime
    settled: bool  # every fact was dealt with, and nothing that is due is left undone
    behind: int  # facts not dealt with yet
    due: int  # jobs that could run now
    running: int
    next_at: datetime | None  # None: nothing is planned
    applied: str  # digest of the declarations in force; "": none are


def status(scope: Scope) -> ControlStatus:
    """Tell whether control has caught up with the clock; a replay waits for that."""
    due, running, later = open_counts(scope)
    behind = last_number(scope) - memory.cursor(scope, _CURSOR)
    scheduled = memory.next_schedule(scope)
    overdue = scheduled is not None and scheduled <= scope.now
    coming = [moment for moment in (later, scheduled) if moment is not None]
    applied = find_applied(scope)
    return ControlStatus(
        now=scope.now,
        settled=applied is None or not (behind or due or running or overdue),
        behind=behind,
        due=due,
        running=running,
        next_at=min(coming, default=None),
        applied=applied.digest if applied else "",
    )


def tick(session: Session) -> bool:
    """Do one round in one project; tell whether there was anything to do."""
    with session.begin(write=False) as scope:
        applied = find_applied(scope)
        rules, planned = _rules(scope, applied), memory.schedules(scope)
        news: tuple[Event, ...] = ()
        if applied is None:
            news = events_after(scope, memory.cursor(scope, _ACCESS_CURSOR), types=_ALONE)
            behind = bool(news)
        else:
            behind = last_number(scope) > memory.cursor(scope, _CURSOR)
        is_planned = rules == {name: rule for name, (rule, _) in planned.items()}
        idle = not behind and is_planned and not _due(rules, planned, scope.now)
    if idle:
        return False
    with session.begin() as scope:
        if applied is None:
            _round_without(scope, news)
        else:
            _round(scope, applied)
    return True


def _round_without(scope: Scope, events: tuple[Event, ...]) -> None:
    """Do the round of a project without declarations: who may ask, rollouts, and sources.

    The plans are published anew; the same fact is never queued twice.
    """
    for event in events:
        if event.type in ROLLOUTS:
            _look_at_rollout(scope, event)
        else:
            enqueue(scope, publication(event))
    if events:
        memory.move_cursor(scope, _ACCESS_CURSOR, events[-1].number)
    _keep_schedules(scope, None)


def _round(scope: Scope, applied: AppliedSpec) -> None:
    spec = applied.spec
    events = events_after(scope, memory.cursor(scope, _CURSOR, lock=True))
    for event in events:
        for new in react(event, spec, scope.now):
            enqueue(scope, new)
        if event.type in ROLLOUTS and Ref.parse(event.ref).name not in spec.deployments:
            _look_at_rollout(scope, event)
    due = _keep_schedules(scope, applied)
    _fire(scope, applied, events, due)
    if events:
        memory.move_cursor(scope, _CURSOR, events[-1].number)


def _look_at_rollout(scope: Scope, event: Event) -> None:
    """Queue a look at the rollout of a deployment that is not declared."""
    found = find_deployment(scope, Ref.parse(event.ref).name)
    for new in look_later(event, found.spec.rollout, scope.now) if found else ():
        enqueue(scope, new)


def _keep_schedules(scope: Scope, applied: AppliedSpec | None) -> tuple[str, ...]:
    """Queue what came due, plan it anew, and return the names of what did."""
    rules, planned = _rules(scope, applied), memory.schedules(scope)
    due = _due(rules, planned, scope.now)
    pulling = {str(job.args["name"]) for job in open_jobs(scope) if job.kind == "data.pull"}
    for name in due:
        job = _scheduled_job(name, planned[name][1])
        # A pull that takes longer than its schedule is not queued once more for each turn missed.
        if job and not (job.kind == "data.pull" and job.args["name"] in pulling):
            enqueue(scope, job)
    memory.keep_schedules(scope, rules, due)
    return due


def _rules(scope: Scope, applied: AppliedSpec | None) -> dict[str, str]:
    """Return the rule of every schedule: of the declarations, and of sources declared by hand."""
    sources = {f"{_SOURCE}{name}": rule for name, rule in data.pull_rules(scope).items()}
    return (rules_of(applied.spec) if applied else {}) | sources


def rules_of(spec: ProjectSpec) -> dict[str, str]:
    """Return the rule of every schedule that the declarations imply, by name."""
    rules = {f"monitor:{name}": f"every {one.every}" for name, one in spec.monitors.items()}
    rules |= {f"feedback:{name}": f"every {one.every}" for name, one in spec.feedback.items()}
    rules |= {
        f"retention:{name}": f"every {_RETENTION}"
        for name, one in spec.datasets.items()
        if one.retention
    }
    if spec.features and spec.features.every:
        every = f"every {spec.features.every}"
        rules |= {f"features:{name}": every for name, view in spec.views.items() if view.source}
        # What other programs wrote into a topic leaves no fact.
        rules |= {f"stream:{name}": every for name, view in spec.views.items() if view.stream}
    rules |= {
        f"trigger:{name}": f"cron {one.cron}"
        for name, one in spec.triggers.items()
        if one.on == "schedule"
    }
    return rules | {"reconcile:project": f"every {spec.reconcile.every}"}


def _due(
    rules: Mapping[str, str], planned: Mapping[str, tuple[str, datetime]], now: datetime
) -> tuple[str, ...]:
    return tuple(
        name for name, (rule, at) in planned.items() if at <= now and rules.get(name) == rule
    )


def _scheduled_job(name: str, at: datetime) -> NewJob | None:
    kind, _, about = name.partition(":")
    job = {
        "monitor": "monitor.evaluate",
        "feedback": "feedback.fold",
        "features": "features.materialize",
        "stream": "features.follow",
        "reconcile": "reconcile.check",
        "retention": "data.retain",
        "source": "data.pull",
    }.get(kind)
    if job is None:
        return None
    args = {"view" if kind in {"features", "stream"} else "name": about, "at": at.isoformat()}
    return NewJob(kind=job, args=args, key=f"{job}:{about}:{at.isoformat()}", cause=name)


def _fire(
    scope: Scope, applied: AppliedSpec, events: tuple[Event, ...], due: tuple[str, ...]
) -> None:
    spec = applied.spec
    decision = decide(
        spec.triggers,
        memory.states(scope),
        events,
        due=[name.removeprefix("trigger:") for name in due],
        busy=_busy(scope, spec),
        now=scope.now,
    )
    for firing in decision.firings:
        fire(scope, firing)
    memory.keep_states(scope, decision.states)


def fire(scope: Scope, firing: Firing) -> Job:
    """Queue a trigger's pipeline, and say why."""
    ref = Ref("trigger", firing.trigger)
    scope.require(Permission.CONTROL_RUN, ref)
    args = {"pipeline": firing.pipeline, "params": firing.params, "trigger": str(ref)}
    job = enqueue(scope, NewJob(kind="pipeline.run", args=args, cause=f"{ref}: {firing.cause}"))
    scope.record(
        "trigger.fired", ref, pipeline=firing.pipeline, cause=firing.cause, job=str(job.ref)
    )
    return job


def _busy(scope: Scope, spec: ProjectSpec) -> set[str]:
    """Return the pipelines that are queued or running, or whose model is on its way out."""
    busy: set[str] = set()
    for job in open_jobs(scope):
        if job.kind == "pipeline.run":
            busy.add(str(job.args["pipeline"]))
        elif job.kind in {"model.judge", "rollout.start"}:
            busy |= _pipelines_of(spec, Ref.parse(str(job.args["ref"])).name)
    for deployment in list_deployments(scope).items:
        if deployment.rollout_state is not None:
            busy |= _pipelines_of(spec, deployment.spec.model)
    return busy


def _pipelines_of(spec: ProjectSpec, model: str) -> set[str]:
    """Return the pipeline that is said to make a model; any of them where none is said."""
    declared = spec.models.get(model)
    if declared is not None and declared.pipeline:
        return {declared.pipeline}
    return set(spec.pipelines)
