"""Run a pipeline, or go on with one whose runner died: one verb, told apart by the run's id."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from bucle.base.errors import BucleError, Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.pipelines import store
from bucle.lifecycle.pipelines.inputs import note_input
from bucle.lifecycle.pipelines.load import AnyPipeline, reference_of
from bucle.lifecycle.pipelines.plan import Plan
from bucle.lifecycle.pipelines.records import DONE, PipelineRun, StepRun
from bucle.lifecycle.pipelines.remote import Place, draw_plan
from bucle.lifecycle.pipelines.runner import Runner
from bucle.lifecycle.tracking import (
    RunStart,
    Scalar,
    capture_host,
    find_run,
    finish_run,
    project_folder,
    resume_run,
    start_run,
)
from bucle.lifecycle.tracking.capture import is_alive, this_machine


def run_pipeline(
    session: Session,
    pipeline: AnyPipeline | str,
    params: Mapping[str, object] | None = None,
    *,
    folder: Path | None = None,
    run: Ref | None = None,
    trigger: Ref | None = None,
) -> PipelineRun:
    """Run a pipeline to its end and return what became of it, failed or finished.

    A second call with the same run goes on where the first one was killed, with the parameters
    of the first; a run that finished is returned as it is.

    Args:
        session: who asks, and in which project.
        pipeline: a decorated function, or `module:name` in the project's folder.
        params: its parameters; datasets may be named as `dataset:trips@main`.
        folder: the project's folder; without it, that of the program that runs.
        run: the id to run under; without it, a new one.
        trigger: what asked for the run, if nobody did.

    Raises:
        Conflict: another process is running it, or took it over.
        Invalid: the parameters are wrong, or the pipeline can not be imported or drawn.
        NotFound: there is no such folder, pipeline or dataset.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.PIPELINE_RUN, run)
        known = store.find_run(scope.tx, scope.project, run.name) if run else None
    if known:
        return _go_on(session, known)
    reference = pipeline if isinstance(pipeline, str) else reference_of(pipeline)
    place = _place(session, reference, (folder or project_folder()).resolve())
    plan = _draw(session, place, params or {})
    with session.begin() as scope:
        record, runner = _started(scope, place, plan, run), scope.new_id()
        record = replace(record, trigger=trigger)
        store.add_run(scope.tx, scope.project, record, runner)
        store.put_steps(scope.tx, scope.project, record.ref.name, _blank(plan))
        if trigger:
            scope.link(trigger, record.ref, "triggered")
        scope.record(
            "pipeline.started", record.ref, pipeline=plan.pipeline, reference=reference,
            params=plan.params, inputs=plan.inputs, trigger=trigger,
        )  # fmt: skip
    return Runner(session, place=place, plan=plan, record=record, runner=runner).run()


def resume_pipeline(session: Session, ref: Ref) -> PipelineRun:
    """Go on with a run that failed or whose runner died, at its first unfinished step.

    The code is read anew: a step that finished is run again only if what made it changed.

    Raises:
        Conflict: it is still being run by another process.
        NotFound: there is no such run.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.PIPELINE_RUN, ref)
        known = store.find_run(scope.tx, scope.project, ref.name)
    if known is None:
        raise NotFound(f"{ref} is not a pipeline run", hint="bucle pipelines list")
    return _go_on(session, known)


def _go_on(session: Session, known: PipelineRun) -> PipelineRun:
    if known.status == "finished":
        return known
    place = _place(session, known.reference, Path(known.folder))
    plan = _draw(session, place, known.params)
    with session.begin() as scope:
        _require_nobody_runs(scope, known)
        runner = scope.new_id()
        store.take_over(scope.tx, scope.project, known.ref.name, runner)
        resume_run(scope, known.ref, host=capture_host())
        for step in known.steps:
            if step.status == "running" and step.run:
                _bury(scope, step.run)
        record = replace(known, status="running", ended_at=None, error="", steps=())
        store.change_run(scope.tx, scope.project, record)
        store.put_steps(scope.tx, scope.project, known.ref.name, _merged(plan, known))
        scope.record("pipeline.resumed", known.ref, pipeline=known.pipeline, was=known.status)
    record = replace(record, steps=known.steps)
    return Runner(session, place=place, plan=plan, record=record, runner=runner).run()


def _place(session: Session, reference: str, folder: Path) -> Place:
    return Place(
        settings=session.drivers.settings,
        actor=session.actor,
        project=session.project,
        folder=str(folder),
        reference=reference,
    )


def _draw(session: Session, place: Place, params: Mapping[str, object]) -> Plan:
    """Draw the pipeline elsewhere: this process may live long, and code changes."""
    future = session.drivers.compute.submit(draw_plan, place, dict(params))
    error = future.exception()
    if error is None:
        return future.result().value
    if isinstance(error, BucleError):
        raise error
    raise Invalid(
        f"{place.reference!r} can not be read: {type(error).__name__}: {error}",
        hint=f"cd {place.folder} && python -c 'import {place.reference.partition(':')[0]}'",
    ) from error


def _started(scope: Scope, place: Place, plan: Plan, run: Ref | None) -> PipelineRun:
    if run and find_run(scope, run):
        ref = resume_run(scope, run, host=capture_host()).ref
    else:
        start = RunStart(
            name=plan.pipeline,
            kind="pipeline",
            params={name: _scalar(value) for name, value in plan.params.items()},
            code=plan.code,
            environment=plan.environment,
            host=capture_host(),
            id=run.name if run else "",
        )
        ref = start_run(scope, start).ref
    for dataset in plan.inputs:
        note_input(scope, ref, dataset)
    scope.link(Ref("pipeline", plan.pipeline), ref, "runs")
    return PipelineRun(
        ref=ref,
        pipeline=plan.pipeline,
        reference=place.reference,
        folder=place.folder,
        status="running",
        params=plan.params,
        inputs=plan.inputs,
        started_at=scope.now,
    )


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _blank(plan: Plan) -> list[StepRun]:
    return [StepRun(name=step.name) for step in plan.steps]


def _merged(plan: Plan, known: PipelineRun) -> list[StepRun]:
    """Keep what is done until the runner has looked at it: it may be killed before."""
    done = {step.name: step for step in known.steps if step.status in DONE}
    return [done.get(step.name, step) for step in _blank(plan)]


def _require_nobody_runs(scope: Scope, known: PipelineRun) -> None:
    """Refuse to run beside a process of this machine that lives; a lease tells of others."""
    run = find_run(scope, known.ref)
    if run is None or run.ended or run.host is None or run.host.machine != this_machine():
        return
    if run.host != capture_host() and is_alive(run.host):
        raise Conflict(
            f"{known.ref} is being run by process {run.host.pid}",
            hint=f"wait for it, or: kill {run.host.pid}",
        )


def _bury(scope: Scope, ref: Ref) -> None:
    run = find_run(scope, ref)
    if run and not run.ended:
        finish_run(scope, ref, "killed", error="the process that ran its pipeline died")
