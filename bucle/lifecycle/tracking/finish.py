"""End a run, and find the runs whose process has died."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import changed_run, known_run
from bucle.lifecycle.tracking.capture import is_alive, this_machine
from bucle.lifecycle.tracking.points import pack_loose
from bucle.lifecycle.tracking.records import Run, Status

_ERROR_LIMIT = 16_000
SILENCE = timedelta(minutes=10)


def finish_run(
    scope: Scope,
    ref: Ref,
    status: Status = "finished",
    usage: Usage | None = None,
    error: str = "",
    *,
    ended_at: datetime | None = None,
) -> Run:
    """End a run as finished, failed or killed; ending it the same way again changes nothing.

    `ended_at` is for who tells of it later; it is neither to come nor before the start.

    Raises:
        Conflict: it has ended in another way.
        Invalid: `running` and `scheduled` are no ways to end.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    if status in {"scheduled", "running"}:
        raise Invalid(f"a run can not end as {status}", hint="finished, failed or killed")
    before = known_run(scope, ref, lock=True)
    if before.status == status:
        return before
    if before.ended:
        raise Conflict(f"{ref} has ended already: {before.status}", hint="resume it first")
    ended_at = max(min(ended_at or scope.now, scope.now), before.started_at)
    run = replace(
        before, status=status, ended_at=ended_at, usage=usage, error=error[-_ERROR_LIMIT:]
    )
    changed_run(scope, run)
    pack_loose(scope, ref.name)
    if usage:
        scope.spend(ref, usage)
    _record(scope, run)
    return run


def sweep(scope: Scope, *, silence: timedelta = SILENCE) -> tuple[Run, ...]:
    """Mark as killed the runs whose process is gone, and return them.

    A process of this machine is asked for; one of another machine counts as gone when nothing
    was heard of it for `silence`.  A run that named no process is left alone.
    """
    scope.require(Permission.RUN_WRITE)
    gone: list[Run] = []
    for run, seen_at in store.list_running(scope.tx, scope.project):
        elsewhere = run.host is None or run.host.machine != this_machine()
        silent = run.host is not None and scope.now - seen_at > silence
        if run.host and (silent if elsewhere else not is_alive(run.host)):
            reason = f"process {run.host.pid} on {run.host.name} has died"
            gone.append(finish_run(scope, run.ref, "killed", error=reason))
    return tuple(gone)


def may_be_alive(run: Run) -> bool:
    """Tell whether a run's process may be there still; that of another machine may always be."""
    if run.ended:
        return False
    return run.host is None or run.host.machine != this_machine() or is_alive(run.host)


def _record(scope: Scope, run: Run) -> None:
    figures = {"name": run.name, "kind": run.kind, "metrics": run.metrics, "usage": run.usage}
    if run.status == "finished":
        scope.record("run.finished", run.ref, **figures)
    elif run.status == "failed":
        scope.record("run.failed", run.ref, error=run.error, **figures)
    else:
        scope.record("run.killed", run.ref, error=run.error, **figures)
