"""The tables of studies and their trials."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.refs import Ref
from bucle.drivers.db import Json, UtcDateTime, metadata
from bucle.lifecycle.tuning.records import Study, Trial

studies = Table(
    "studies",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("direction", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("space", Json, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("run", String),
    Column("status", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("started_by", String, nullable=False),
    Index("ix_studies_project_started_at", "project", "started_at"),
)

trials = Table(
    "study_trials",
    metadata,
    Column("project", String, primary_key=True),
    Column("study", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("run", String, nullable=False),
    Column("status", String, nullable=False),
    Column("params", Json, nullable=False),
    Column("value", Float),
    Column("reports", Json, nullable=False),
    Column("error", String, nullable=False),
)


def add_study(tx: Connection, project: str, study: Study) -> None:
    """Insert a study that begins."""
    tx.execute(
        insert(studies).values(
            project=project,
            name=study.ref.name,
            direction=study.direction,
            metric=study.metric,
            space=to_builtins(study.space),
            seed=study.seed,
            run=study.run.name if study.run else None,
            status=study.status,
            started_at=study.started_at,
            started_by=study.started_by,
        )
    )


def set_status(tx: Connection, project: str, name: str, status: str) -> None:
    """Write a study's state."""
    here = (studies.c.project == project, studies.c.name == name)
    tx.execute(update(studies).where(*here).values(status=status))


def find_study(tx: Connection, project: str, name: str, *, lock: bool = False) -> Study | None:
    """Return a study with its trials, or None; `lock` makes other searches of it wait."""
    query = select(studies).where(studies.c.project == project, studies.c.name == name)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return None
    there = select(trials).where(trials.c.project == project, trials.c.study == name)
    found = [_trial(part) for part in tx.execute(there.order_by(trials.c.number))]
    return _study(row, found)


def list_studies(
    tx: Connection, project: str, limit: int, after: tuple[datetime, str] | None
) -> tuple[Study, ...]:
    """Return studies without their trials, the newest first."""
    query = select(studies).where(studies.c.project == project)
    if after:
        at, name = after
        query = query.where(
            (studies.c.started_at < at) | ((studies.c.started_at == at) & (studies.c.name < name))
        )
    query = query.order_by(studies.c.started_at.desc(), studies.c.name.desc()).limit(limit)
    return tuple(_study(row, []) for row in tx.execute(query))


def put_trial(tx: Connection, project: str, study: str, trial: Trial) -> None:
    """Write a trial over what it was."""
    key = {"project": project, "study": study, "number": trial.number}
    tx.execute(delete(trials).filter_by(**key))
    tx.execute(
        insert(trials).values(
            **key,
            run=trial.run.name,
            status=trial.status,
            params=trial.params,
            value=trial.value,
            reports=[list(report) for report in trial.reports],
            error=trial.error,
        )
    )


def _study(row: Row[Any], found: list[Trial]) -> Study:
    plain = row._asdict()
    wanted = {name: plain[name] for name in Study.__struct_fields__ if name in plain}
    run = Ref("run", row.run) if row.run else None
    return convert(
        wanted | {"ref": Ref("study", row.name), "run": run, "trials": found}, Study, strict=True
    )


def _trial(row: Row[Any]) -> Trial:
    plain = row._asdict()
    wanted = {name: plain[name] for name in Trial.__struct_fields__}
    return convert(wanted | {"run": Ref("run", row.run)}, Trial, strict=True)
