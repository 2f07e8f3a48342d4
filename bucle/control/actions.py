"""What each kind of job does: one short function, which calls the rooms' own verbs."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bucle.base.errors import Refused
from bucle.base.refs import Ref
from bucle.base.verdict import all_ok
from bucle.control import privacy
from bucle.control.budget import check_budget
from bucle.control.decided import check_decisions
from bucle.control.jobs.records import Job
from bucle.control.jobs.worker import Action
from bucle.control.reconcile.applied import get_applied
from bucle.control.reconcile.check import check_reality
from bucle.control.reconcile.records import AppliedSpec
from bucle.control.rollout import check_rollout, follow_champion, start_rollout
from bucle.control.shadowed import check_shadow
from bucle.control.watched import check_watch
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import (
    data,
    features,
    feedback,
    monitoring,
    pipelines,
    registry,
    serving,
    tracking,
)
from bucle.lifecycle.features import RegisteredView, transport
from bucle.lifecycle.features.stats import take_stats


def run_pipeline(session: Session, job: Job) -> dict[str, Any]:
    """Run a declared pipeline; a second attempt resumes the same run."""
    applied = _applied(session)
    declared = applied.spec.pipelines[str(job.args["pipeline"])]
    trigger = job.args.get("trigger")
    with session.begin(write=False) as scope:
        check_budget(scope, applied.spec.budgets)
        check_decisions(scope, applied.spec, str(job.args["pipeline"]))
    run = pipelines.run_pipeline(
        session,
        declared.run,
        declared.params | dict(job.args.get("params", {})),
        folder=Path(applied.folder),
        run=Ref("run", job.ref.name),
        trigger=Ref.parse(trigger) if trigger else None,
    )
    if run.status != "finished":
        raise Refused(f"{run.ref} {run.status}: {run.error}", hint=f"bucle pipelines get {run.ref}")
    return {"run": str(run.ref)}


def judge_model(session: Session, job: Job) -> dict[str, Any]:
    """Put a model version before its gates."""
    decision = registry.judge(session, Ref.parse(str(job.args["ref"])))
    return {"outcome": decision.action}


def begin_rollout(session: Session, job: Job) -> dict[str, Any]:
    """Start an accepted version's way to a deployment."""
    return start_rollout(session, str(job.args["deployment"]), Ref.parse(str(job.args["ref"])))


def look_at_rollout(session: Session, job: Job) -> dict[str, Any]:
    """Advance, finish or abort what is on its way by how it did."""
    return check_rollout(session, str(job.args["deployment"]))


def look_at_shadow(session: Session, job: Job) -> dict[str, Any]:
    """Judge a version in the shadow by how it did."""
    return check_shadow(session, str(job.args["deployment"]))


def look_at_champion(session: Session, job: Job) -> dict[str, Any]:
    """Watch a new champion, and go back to the one before where it fails."""
    return check_watch(session, str(job.args["deployment"]))


def follow(session: Session, job: Job) -> dict[str, Any]:
    """Serve the version that bears the champion alias."""
    return follow_champion(session, str(job.args["deployment"]))


def materialize_view(session: Session, job: Job) -> dict[str, Any]:
    """Bring a view to the online store; one whose source has no rows yet has its turn with them."""
    name = str(job.args["view"])
    with session.begin(write=False) as scope:
        view = features.get_view(scope, name)
        if view.view.is_on_demand:
            return {"outcome": f"{view.ref} is computed when somebody asks"}
        source = data.dataset_ref(view.view.source)
        if data.find_head(scope, source.name) is None:
            return {"outcome": f"nothing was committed to {source.bare} yet"}
        served = _served(scope, view)
    also = {"also": served} if served else {}
    for ref in served:
        features.materialize(session, ref)
    if job.args.get("only") == "served":
        return also
    made = features.materialize(session, view.ref)
    measured = take_stats(session, view.ref)
    moved = [verdict.name for verdict in measured.drift if not verdict.ok]
    done = {"until": made.until, "source": made.source, "rows": made.rows}
    return done | also | ({"moved": moved} if moved else {})


def _served(scope: Scope, newest: RegisteredView) -> tuple[Ref, ...]:
    """Return the older versions of a view that a model is served with still."""
    if newest.number == 1:
        return ()
    return tuple(
        ref
        for ref in serving.views_in_use(scope)
        if ref.name == newest.ref.name and ref != newest.ref
    )


def follow_events(session: Session, job: Job) -> dict[str, Any]:
    """Count the events of a view's topic that came."""
    name = str(job.args["view"])
    with session.begin(write=False) as scope:
        served = _served(scope, features.get_view(scope, name))
    done = transport.follow(session, name)
    for ref in served:
        transport.follow(session, ref)
    return {"position": done.position, "applied": done.applied, "dead": done.dead}


def pull_source(session: Session, job: Job) -> dict[str, Any]:
    """Draw what is new; a source that keeps failing is left alone for longer each time."""
    name = str(job.args["name"])
    with session.begin(write=False) as scope:
        state = data.find_source_state(scope, name)
        now = scope.now
    if state is None:
        return {"outcome": f"dataset:{name} has no source any more"}
    until = data.rests_until(state)
    if job.attempts == 1 and until and until > now:
        return {"outcome": f"it failed {state.failures} times, and rests until {until}"}
    done = data.pull(session, name)
    broken = [file.name for file in done.files if file.status == "broken"]
    return {"version": done.version, "rows": done.rows, "broken": broken, "notes": done.notes}


def evaluate_monitor(session: Session, job: Job) -> dict[str, Any]:
    """Judge a monitor's window, with the labels that came in so far."""
    name = str(job.args["name"])
    at = datetime.fromisoformat(str(job.args["at"]))
    spec = _applied(session).spec.monitors[name]
    since, until = monitoring.labels_wanted(spec, at)
    labels = feedback.labels_table(session, spec.deployment, since, until)
    report = monitoring.evaluate(session, name, at, labels)
    return {"ok": all_ok(report.verdicts)}


def fold_feedback(session: Session, job: Job) -> dict[str, Any]:
    """Append what was labelled since the last time to the declared dataset."""
    name = str(job.args["name"])
    version = feedback.fold(session, _applied(session).spec.feedback[name])
    return {"dataset": str(version.ref) if version else None}


def check_declarations(session: Session, job: Job) -> dict[str, Any]:
    """Look whether somebody changed by hand what is declared, and whether a run has died.

    And whether the data came that should have come.
    """
    del job
    with session.begin() as scope:
        dead = tracking.sweep(scope)
    changes = check_reality(session)
    data.judge_contracts(session)
    stale = [str(one.ref) for one in data.watch_freshness(session) if not one.ok]
    return {
        "changes": [str(change.ref) for change in changes],
        "dead_runs": [str(run.ref) for run in dead],
        "stale": stale,
    }


def retain_dataset(session: Session, job: Job) -> dict[str, Any]:
    """Remove what is older than a dataset's retention."""
    made = privacy.carry_out_retention(session, str(job.args["name"]))
    return {"dropped": [str(ref) for ref in made.dropped], "rows": made.rows}


def publish_plans(session: Session, job: Job) -> dict[str, Any]:
    """Tell the model servers who may ask; tokens and roles count in every project."""
    del job
    projects = serving.published_projects(session.drivers.blobs)
    for project in projects:
        serving.publish(session.house.session(session.actor, project))
    return {"projects": list(projects)}


ACTIONS: Mapping[str, Action] = {
    "pipeline.run": run_pipeline,
    "model.judge": judge_model,
    "rollout.start": begin_rollout,
    "rollout.check": look_at_rollout,
    "rollout.shadow": look_at_shadow,
    "rollout.watch": look_at_champion,
    "serving.follow": follow,
    "serving.publish": publish_plans,
    "data.pull": pull_source,
    "monitor.evaluate": evaluate_monitor,
    "features.materialize": materialize_view,
    "features.follow": follow_events,
    "feedback.fold": fold_feedback,
    "reconcile.check": check_declarations,
    "data.retain": retain_dataset,
}


def _applied(session: Session) -> AppliedSpec:
    with session.begin(write=False) as scope:
        return get_applied(scope)
