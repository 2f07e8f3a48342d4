"""The tables of pipeline runs, their steps, and the values that steps made."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    desc,
    insert,
    or_,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, UtcDateTime, metadata
from bucle.lifecycle.pipelines.records import CacheEntry, PipelineQuery, PipelineRun, StepRun

pipeline_runs = Table(
    "pipeline_runs",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("pipeline", String, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("runner", String, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_pipeline_runs_project_started", "project", "started_at", "run"),
)

step_runs = Table(
    "step_runs",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("body", Json, nullable=False),
)

step_cache = Table(
    "step_cache",
    metadata,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("reference", String, nullable=False),
    Column("step", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_step_cache_project_step", "project", "reference", "step", "made_at"),
)


def find_run(tx: Connection, project: str, run: str) -> PipelineRun | None:
    """Return a pipeline run with its steps; None: there is none of that id."""
    query = select(pipeline_runs.c.body).where(*_is_run(project, run))
    body = tx.execute(query).scalar()
    return _with_steps(tx, project, convert(body, PipelineRun)) if body else None


def add_run(tx: Connection, project: str, run: PipelineRun, runner: str) -> None:
    """Insert a pipeline run that has no steps yet."""
    tx.execute(
        insert(pipeline_runs).values(
            project=project,
            run=run.ref.name,
            pipeline=run.pipeline,
            status=run.status,
            started_at=run.started_at,
            runner=runner,
            body=_body(run),
        )
    )


def change_run(tx: Connection, project: str, run: PipelineRun) -> None:
    """Write a pipeline run over what it was; its steps are written one by one."""
    values = {"status": run.status, "body": _body(run)}
    tx.execute(update(pipeline_runs).where(*_is_run(project, run.ref.name)).values(values))


def take_over(tx: Connection, project: str, run: str, runner: str) -> None:
    """Let a runner be the one that may write to a run."""
    tx.execute(update(pipeline_runs).where(*_is_run(project, run)).values(runner=runner))


def runner_of(tx: Connection, project: str, run: str) -> str:
    """Return who may write to a run, and hold the row so that this stays so."""
    query = select(pipeline_runs.c.runner).where(*_is_run(project, run)).with_for_update()
    return str(tx.execute(query).scalar() or "")


def list_runs(tx: Connection, project: str, query: PipelineQuery) -> Page[PipelineRun]:
    """Return one page of pipeline runs, newest first."""
    columns = pipeline_runs.c
    wanted = select(columns.body).where(columns.project == project)
    if query.pipeline is not None:
        wanted = wanted.where(columns.pipeline == query.pipeline)
    if query.status is not None:
        wanted = wanted.where(columns.status == query.status)
    if query.token is not None:
        at, run = decode_token(query.token, datetime, str)
        earlier = and_(columns.started_at == at, columns.run < run)
        wanted = wanted.where(or_(columns.started_at < at, earlier))
    order = (desc(columns.started_at), desc(columns.run))
    bodies = tx.execute(wanted.order_by(*order).limit(query.limit + 1)).scalars().all()
    runs = [convert(body, PipelineRun) for body in bodies[: query.limit]]
    more = len(bodies) > query.limit
    last = encode_token(runs[-1].started_at.isoformat(), runs[-1].ref.name) if more else None
    return Page(items=tuple(_with_steps(tx, project, run) for run in runs), next_token=last)


def put_steps(tx: Connection, project: str, run: str, steps: Iterable[StepRun]) -> None:
    """Replace all the steps of a run."""
    tx.execute(delete(step_runs).where(step_runs.c.project == project, step_runs.c.run == run))
    rows = [
        {"project": project, "run": run, "step": step.name, "position": position,
         "status": step.status, "body": to_builtins(step)}
        for position, step in enumerate(steps)
    ]  # fmt: skip
    tx.execute(insert(step_runs), rows)


def change_step(tx: Connection, project: str, run: str, step: StepRun) -> None:
    """Write a step over what it was."""
    query = update(step_runs).where(
        step_runs.c.project == project, step_runs.c.run == run, step_runs.c.step == step.name
    )
    tx.execute(query.values(status=step.status, body=to_builtins(step)))


def find_entry(tx: Connection, project: str, key: str) -> CacheEntry | None:
    """Return the value that was made under a key; None: none was."""
    query = select(step_cache.c.body).where(step_cache.c.project == project,
                                            step_cache.c.key == key)  # fmt: skip
    body = tx.execute(query).scalar()
    return convert(body, CacheEntry) if body else None


def find_last_entry(tx: Connection, project: str, reference: str, step: str) -> CacheEntry | None:
    """Return the newest value that a step made under any key; None: it made none."""
    columns = step_cache.c
    query = (
        select(columns.body)
        .where(columns.project == project, columns.reference == reference, columns.step == step)
        .order_by(desc(columns.made_at))
        .limit(1)
    )
    body = tx.execute(query).scalar()
    return convert(body, CacheEntry) if body else None


def put_entry(tx: Connection, project: str, entry: CacheEntry) -> None:
    """Keep a value under its key, over the one that was there."""
    tx.execute(
        delete(step_cache).where(step_cache.c.project == project, step_cache.c.key == entry.key)
    )
    tx.execute(
        insert(step_cache).values(
            project=project,
            key=entry.key,
            reference=entry.reference,
            step=entry.step,
            made_at=entry.made_at,
            body=to_builtins(entry),
        )
    )


def _is_run(project: str, run: str) -> tuple[ColumnElement[bool], ...]:
    return (pipeline_runs.c.project == project, pipeline_runs.c.run == run)


def _body(run: PipelineRun) -> object:
    return to_builtins(replace(run, steps=()))


def _with_steps(tx: Connection, project: str, run: PipelineRun) -> PipelineRun:
    query = (
        select(step_runs.c.body)
        .where(step_runs.c.project == project, step_runs.c.run == run.ref.name)
        .order_by(step_runs.c.position)
    )
    return replace(run, steps=tuple(convert(b, StepRun) for b in tx.execute(query).scalars()))
