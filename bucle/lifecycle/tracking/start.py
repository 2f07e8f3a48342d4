"""Start a run, and take up again one that ended before it was done."""

from msgspec.structs import replace

from bucle.base.errors import Conflict
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import changed_run, checked_params, checked_tags, known_run
from bucle.lifecycle.tracking.experiments import experiment_for, number_of
from bucle.lifecycle.tracking.records import Host, Run, RunStart


def start_run(scope: Scope, start: RunStart) -> Run:
    """Begin a run, with what is known of it, and link it to its code and environment.

    Raises:
        Conflict: there is a run with the id that was asked for, or the experiment was deleted.
        Invalid: an empty name, or a parameter or a tag that can not be kept.
        NotFound: the parent does not exist.
    """
    ref = Ref("run", check_name(start.id) if start.id else scope.new_id())
    scope.require(Permission.RUN_WRITE, ref)
    if start.id and store.find_run(scope.tx, scope.project, ref.name):
        raise Conflict(f"{ref} exists already", hint="leave out the id, or resume the run")
    if start.parent:
        known_run(scope, start.parent)
    run = _begun(scope, ref, start)
    experiment = experiment_for(scope, run.experiment)
    store.add_run(scope.tx, scope.project, run, number_of(experiment.id))
    store.add_params(scope.tx, scope.project, ref.name, run.params)
    store.add_tags(scope.tx, scope.project, ref.name, run.tags)
    _link(scope, run)
    scope.record(
        "run.started", ref, name=run.name, kind=run.kind, experiment=run.experiment,
        parent=run.parent, params=run.params,
    )  # fmt: skip
    return run


def resume_run(scope: Scope, ref: Ref, *, host: Host | None = None) -> Run:
    """Let a run that failed or was killed go on; one that is running is returned as it is.

    Raises:
        Conflict: the run finished; start a new one.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    before = known_run(scope, ref, lock=True)
    if before.status == "finished":
        raise Conflict(f"{ref} has finished and can not go on", hint="start a new run")
    run = replace(before, status="running", ended_at=None, error="", host=host or before.host)
    changed_run(scope, run)
    if before.status != "running":
        scope.record("run.resumed", ref, name=run.name, was=before.status)
    return run


def _begun(scope: Scope, ref: Ref, start: RunStart) -> Run:
    return Run(
        ref=ref,
        name=check_name(start.name),
        kind=check_name(start.kind),
        experiment=check_name(start.experiment),
        status="running",
        started_at=min(start.started_at or scope.now, scope.now),
        started_by=scope.actor.name,
        parent=start.parent,
        params=checked_params(start.params),
        tags=checked_tags(start.tags),
        code=start.code,
        environment=start.environment,
        host=start.host,
        seeds=start.seeds,
    )


def _link(scope: Scope, run: Run) -> None:
    if run.code and run.code.ref:
        code = run.code
        scope.link(
            run.code.ref, run.ref, "code",
            remote=code.remote, diff=code.diff, folder=code.folder, entry=code.entry,
        )  # fmt: skip
    if run.environment:
        scope.link(Ref("environment", run.environment), run.ref, "environment")
    if run.parent:
        scope.link(run.parent, run.ref, "part")
