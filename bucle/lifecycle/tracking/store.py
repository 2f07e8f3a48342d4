"""The tables of runs, and all of their SQL.

Metric points lie in packed segments with one summary row per series beside them (see
docs/decisions/0005-metric-points.md); their SQL is in `points/store.py`.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    and_,
    asc,
    bindparam,
    delete,
    desc,
    insert,
    select,
    text,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.figure import Figure
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Ready, UtcDateTime, metadata
from bucle.lifecycle.tracking.records import Run, Scalar

runs = Table(
    "runs",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("experiment", String, nullable=False),
    Column("status", String, nullable=False),
    Column("parent", String),
    Column("started_at", UtcDateTime, nullable=False),
    Column("started_by", String, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("machine", String),
    Column("loose_segments", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Column("experiment_number", BigInteger, nullable=False),
    Column("stage", String, nullable=False),  # active or deleted
    Column("deleted_at", UtcDateTime),
    Column("user_name", String),  # whom a client names; NULL: who started it
    Index("ix_runs_project_started_at", "project", "started_at"),
    Index("ix_runs_project_parent", "project", "parent"),
    Index("ix_runs_project_status", "project", "status"),
    Index("ix_runs_project_name", "project", "name"),
    Index(
        "ix_runs_listing", "project", "experiment_number", "stage", text("started_at DESC"), "id"
    ),
)

params = Table(
    "run_params",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Json),
    Column("text", String, nullable=False),  # the value as MLflow has it
    # What an index takes of a text: PostgreSQL's refuses long ones.
    Column("short", String, nullable=False),
    Index(None, "project", "name", "short", "run"),
)

tags = Table(
    "run_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("short", String, nullable=False),  # as in params
    Index(None, "project", "name", "short", "run"),
)

links = Table(
    "run_links",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("direction", String, primary_key=True),
    Column("ref", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

segments = Table(
    "metric_segments",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("batch", String, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("points", Integer, nullable=False),
    Column("series", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

summaries = Table(
    "metric_summaries",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("last", Float),
    Column("last_step", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("minimum", Float),
    Column("maximum", Float),
    Column("points", BigInteger, nullable=False),
    Index(None, "project", "name", "last", "run"),
)

experiments = Table(
    "experiments",
    metadata,
    Column("project", String, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String),  # NULL: gone for good; its number is not given again
    Column("location", String, nullable=False),
    Column("stage", String, nullable=False),  # active, deleted or purged
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    UniqueConstraint("project", "name"),
)

run_datasets = Table(
    "run_datasets",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("place", Integer, nullable=False),  # in the order in which they were told
    Column("context", String),  # the tag of that name, which searches ask for
    Column("tags", Json, nullable=False),
    Index(None, "project", "name", "digest"),
)

experiment_datasets = Table(
    "experiment_datasets",
    metadata,
    Column("project", String, primary_key=True),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("source_type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("schema", String),
    Column("profile", String),
)

run_models = Table(
    "run_models",
    metadata,
    Column("project", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("direction", String, primary_key=True),  # in or out
    Column("model", String, primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "project", "model"),
)

SHORT = 80  # characters of a text that lie in an index

# A place in a listing: the value it is ordered by and the id; None: before the first.
Place = tuple[Any, str] | None

# The fields of a run that no query asks for live in one column.
_BODY = frozenset({"code", "environment", "host", "seeds", "usage", "error"})


_ADD_RUN = Ready(insert(runs))
_ADD_TAGS = insert(tags)
_HAS_RUN = select(runs.c.id).where(
    runs.c.project == bindparam("of_project"), runs.c.id == bindparam("of_run")
)


def add_run(
    tx: Connection, project: str, run: Run, experiment: int, user_name: str | None = None
) -> None:
    """Insert a run that begins; its parameters, tags and links are added beside it."""
    own = {
        "project": project,
        "id": run.ref.name,
        "name": run.name,
        "kind": run.kind,
        "experiment": run.experiment,
        "parent": run.parent.name if run.parent else None,
        "started_by": run.started_by,
        "machine": run.host.machine if run.host else None,
        "loose_segments": 0,
        "seen_at": run.started_at,
        "experiment_number": experiment,
        "stage": "active",
        "deleted_at": None,
        "user_name": user_name,
    }
    _ADD_RUN.run(tx, own | _changing(run))


def change_run(tx: Connection, project: str, run: Run, seen_at: datetime) -> None:
    """Write what can change of a run: its state, its times, its host, usage and error."""
    tx.execute(
        update(runs)
        .where(_is(runs.c, project, run.ref.name))
        .values(machine=run.host.machine if run.host else None, seen_at=seen_at, **_changing(run))
    )


def has_run(tx: Connection, project: str, id_: str) -> bool:
    """Tell whether there is a run of that id."""
    return tx.execute(_HAS_RUN, {"of_project": project, "of_run": id_}).first() is not None


def find_run(tx: Connection, project: str, id_: str, *, lock: bool = False) -> Run | None:
    """Return a run with all of its parts, or None; `lock` makes other writers of it wait."""
    query = select(runs).where(_is(runs.c, project, id_))
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return runs_of(tx, project, [row])[0] if row else None


def runs_of(tx: Connection, project: str, rows: Sequence[Row[Any]]) -> tuple[Run, ...]:
    """Return runs with all of their parts, in four queries for all of them."""
    ids = [row.id for row in rows]
    params_of = _by_run(tx, project, ids, params)
    tags_of = _by_run(tx, project, ids, tags)
    links_of = _by_run(tx, project, ids, links)
    metrics_of = _by_run(tx, project, ids, summaries)
    return tuple(
        convert(
            {
                **row.body,
                "ref": Ref("run", row.id),
                "name": row.name,
                "kind": row.kind,
                "experiment": row.experiment,
                "status": row.status,
                "started_at": row.started_at,
                "started_by": row.started_by,
                "ended_at": row.ended_at,
                "parent": Ref("run", row.parent) if row.parent else None,
                "params": {part.name: part.value for part in params_of[row.id]},
                "tags": {part.name: part.value for part in tags_of[row.id]},
                "metrics": {part.name: _figure(part.last) for part in metrics_of[row.id]},
                "inputs": [part.ref for part in links_of[row.id] if part.direction == "in"],
                "outputs": [part.ref for part in links_of[row.id] if part.direction == "out"],
            },
            Run,
            strict=True,
        )
        for row in rows
    )


def touch_running(
    tx: Connection, project: str, id_: str, now: datetime, loose: int = 0
) -> int | None:
    """Note that a run is alive and has new small segments; make other writers of it wait.

    Returns how many small segments it has by now; None if it is not running.
    """
    changed = (
        update(runs)
        .where(_is(runs.c, project, id_), runs.c.status == "running")
        .values(seen_at=now, loose_segments=runs.c.loose_segments + loose)
    )
    count: int | None = tx.execute(changed.returning(runs.c.loose_segments)).scalar()
    return count


def no_loose_segments(tx: Connection, project: str, id_: str) -> None:
    """Note that a run's small segments were packed together."""
    tx.execute(update(runs).where(_is(runs.c, project, id_)).values(loose_segments=0))


def list_running(tx: Connection, project: str) -> tuple[tuple[Run, datetime], ...]:
    """Return every run that has not ended, and when it was last heard of."""
    query = select(runs).where(runs.c.project == project, runs.c.status == "running")
    rows = tx.execute(query.order_by(runs.c.id)).all()
    return tuple(
        (run, row.seen_at) for run, row in zip(runs_of(tx, project, rows), rows, strict=True)
    )


def add_params(tx: Connection, project: str, id_: str, new: Mapping[str, Scalar]) -> None:
    """Insert parameters that the run does not have yet."""
    if new:
        tx.execute(
            insert(params),
            [{"project": project, "run": id_, "name": name, "value": value,
              "text": str(value), "short": str(value)[:SHORT]} for name, value in new.items()],
        )  # fmt: skip


def set_tags(tx: Connection, project: str, id_: str, new: Mapping[str, str]) -> None:
    """Write tags over what they were."""
    if new:
        there = (_of_run(tags.c, project, id_), tags.c.name.in_(new))
        tx.execute(delete(tags).where(*there))
        add_tags(tx, project, id_, new)


def add_tags(tx: Connection, project: str, id_: str, new: Mapping[str, str]) -> None:
    """Insert tags that the run does not have yet."""
    if new:
        tx.execute(
            _ADD_TAGS,
            [{"project": project, "run": id_, "name": name, "value": value,
              "short": value[:SHORT]} for name, value in new.items()],
        )  # fmt: skip


def add_link(
    tx: Connection, project: str, id_: str, direction: str, ref: Ref, now: datetime
) -> bool:
    """Note what a run read (`in`) or made (`out`); tell whether that is news."""
    key = {"project": project, "run": id_, "direction": direction, "ref": str(ref)}
    if tx.execute(select(links.c.ref).filter_by(**key)).first():
        return False
    tx.execute(insert(links).values(**key, at=now))
    return True


class Order(NamedTuple):
    """What runs are listed by: a column of theirs, or the last value of a series."""

    by: str
    metric: str | None
    largest_first: bool


def list_runs(
    tx: Connection, project: str, chosen: Mapping[str, str], order: Order, limit: int, after: Place
) -> tuple[tuple[Run, ...], Place]:
    """Return the runs after a place in the order, and the place of the last of them."""
    key = _key(order)
    query = select(runs, key.label("key")).where(runs.c.project == project).filter_by(**chosen)
    if order.metric is not None:
        series = (
            (summaries.c.project == runs.c.project)
            & (summaries.c.run == runs.c.id)
            & (summaries.c.name == order.metric)
        )
        query = query.select_from(runs.outerjoin(summaries, series))
    if after is not None:
        query = query.where(_past(key, after, largest_first=order.largest_first))
    turn = desc if order.largest_first else asc
    rows = tx.execute(query.order_by(key.is_(None), turn(key), turn(runs.c.id)).limit(limit)).all()
    last = (rows[-1].key, rows[-1].id) if rows else None
    return runs_of(tx, project, rows), last


def _changing(run: Run) -> dict[str, Any]:
    body = {name: value for name, value in to_builtins(run).items() if name in _BODY}
    return {
        "status": run.status,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "body": body,
    }


def _key(order: Order) -> ColumnElement[Any]:
    return summaries.c.last if order.metric is not None else runs.c[order.by]


def _past(key: ColumnElement[Any], after: tuple[Any, str], *, largest_first: bool) -> Any:  # noqa: ANN401 - a condition
    """Return the condition of coming after a place; rows without a value stand at the end."""
    value, id_ = after
    beyond = runs.c.id < id_ if largest_first else runs.c.id > id_
    if value is None:
        return key.is_(None) & beyond
    further = key < value if largest_first else key > value
    return further | ((key == value) & beyond) | key.is_(None)


def _is(columns: Any, project: str, id_: str) -> ColumnElement[bool]:  # noqa: ANN401 - SQLAlchemy's columns
    return and_(columns.project == project, columns.id == id_)


def _of_run(columns: Any, project: str, id_: str) -> ColumnElement[bool]:  # noqa: ANN401 - as above
    return and_(columns.project == project, columns.run == id_)


def _by_run(
    tx: Connection, project: str, ids: Sequence[str], table: Table
) -> defaultdict[str, list[Row[Any]]]:
    """Return a table's rows of some runs, by run, in the order in which they have a meaning."""
    order = (table.c.at, table.c.ref) if "at" in table.c else (table.c.name,)
    query = select(table).where(table.c.project == project, table.c.run.in_(ids))
    grouped: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in tx.execute(query.order_by(*order)):
        grouped[row.run].append(row)
    return grouped


def _figure(number: float | None) -> Figure:
    return Figure(math.nan if number is None else number)
