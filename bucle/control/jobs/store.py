"""The table of jobs.

Leases run on the machine's clock, not on the house's: a replay may stop the house's clock,
and a dead worker's lease must end all the same.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.control.jobs.records import Job
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("args", Json, nullable=False),
    Column("key", String),
    Column("status", String, nullable=False),
    Column("run_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("owner", String, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("cause", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("result", Json),
    Column("error", String, nullable=False),
    UniqueConstraint("project", "key"),
    Index("ix_jobs_status_run_at", "status", "run_at"),
)
OPEN = ("queued", "running")


def find_by_key(tx: Tx, project: str, key: str) -> Job | None:
    """Return the job that was queued under a key, or None."""
    return _one(tx, select(jobs).where(jobs.c.project == project, jobs.c.key == key))


def get_job(tx: Tx, ref: Ref, project: str) -> Job:
    """Return a job."""
    if job := _one(tx, select(jobs).where(jobs.c.project == project, jobs.c.id == ref.name)):
        return job
    raise NotFound(f"{ref} does not exist", hint="bucle control jobs")


def add_job(tx: Tx, job: Job) -> None:
    """Insert a queued job."""
    tx.execute(
        insert(jobs).values(
            project=job.project,
            id=job.ref.name,
            kind=job.kind,
            args=job.args,
            key=job.key,
            status=job.status,
            run_at=job.run_at,
            attempts=0,
            max_attempts=job.max_attempts,
            fence=0,
            owner="",
            cause=job.cause,
            created_at=job.created_at,
            error="",
        )
    )


def lease_next(
    tx: Tx, *, now: datetime, wall: datetime, owner: str, lasts: timedelta
) -> Job | None:
    """Take the job that is due the longest, or one whose holder let its lease run out."""
    due = and_(jobs.c.status == "queued", jobs.c.run_at <= now)
    lost = and_(jobs.c.status == "running", jobs.c.lease_until < wall)
    query = select(jobs).where(or_(due, lost)).order_by(jobs.c.run_at, jobs.c.id).limit(1)
    row = tx.execute(query.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    same = (jobs.c.project == row.project) & (jobs.c.id == row.id)
    tx.execute(
        update(jobs)
        .where(same)
        .values(
            status="running",
            owner=owner,
            fence=jobs.c.fence + 1,
            attempts=jobs.c.attempts + 1,
            lease_until=wall + lasts,
        )
    )
    return _one(tx, select(jobs).where(same))


def extend(tx: Tx, job: Job, until: datetime) -> bool:
    """Prolong a lease; tell whether it is still held."""
    held = tx.execute(update(jobs).where(_held(job)).values(lease_until=until))
    return held.rowcount > 0


def settle(tx: Tx, job: Job, values: dict[str, Any]) -> bool:
    """Write the end of a job's attempt, if its lease is still held."""
    done = tx.execute(update(jobs).where(_held(job)).values(lease_until=None, **values))
    return done.rowcount > 0


def list_jobs(
    tx: Tx, project: str, *, status: str | None, kind: str | None, before: str | None, limit: int
) -> tuple[Job, ...]:
    """Return jobs, newest first."""
    query = select(jobs).where(jobs.c.project == project)
    if status:
        query = query.where(jobs.c.status == status)
    if kind:
        query = query.where(jobs.c.kind == kind)
    if before:
        query = query.where(jobs.c.id < before)
    rows = tx.execute(query.order_by(jobs.c.id.desc()).limit(limit))
    return tuple(_job(row) for row in rows)


def count_open(tx: Tx, project: str, now: datetime) -> tuple[int, int, datetime | None]:
    """Return how many jobs are due, how many run, and when the next one comes due."""
    mine = jobs.c.project == project
    queued = and_(mine, jobs.c.status == "queued")
    due = tx.execute(select(func.count()).where(queued, jobs.c.run_at <= now)).scalar_one()
    running = tx.execute(select(func.count()).where(mine, jobs.c.status == "running")).scalar_one()
    later = tx.execute(
        select(jobs.c.run_at).where(queued, jobs.c.run_at > now).order_by(jobs.c.run_at).limit(1)
    ).scalar()
    return due, running, later


def list_open(tx: Tx, project: str) -> tuple[Job, ...]:
    """Return the jobs that are not over, oldest first."""
    query = select(jobs).where(jobs.c.project == project, jobs.c.status.in_(OPEN))
    return tuple(_job(row) for row in tx.execute(query.order_by(jobs.c.id)))


def _held(job: Job) -> Any:  # noqa: ANN401 - a SQL condition
    return and_(
        jobs.c.project == job.project,
        jobs.c.id == job.ref.name,
        jobs.c.fence == job.fence,
        jobs.c.status == "running",
    )


def _one(tx: Tx, query: Select[Any]) -> Job | None:
    row = tx.execute(query).one_or_none()
    return _job(row) if row else None


def _job(row: Row[Any]) -> Job:
    return Job(
        ref=Ref("job", row.id),
        project=row.project,
        kind=row.kind,
        args=row.args,
        status=row.status,
        run_at=row.run_at,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        fence=row.fence,
        key=row.key,
        cause=row.cause,
        created_at=row.created_at,
        ended_at=row.ended_at,
        result=row.result,
        error=row.error,
    )
