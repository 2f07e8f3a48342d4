"""The ledger of what was brought over, and the SQL of setting what no other verb may set."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Index, String, Table, func, insert, select, update

from bucle.base.refs import Ref
from bucle.drivers.db import UtcDateTime, metadata, upsert_into
from bucle.lifecycle.tracking.adopted.records import (
    AdoptedExperiment,
    AdoptedRun,
    Adoption,
    AdoptionSource,
)
from bucle.lifecycle.tracking.segments import Segment
from bucle.lifecycle.tracking.store import experiments, params, runs, segments

adoptions = Table(
    "adoptions",
    metadata,
    Column("project", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("theirs", String, primary_key=True),
    Column("ours", String, nullable=False),
    Column("mark", String, nullable=False),
    Column("adopted_at", UtcDateTime, nullable=False),
    Index("ix_adoptions_project_ours", "project", "ours"),
)

_AT_ONCE = 1_000


def put_adoption(
    tx: Connection, project: str, source: str, adoption: Adoption, now: datetime
) -> None:
    """Note what a thing of a source became, over what was noted before."""
    changing = {"ours": str(adoption.ours), "mark": adoption.mark, "adopted_at": now}
    key = {"project": project, "source": source, "theirs": adoption.theirs}
    query = upsert_into(tx, adoptions).values(**key, **changing)
    tx.execute(query.on_conflict_do_update(index_elements=list(key), set_=changing))


def list_adoptions(
    tx: Connection, project: str, source: str, theirs: Sequence[str]
) -> tuple[Adoption, ...]:
    """Return what the ledger says of some things of a source."""
    found: list[Adoption] = []
    for begin in range(0, len(theirs), _AT_ONCE):
        query = select(adoptions).where(
            adoptions.c.project == project,
            adoptions.c.source == source,
            adoptions.c.theirs.in_(theirs[begin : begin + _AT_ONCE]),
        )
        found.extend(
            Adoption(theirs=row.theirs, ours=Ref.parse(row.ours), mark=row.mark)
            for row in tx.execute(query)
        )
    return tuple(found)


def is_adopted(tx: Connection, project: str, ours: Ref) -> bool:
    """Tell whether a thing came from anywhere."""
    query = select(adoptions.c.source).filter_by(project=project, ours=str(ours))
    return tx.execute(query.limit(1)).first() is not None


def list_sources(tx: Connection, project: str) -> tuple[AdoptionSource, ...]:
    """Return where things came from, and how many."""
    columns = (
        adoptions.c.source,
        func.count().label("things"),
        func.max(adoptions.c.adopted_at, type_=UtcDateTime).label("last_at"),
    )
    query = select(*columns).where(adoptions.c.project == project).group_by(adoptions.c.source)
    return tuple(
        AdoptionSource(source=row.source, things=row.things, last_at=row.last_at)
        for row in tx.execute(query.order_by(adoptions.c.source))
    )


def free_number(tx: Connection, project: str, wanted: int | None) -> int:
    """Return the wanted number if no experiment ever had it, else the next.

    The default experiment has to be there; it is held until the transaction ends.
    """
    of = select(experiments.c.number).filter_by(project=project)
    tx.execute(of.where(experiments.c.number == 0).with_for_update())
    if wanted is not None and tx.execute(of.where(experiments.c.number == wanted)).first() is None:
        return wanted
    highest = select(func.max(experiments.c.number)).filter_by(project=project)
    return int(tx.execute(highest).scalar() or 0) + 1


def add_experiment(
    tx: Connection, project: str, number: int, told: AdoptedExperiment, now: datetime
) -> None:
    """Insert an experiment, active for now; its files are kept in the house."""
    tx.execute(
        insert(experiments).values(
            project=project,
            number=number,
            name=told.name,
            location=f"mlflow-artifacts:/{number}",
            stage="active",
            created_at=told.created_at or now,
            changed_at=told.changed_at or told.created_at or now,
        )
    )


def set_experiment(
    tx: Connection, project: str, number: int, told: AdoptedExperiment, now: datetime
) -> None:
    """Write an experiment's times and stage as its source has them; its runs have their own."""
    created = told.created_at or now
    changed = told.changed_at or created
    tx.execute(
        update(experiments)
        .filter_by(project=project, number=number)
        .values(
            name=told.name,
            created_at=created,
            changed_at=changed,
            stage=told.stage,
            deleted_at=changed if told.stage == "deleted" else None,
        )
    )


def set_run(
    tx: Connection, project: str, told: AdoptedRun, parent: str | None, now: datetime
) -> None:
    """Write what a run's source says of it."""
    deleted = told.deleted_at or told.ended_at or now
    tx.execute(
        update(runs)
        .filter_by(project=project, id=told.id)
        .values(
            name=told.name,
            status=told.status,
            started_at=told.started_at,
            ended_at=told.ended_at,
            seen_at=now,
            parent=parent,
            stage=told.stage,
            deleted_at=deleted if told.stage == "deleted" else None,
            user_name=told.user or None,
        )
    )


def params_of(tx: Connection, project: str, run: str) -> dict[str, str]:
    """Return a run's parameters as texts."""
    query = select(params.c.name, params.c.text).filter_by(project=project, run=run)
    return {row.name: row.text for row in tx.execute(query)}


def experiment_of(tx: Connection, project: str, run: str) -> int | None:
    """Return the number of a run's experiment; None if there is no such run."""
    query = select(runs.c.experiment_number).filter_by(project=project, id=run)
    number: int | None = tx.execute(query).scalar()
    return number


def list_segments(tx: Connection, project: str, run: str) -> tuple[Segment, ...]:
    """Return every segment of a run's points."""
    query = select(segments.c.series, segments.c.body).filter_by(project=project, run=run)
    return tuple(
        Segment(series=tuple((said[0], said[1]) for said in row.series), body=row.body)
        for row in tx.execute(query.order_by(segments.c.batch, segments.c.part))
    )


def add_loose(tx: Connection, project: str, run: str, count: int) -> int:
    """Note that a run has new small segments; make other writers of it wait, and return all."""
    change = update(runs).filter_by(project=project, id=run)
    change = change.values(loose_segments=runs.c.loose_segments + count)
    return int(tx.execute(change.returning(runs.c.loose_segments)).scalar_one())
