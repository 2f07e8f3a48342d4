"""One runner of one pipeline run: decides, submits, waits, and writes down each end at once.

What it knows is in the database after every step, so that whoever comes after it, however it
died, goes on from there.  Only one runner may write: a newer one takes the run over.
"""

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from dataclasses import replace as dataclass_replace
from pathlib import Path

from msgspec.structs import replace

from bucle.base.errors import Conflict, Denied, Invalid
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.drivers.blobs.content import store_file
from bucle.drivers.compute import Outcome, TaskOptions, usage_of_failure
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.pipelines import store
from bucle.lifecycle.pipelines.inputs import note_input
from bucle.lifecycle.pipelines.plan import Plan, StepPlan
from bucle.lifecycle.pipelines.records import DONE, LOST, CacheEntry, PipelineRun, StepRun
from bucle.lifecycle.pipelines.remember import (
    chosen_inputs,
    key_of,
    still_holds,
    why_it_runs,
    why_not_kept,
    why_not_remembered,
)
from bucle.lifecycle.pipelines.remote import Made, Place, StepTask, run_step
from bucle.lifecycle.pipelines.schedule import ready, unreachable, wait_before
from bucle.lifecycle.pipelines.values import Part, Stored, ValueStore
from bucle.lifecycle.tracking import (
    RunStart,
    capture_host,
    find_run,
    finish_run,
    log_artifact,
)
from bucle.lifecycle.tracking import start_run as start_tracking

LOG_NAME = "log.txt"
_ATTEMPT_AGAIN_NEVER = (Invalid, Conflict, Denied)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """A step on its way: what it was given, and what it used so far."""

    plan: StepPlan
    step: StepRun
    values: tuple[Part, ...]
    due_s: float = 0.0  # on the monotonic clock
    used: Usage | None = None  # None: nothing yet


class Runner:
    """Runs what can be run until nothing can."""

    def __init__(
        self, session: Session, *, place: Place, plan: Plan, record: PipelineRun, runner: str
    ) -> None:
        self.session = session
        self.place = place
        self.plan = plan
        self.record = record
        self.runner = runner
        self.values = ValueStore(
            session.drivers.blobs, session.drivers.cache_path, Path(place.folder)
        )
        self.before = {step.name: step for step in record.steps}
        self.steps = {step.name: StepRun(name=step.name) for step in plan.steps}
        self.running: dict[Future[Outcome[Made]], _Attempt] = {}
        self.waiting: list[_Attempt] = []

    def run(self) -> PipelineRun:
        """Run to the end and return what became of it."""
        try:
            while True:
                self._begin_ready()
                self._submit_due()
                if not self.running and not self.waiting:
                    return self._finish()
                self._settle(self._wait())
        finally:
            for future in self.running:
                future.cancel()

    @property
    def states(self) -> dict[str, str]:
        """The status of each step."""
        return {name: step.status for name, step in self.steps.items()}

    # Beginning

    def _begin_ready(self) -> None:
        """Take what is known, and start what is not."""
        begun: list[_Attempt] = []
        taken: list[StepRun] = []
        with self.session.begin(write=False) as scope:
            while found := ready(self.plan.steps, self.states):
                for plan in found:
                    attempt = self._look_up(scope, plan)
                    self.steps[plan.name] = attempt.step
                    if attempt.step.status in DONE:
                        taken.append(attempt.step)
                    else:
                        begun.append(attempt)
        skipped = [self._skip(plan) for plan in unreachable(self.plan.steps, self.states)]
        if not (begun or taken or skipped):
            return
        with self.session.begin() as scope:
            self._require_mine(scope)
            for step in taken:
                self._take(scope, step)
            self.waiting += [self._start(scope, attempt) for attempt in begun]
            for step in skipped:
                self._write(scope, replace(step, ended_at=scope.now))

    def _look_up(self, scope: Scope, plan: StepPlan) -> _Attempt:
        """Find a value that may be taken: of this run before it was killed, or of another."""
        values = tuple(self._part(name, path) for name, path in plan.takes)
        key = key_of(plan, values, self.plan.environment)
        before = self.before.get(plan.name)
        if before and before.status in DONE and before.key == key and self._is_there(before.output):
            return _Attempt(plan=plan, step=before, values=values)
        secret = why_not_kept(plan)
        entry = None if secret else store.find_entry(scope.tx, scope.project, key)
        if entry and self._is_there(entry.output) and still_holds(scope, entry):
            step = StepRun(name=plan.name, status="cached", run=entry.run, key=key,
                           output=entry.output, note=f"taken from {entry.run}")  # fmt: skip
            return _Attempt(plan=plan, step=step, values=values)
        note = secret or why_it_runs(scope, plan, self.place.reference)
        step = StepRun(name=plan.name, status="running", key=key, note=note)
        return _Attempt(plan=plan, step=step, values=values)

    def _take(self, scope: Scope, step: StepRun) -> None:
        if step == self.before.get(step.name):
            return
        assert step.run is not None
        scope.link(step.run, self.record.ref, "reused", step=step.name)
        self._write(scope, replace(step, started_at=scope.now, ended_at=scope.now))

    def _start(self, scope: Scope, attempt: _Attempt) -> _Attempt:
        plan = attempt.plan
        start = RunStart(
            name=plan.name,
            kind="step",
            params=plan.params,
            parent=self.record.ref,
            code=self.plan.code,
            environment=self.plan.environment,
            host=capture_host(),
            seeds={"run": _seed(attempt.step.key)},
        )
        ref = start_tracking(scope, start).ref
        for name, path in plan.takes:
            maker = self.steps[name].run
            assert maker is not None
            scope.link(maker, ref, "value", step=name, path=path)
        given = {str(value) for value in plan.params.values()}
        for dataset in self.plan.inputs:
            if str(dataset) in given:
                note_input(scope, ref, dataset)
        step = replace(attempt.step, run=ref, started_at=scope.now)
        self._write(scope, step)
        return dataclass_replace(attempt, step=step)

    def _submit_due(self) -> None:
        now_s = time.monotonic()
        due = [attempt for attempt in self.waiting if attempt.due_s <= now_s]
        self.waiting = [attempt for attempt in self.waiting if attempt.due_s > now_s]
        for attempt in due:
            step = replace(attempt.step, attempts=attempt.step.attempts + 1)
            self.steps[step.name] = step
            future = self._submit(attempt.plan, step, attempt.values)
            self.running[future] = dataclass_replace(attempt, step=step)

    def _submit(
        self, plan: StepPlan, step: StepRun, values: tuple[Part, ...]
    ) -> Future[Outcome[Made]]:
        assert step.run is not None
        log = self._log_path(step.run)
        log.parent.mkdir(parents=True, exist_ok=True)
        task = StepTask(
            place=self.place,
            params=self.plan.params,
            step=plan.name,
            parts=plan.parts,
            values=values,
            run=step.run,
            seed=_seed(step.key),
        )
        options = TaskOptions(output_path=str(log), environment={"BUCLE_RUN": str(step.run)})
        return self.session.drivers.compute.submit(
            run_step, task, timeout_s=plan.timeout_s, options=options
        )

    # Ending

    def _wait(self) -> set[Future[Outcome[Made]]]:
        """Wait until a step ends or the next attempt is due."""
        next_s = min((attempt.due_s for attempt in self.waiting), default=None)
        timeout_s = None if next_s is None else max(next_s - time.monotonic(), 0.0)
        if not self.running:
            time.sleep(timeout_s or 0.0)
            return set()
        return wait(self.running, timeout=timeout_s, return_when=FIRST_COMPLETED).done

    def _settle(self, ended: Iterable[Future[Outcome[Made]]]) -> None:
        for future in ended:
            attempt = self.running.pop(future)
            error = future.exception()
            if error is None:
                outcome = future.result()
                self._keep(dataclass_replace(attempt, used=_sum(attempt.used, outcome.usage)),
                           outcome.value)  # fmt: skip
                continue
            failed = dataclass_replace(attempt, used=_sum(attempt.used, usage_of_failure(error)))
            if attempt.step.attempts <= attempt.plan.retries and not isinstance(
                error, _ATTEMPT_AGAIN_NEVER
            ):
                self._retry(failed)
            else:
                self._fail(failed, error)

    def _retry(self, attempt: _Attempt) -> None:
        pause_s = wait_before(attempt.step.attempts + 1, attempt.plan.backoff_s)
        self.waiting.append(dataclass_replace(attempt, due_s=time.monotonic() + pause_s))

    def _keep(self, attempt: _Attempt, made: Made) -> None:
        """Write a finished step, its log and its value, in one transaction."""
        plan, step = attempt.plan, attempt.step
        assert step.run is not None
        digest = self._stored_log(step.run)
        with self.session.begin() as scope:
            self._require_mine(scope)
            self._end(scope, attempt, digest, "")
            run = find_run(scope, step.run)
            read = run.inputs if run else ()
            doubt = f"not cached: {made.doubt}" if made.doubt else why_not_remembered(read)
            self._write(scope, replace(step, status="finished", output=made.output,
                                       note=doubt or step.note, ended_at=scope.now))  # fmt: skip
            if doubt or why_not_kept(plan):
                return
            entry = CacheEntry(
                key=step.key,
                step=plan.name,
                reference=self.place.reference,
                run=step.run,
                output=made.output,
                parts=plan.parts,
                inputs=chosen_inputs(read, self.plan.inputs),
                made_at=scope.now,
            )
            store.put_entry(scope.tx, scope.project, entry)

    def _fail(self, attempt: _Attempt, error: BaseException) -> None:
        step = attempt.step
        assert step.run is not None
        said = f"{type(error).__name__}: {error}"
        told = "\n".join((said, *getattr(error, "__notes__", ())))
        digest = self._stored_log(step.run)
        with self.session.begin() as scope:
            self._require_mine(scope)
            self._end(scope, attempt, digest, told)
            self._write(scope, replace(step, status="failed", error=said, ended_at=scope.now))

    def _end(self, scope: Scope, attempt: _Attempt, log: str, error: str) -> None:
        ref = attempt.step.run
        assert ref is not None
        if log:
            log_artifact(scope, ref, LOG_NAME, digest=log)
        finish_run(scope, ref, "failed" if error else "finished", attempt.used, error)

    def _finish(self) -> PipelineRun:
        """Write how the run ended, and say of a failure what to type next."""
        failed = [step for step in self.steps.values() if step.status == "failed"]
        error = f"step {failed[0].name!r} failed: {failed[0].error}" if failed else ""
        with self.session.begin() as scope:
            self._require_mine(scope)
            record = replace(
                self.record,
                status="failed" if failed else "finished",
                ended_at=scope.now,
                error=error,
                outputs={} if failed else self._outputs(),
                steps=(),
            )
            store.change_run(scope.tx, scope.project, record)
            finish_run(scope, record.ref, "failed" if failed else "finished", None, error)
            if failed:
                self._record_failure(scope, failed[0])
            else:
                counted = {status: sum(s.status == status for s in self.steps.values())
                           for status in ("finished", "cached")}  # fmt: skip
                scope.record("pipeline.finished", record.ref, pipeline=record.pipeline, **counted)
        return replace(record, steps=tuple(self.steps.values()))

    def _record_failure(self, scope: Scope, step: StepRun) -> None:
        plan = next(plan for plan in self.plan.steps if plan.name == step.name)
        scope.record(
            "pipeline.failed",
            self.record.ref,
            pipeline=self.record.pipeline,
            step=step.name,
            run=step.run,
            takes=[".".join((name, *map(str, path))) for name, path in plan.takes],
            params=plan.params,
            error=step.error,
            next=f"bucle pipelines resume {self.record.ref}",
        )

    # Small things

    def _require_mine(self, scope: Scope) -> None:
        """Stop if a newer runner took the run over: it decides now."""
        if store.runner_of(scope.tx, scope.project, self.record.ref.name) != self.runner:
            raise Conflict(f"another process took over {self.record.ref}")

    def _write(self, scope: Scope, step: StepRun) -> None:
        self.steps[step.name] = step
        store.change_step(scope.tx, scope.project, self.record.ref.name, step)

    def _part(self, name: str, path: tuple[int | str, ...]) -> Part:
        output = self.steps[name].output
        assert output is not None
        return self.values.part(output, path)

    def _outputs(self) -> dict[str, Part]:
        return {name: self._part(step, path) for name, step, path in self.plan.outputs}

    def _is_there(self, output: Stored | None) -> bool:
        return output is not None and self.values.is_there(output)

    def _skip(self, plan: StepPlan) -> StepRun:
        lost = [name for name in plan.needs if self.states[name] in LOST]
        step = StepRun(name=plan.name, status="skipped", note=f"needs {' and '.join(lost)}")
        self.steps[plan.name] = step
        return step

    def _log_path(self, run: Ref) -> Path:
        return self.session.drivers.cache_path / "steps" / f"{run.name}.log"

    def _stored_log(self, run: Ref) -> str:
        """Store what a step printed and return its digest; nothing if it printed nothing."""
        path = self._log_path(run)
        printed = path.exists() and path.stat().st_size > 0
        digest = store_file(self.session.drivers.blobs, path) if printed else ""
        path.unlink(missing_ok=True)
        return digest


def _seed(key: str) -> int:
    """Return the seed of the global generators: the same code and inputs, the same numbers."""
    return int(key[:8], 16)


def _sum(before: Usage | None, now: Usage | None) -> Usage | None:
    if before is None or now is None:
        return before or now
    gpu_s = None if before.gpu_s is None and now.gpu_s is None else (
        (before.gpu_s or 0.0) + (now.gpu_s or 0.0))  # fmt: skip
    return Usage(
        cpu_s=before.cpu_s + now.cpu_s,
        wall_s=before.wall_s + now.wall_s,
        peak_memory_bytes=max(before.peak_memory_bytes, now.peak_memory_bytes),
        gpu_s=gpu_s,
    )
