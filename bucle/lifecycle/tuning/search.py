"""Search a space for the parameters with the best value, each trial a run, within a budget.

No transaction is open while an objective computes.  A trial that fails is recorded and the
search goes on; only when every trial failed, the search does.
"""

import math
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from bucle.base.digest import digest_value
from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref, check_name
from bucle.base.usage import Usage, measure
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import tracking
from bucle.lifecycle.data import sealed
from bucle.lifecycle.tracking import Run, RunStart, Scalar
from bucle.lifecycle.tuning import store
from bucle.lifecycle.tuning.records import Search, Space, Study, StudyResult, Trial
from bucle.lifecycle.tuning.sampler import Sampler
from bucle.lifecycle.tuning.space import Given, as_space, check_params

Params = dict[str, Scalar]
Report = Callable[[int, float], None]
Objective = Callable[[Params, Report], float]

_ERROR_LIMIT = 4_000
_MOST_WORKERS = 64


class Pruned(Exception):  # noqa: N818 - it is no error: the trial has fallen behind
    """Ends an objective whose reports are worse than those of the other trials."""


def search(
    session: Session,
    objective: Objective,
    space: Given,
    asked: Search,
    *,
    run: Ref | None = None,
) -> StudyResult:
    """Search for the best parameters, or go on with a search of the same name.

    Args:
        session: where studies and runs are kept.
        objective: takes parameters and `report(step, value)`, returns the value; what it
            reports on the way may end it early, when other trials were better by then.
        space: dimensions by name, or dimensions by name for each algorithm; the parameters
            then say which under `algorithm`.
        asked: direction, budget, seed and name.
        run: the run that the trials are part of; without it, the run that is going on here.

    Raises:
        Invalid: the space or the budget is wrong, or every trial failed.
        Conflict: the study is of another space, or another process searches it now.
        NotInstalled: Optuna is not installed.
    """
    space = as_space(space)
    _check(asked, space)
    ambient = tracking.ambient_run()
    parent = run or (ambient.run if ambient else None)
    sampler = Sampler(space, asked.direction, asked.seed)
    with session.begin() as scope:
        study, outer = _opened(scope, space, asked, parent)
    done = [trial for trial in study.trials if trial.status in ("finished", "pruned", "failed")]
    sampler.remember(done)
    lab = _Lab(
        session=session,
        objective=objective,
        asked=asked,
        study=study.ref,
        sampler=sampler,
        outer=outer,
        trials={trial.number: trial for trial in done},
    )
    _work(lab)
    return _result(session, study.ref)


@dataclass(frozen=True, kw_only=True)
class _Lab:
    """What all trials of one search share."""

    session: Session
    objective: Objective
    asked: Search
    study: Ref
    sampler: Sampler
    outer: Run | None
    trials: dict[int, Trial]

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the trials to come, until the time is up."""
        started_s = time.monotonic()
        for number in range(self.asked.trials):
            if number in self.trials:
                continue
            limit_s = self.asked.seconds
            if limit_s is not None and time.monotonic() - started_s >= limit_s:
                return
            yield number


@dataclass
class _Attempt:
    """Runs an objective and keeps what it raised: the door of somebody else's code."""

    error: BaseException | None = None
    reports: list[tuple[int, float]] = field(default_factory=list)
    value: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True  # whoever reads `error` decides; what is no Exception is raised again

    @property
    def status(self) -> tracking.Status:
        """How the trial's run ends."""
        if self.error is None or isinstance(self.error, Pruned):
            return "finished"
        return "failed" if isinstance(self.error, Exception) else "killed"


def _check(asked: Search, space: Space) -> None:
    if asked.trials < 1:
        raise Invalid(f"a search of {asked.trials} trials finds nothing", hint="trials=20")
    if asked.seconds is not None and asked.seconds <= 0:
        raise Invalid(f"a search of {asked.seconds:g} seconds finds nothing", hint="seconds=60")
    if not 1 <= asked.workers <= _MOST_WORKERS:
        raise Invalid(f"{asked.workers} workers can not search", hint=f"1 to {_MOST_WORKERS}")
    check_name(asked.metric)
    for params in asked.first:
        check_params(space, params)


def _opened(
    scope: Scope, space: Space, asked: Search, parent: Ref | None
) -> tuple[Study, Run | None]:
    """Begin the study, or take it up again."""
    scope.require(Permission.RUN_WRITE)
    outer = tracking.get_run(scope, parent) if parent else None
    name = check_name(asked.name or _own_name(scope, space, asked, parent))
    before = store.find_study(scope.tx, scope.project, name, lock=True)
    if before is not None:
        return _taken_up(scope, before, space, asked), outer
    study = Study(
        ref=Ref("study", name),
        direction=asked.direction,
        metric=asked.metric,
        space=space,
        seed=asked.seed,
        run=parent,
        status="running",
        started_at=scope.now,
        started_by=scope.actor.name,
    )
    store.add_study(scope.tx, scope.project, study)
    scope.record("study.started", study.ref, direction=asked.direction, trials=asked.trials)
    if parent:
        scope.link(parent, study.ref, "part")
    return study, outer


def _own_name(scope: Scope, space: Space, asked: Search, parent: Ref | None) -> str:
    """Return the name of a run's own study, which a run that is resumed finds again."""
    if parent is None:
        return scope.new_id()
    return f"{parent.name}-{digest_value([space, asked.direction, asked.seed])[:8]}"


def _taken_up(scope: Scope, study: Study, space: Space, asked: Search) -> Study:
    same = (study.space, study.direction, study.seed, study.metric)
    if same != (space, asked.direction, asked.seed, asked.metric):
        raise Conflict(
            f"{study.ref} was begun with another space, direction, seed or metric",
            hint="give the search another name",
        )
    for trial in study.trials:
        if trial.status == "running":
            _require_dead(scope, study, trial)
    store.set_status(scope.tx, scope.project, study.ref.name, "running")
    scope.record("study.resumed", study.ref, trials=asked.trials, done=len(study.trials))
    return study


def _require_dead(scope: Scope, study: Study, trial: Trial) -> None:
    """Close a trial that was interrupted; its number is tried again.

    Raises:
        Conflict: it is running in another process.
    """
    run = tracking.get_run(scope, trial.run)
    if not run.ended:
        if tracking.may_be_alive(run):
            host = run.host
            where = f"process {host.pid} on {host.name}" if host else "another process"
            raise Conflict(
                f"{study.ref} is being searched by {where}", hint="wait for it, or stop it"
            )
        tracking.finish_run(scope, run.ref, "killed", error="the search was interrupted")
    dead = replace(trial, status="killed")
    store.put_trial(scope.tx, scope.project, study.ref.name, dead)


def _work(lab: _Lab) -> None:
    if lab.asked.workers == 1:
        for number in lab.numbers():
            _try(lab, number)
        return
    with ThreadPoolExecutor(lab.asked.workers, thread_name_prefix="bucle-trial") as pool:
        running: set[Future[None]] = set()
        for number in lab.numbers():
            running.add(pool.submit(_try, lab, number))
            if len(running) == lab.asked.workers:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
        for future in running:
            future.result()


def _try(lab: _Lab, number: int) -> None:
    """Ask for one trial, run it, and tell what came of it."""
    first = lab.asked.first
    params = lab.sampler.ask(number, first[number] if number < len(first) else None)
    trial = _started(lab, number, params)
    attempt = _Attempt()

    def report(step: int, value: float) -> None:
        attempt.reports.append((step, float(value)))
        if lab.sampler.report(number, step, float(value)):
            raise Pruned

    tuned = f"trial {number} of {lab.study} is being tuned"
    with measure() as meter, attempt, tracking.within(trial.run, lab.session), sealed(tuned):
        attempt.value = _checked(lab.objective(dict(params), report))
    ended = _ended(lab, trial, attempt, _own_usage(lab, meter.usage()))
    lab.sampler.tell(ended)
    if attempt.error is not None and not isinstance(attempt.error, Exception):
        raise attempt.error


def _checked(value: float) -> float:
    value = float(value)
    if not math.isfinite(value):
        raise Invalid(f"the objective returned {value}", hint="return a finite number")
    return value


def _own_usage(lab: _Lab, usage: Usage) -> Usage:
    """Share out what the process used among the trials that ran side by side."""
    if lab.asked.workers == 1:
        return usage
    return replace(usage, cpu_s=usage.cpu_s / lab.asked.workers)


def _started(lab: _Lab, number: int, params: Params) -> Trial:
    outer = lab.outer
    start = RunStart(
        name=f"{lab.study.name} {number}",
        kind="trial",
        experiment=lab.asked.experiment or (outer.experiment if outer else "default"),
        params=params,
        parent=outer.ref if outer else None,
        code=outer.code if outer else None,
        environment=outer.environment if outer else None,
        host=tracking.capture_host(),
        seeds={"search": lab.asked.seed},
    )
    with lab.session.begin() as scope:
        run = tracking.start_run(scope, start)
        trial = Trial(number=number, run=run.ref, status="running", params=params)
        store.put_trial(scope.tx, scope.project, lab.study.name, trial)
        scope.link(lab.study, run.ref, "part")
    return trial


def _ended(lab: _Lab, trial: Trial, attempt: _Attempt, usage: Usage) -> Trial:
    """Write what came of a trial, its run and its reports in one transaction."""
    pruned = isinstance(attempt.error, Pruned)
    error = attempt.error
    text = "" if error is None or pruned else "".join(traceback.format_exception(error))
    status = attempt.status
    ended = replace(
        trial,
        status="pruned" if pruned else status,
        value=attempt.value,
        reports=tuple(r for r in dict(attempt.reports).items() if math.isfinite(r[1])),
        error=text[-_ERROR_LIMIT:],
    )
    with lab.session.begin() as scope:
        tracking.log_points(scope, trial.run, _points(scope, lab.asked.metric, attempt))
        if pruned:
            tracking.set_tags(scope, trial.run, {"pruned": "true"})
        tracking.finish_run(scope, trial.run, status, usage, text)
        store.put_trial(scope.tx, scope.project, lab.study.name, ended)
    return ended


def _points(scope: Scope, metric: str, attempt: _Attempt) -> tracking.MetricPoints:
    """Return the reports and, a step behind them, the value as points of one series."""
    points = list(attempt.reports)
    if attempt.value is not None:
        points.append((max((step for step, _ in points), default=-1) + 1, attempt.value))
    at_ms = int(scope.now.timestamp() * 1000)
    return tracking.metric_points([(metric, step, at_ms, value) for step, value in points])


def _result(session: Session, ref: Ref) -> StudyResult:
    """Close the study and return the best of its trials.

    Raises:
        Invalid: no trial finished.
    """
    with session.begin() as scope:
        scope.require(Permission.RUN_WRITE, ref)
        study = store.find_study(scope.tx, scope.project, ref.name)
        assert study is not None
        best = study.best_trial
        if best is None:
            store.set_status(scope.tx, scope.project, ref.name, "failed")
            scope.record("study.failed", ref, trials=len(study.trials))
        else:
            store.set_status(scope.tx, scope.project, ref.name, "finished")
            scope.record(
                "study.finished", ref, trials=len(study.trials), value=best.value,
                params=best.params, run=best.run,
            )  # fmt: skip
    if best is None:
        raise _all_failed(study)
    assert best.value is not None
    return StudyResult(
        study=ref, params=best.params, value=best.value, run=best.run, trials=study.trials
    )


def _all_failed(study: Study) -> Invalid:
    errors = [trial.error.strip().splitlines()[-1] for trial in study.trials if trial.error.strip()]
    why = f"; the first said: {errors[0]}" if errors else ""
    count = len(study.trials)
    return Invalid(
        f"none of the {count} trials of {study.ref} finished{why}",
        hint=f"bucle tuning get {study.ref}",
    )
