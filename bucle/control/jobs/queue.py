"""Queue jobs, lease them, and end them: no job is lost, and none is ended by two workers.

A worker holds a job by a lease with a fencing token.  When a worker dies, its lease runs out
and another worker takes the job with a higher token; if the first one was only slow, its end
of the job is refused.
"""

from datetime import datetime, timedelta
from typing import Any

from bucle.base.clock import SystemClock
from bucle.base.codec import to_builtins
from bucle.base.errors import Conflict
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.control.jobs import store
from bucle.control.jobs.records import Job, NewJob
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import House, Session

LEASE = timedelta(seconds=30)
_BACKOFF = timedelta(seconds=5)


def enqueue(scope: Scope, new: NewJob) -> Job:
    """Queue a job; where its key was used before, return the job that has it."""
    scope.require(Permission.CONTROL_RUN)
    if new.key and (before := store.find_by_key(scope.tx, scope.project, new.key)):
        return before
    job = Job(
        ref=Ref("job", scope.new_id()),
        project=scope.project,
        kind=new.kind,
        args=new.args,
        status="queued",
        run_at=new.run_at or scope.now,
        attempts=0,
        max_attempts=new.max_attempts,
        fence=0,
        key=new.key,
        cause=new.cause or scope.actor.name,
        created_at=scope.now,
    )
    store.add_job(scope.tx, job)
    scope.record("job.queued", job.ref, kind=job.kind, args=job.args, cause=job.cause)
    return job


def lease(house: House, owner: str) -> Job | None:
    """Take the next due job of any project, or None."""
    now = house.drivers.clock.now()
    with house.drivers.database.begin() as tx:
        return store.lease_next(tx, now=now, wall=_wall(), owner=owner, lasts=LEASE)


def heartbeat(house: House, job: Job) -> bool:
    """Prolong a lease; False where it was lost, and the work should stop."""
    with house.drivers.database.begin() as tx:
        return store.extend(tx, job, _wall() + LEASE)


def finish(session: Session, job: Job, result: dict[str, Any]) -> None:
    """End a job well.

    Raises:
        Conflict: the lease was lost; another worker has the job.
    """
    with session.begin() as scope:
        scope.require(Permission.CONTROL_RUN)
        plain = to_builtins(result)  # a job may return records
        values = {"status": "done", "result": plain, "ended_at": scope.now}
        _settle(scope, job, values)
        scope.record("job.finished", job.ref, kind=job.kind, result=plain)


def fail(session: Session, job: Job, error: str, *, retry: bool) -> bool:
    """End an attempt badly: queue the job again, or give it up; tell whether it was given up.

    Raises:
        Conflict: the lease was lost; another worker has the job.
    """
    again = retry and job.attempts < job.max_attempts
    with session.begin() as scope:
        scope.require(Permission.CONTROL_RUN)
        if again:
            later = scope.now + _BACKOFF * 2 ** (job.attempts - 1)
            _settle(scope, job, {"status": "queued", "run_at": later, "error": error})
            scope.record("job.retried", job.ref, kind=job.kind, error=error, run_at=later)
        else:
            _settle(scope, job, {"status": "failed", "error": error, "ended_at": scope.now})
            scope.record("job.failed", job.ref, kind=job.kind, error=error)
    return not again


def get_job(scope: Scope, ref: Ref) -> Job:
    """Return a job."""
    scope.require(Permission.CONTROL_READ, ref)
    return store.get_job(scope.tx, ref, scope.project)


def list_jobs(
    scope: Scope,
    *,
    status: str | None = None,
    kind: str | None = None,
    limit: int = 50,
    token: str | None = None,
) -> Page[Job]:
    """List jobs, newest first."""
    scope.require(Permission.CONTROL_READ)
    before = str(decode_token(token, str)[0]) if token else None
    found = store.list_jobs(
        scope.tx, scope.project, status=status, kind=kind, before=before, limit=limit + 1
    )
    more = encode_token(found[limit - 1].ref.name) if len(found) > limit else None
    return Page(items=found[:limit], next_token=more)


def _settle(scope: Scope, job: Job, values: dict[str, Any]) -> None:
    if not store.settle(scope.tx, job, values):
        raise Conflict(f"{job.ref} is held by another worker now", hint="this attempt is void")


def _wall() -> datetime:
    return SystemClock().now()


def open_jobs(scope: Scope) -> tuple[Job, ...]:
    """Return the jobs that are queued or running."""
    scope.require(Permission.CONTROL_READ)
    return store.list_open(scope.tx, scope.project)


def open_counts(scope: Scope) -> tuple[int, int, datetime | None]:
    """Return how many jobs are due, how many run, and when the next one comes due."""
    scope.require(Permission.CONTROL_READ)
    return store.count_open(scope.tx, scope.project, scope.now)
