"""Large stores, made quickly: the same runs in each server's own tables.

Rows are written into tables, ours as well as a peer's: through an API 100,000 runs would take hours
at a peer, and minutes at ours.  A server must not run meanwhile.
"""

import random
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from support.hubs import Hub

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
Row = tuple[object, ...]
Told = tuple[dict[str, float], dict[str, str], dict[str, str]]  # metrics, parameters, tags

BORN_MS = 1_790_000_000_000
METRICS, PARAMS, TAGS = 10, 10, 5


def runs_of(count: int) -> Iterator[Told]:
    """Yield the metrics, parameters and tags of runs; always the same."""
    rng = random.Random(0)
    for number in range(count):
        metrics = {f"m{n}": rng.random() for n in range(METRICS)}
        params = {f"p{n}": str(rng.randrange(10)) for n in range(PARAMS)}
        tags = {f"t{n}": f"{rng.choice('abcde')}{number % 97}" for n in range(TAGS)}
        yield metrics, params, tags


def series_of(points: int) -> Iterator[tuple[int, int, float]]:
    """Yield step, time and value of a long series."""
    rng = random.Random(1)
    for step in range(points):
        yield step, BORN_MS + step, rng.random()


def fill_runs(hub: Hub, experiment: str, count: int) -> None:
    """Write runs of an experiment; the server has made its tables and is stopped."""
    if hub.kind == "bucle":
        _our_runs(hub, experiment, count)
        return
    number = 100 + sum(map(ord, experiment))
    _write(hub, "experiments", [_experiment(hub, number, experiment)])
    for batch in chunks(enumerate(runs_of(count)), 5_000):
        rows: dict[str, list[Row]] = {name: [] for name in _COLUMNS}
        for place, (metrics, params, tags) in batch:
            run, at = uuid.UUID(int=place + number * 10**9).hex, BORN_MS + place
            rows["runs"].append(
                (run, f"run {place}", "LOCAL", "train.py", "", "ana", "FINISHED", at, at + 1000,
                 "", "active", f"mlflow-artifacts:/{number}/{run}/artifacts", number)
                + ((place,) if hub.kind == "fasttrackml" else ())
            )  # fmt: skip
            rows["metrics"] += _points(
                hub, run, [(name, value, at, 0) for name, value in metrics.items()]
            )
            rows["latest_metrics"] += _latest(
                hub, run, [(name, value, at, 0) for name, value in metrics.items()]
            )
            rows["params"] += [(name, value, run) for name, value in params.items()]
            rows["tags"] += [(name, value, run) for name, value in tags.items()]
            rows["tags"].append(("mlflow.runName", f"run {place}", run))
        for table, table_rows in rows.items():
            _write(hub, table, table_rows)


def fill_series(hub: Hub, points: int) -> str:
    """Write one run with a long series `loss`, and return its id."""
    if hub.kind == "bucle":
        return _our_series(hub, points)
    run = uuid.UUID(int=1).hex
    _write(hub, "runs", [
        (run, "long", "LOCAL", "train.py", "", "ana", "FINISHED", BORN_MS, BORN_MS + points, "",
         "active", f"mlflow-artifacts:/0/{run}/artifacts", 0)
        + ((0,) if hub.kind == "fasttrackml" else ())
    ])  # fmt: skip
    for batch in chunks(series_of(points), 20_000):
        _write(
            hub,
            "metrics",
            _points(hub, run, [("loss", value, at, step) for step, at, value in batch]),
        )
    _write(hub, "latest_metrics", _latest(hub, run, [("loss", 0.5, BORN_MS + points, points - 1)]))
    return run


def chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most so many."""
    source = iter(rows)
    while part := list(islice(source, size)):
        yield part


_RUN = (
    "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
    "end_time, source_version, lifecycle_stage, artifact_uri, experiment_id"
)
_COLUMNS = {
    "runs": (_RUN, "row_num"),
    "metrics": ("key, value, timestamp, run_uuid, step, is_nan", "iter, context_id"),
    "latest_metrics": ("key, value, timestamp, run_uuid, step, is_nan", "last_iter, context_id"),
    "params": ("key, value, run_uuid", ""),
    "tags": ("key, value, run_uuid", ""),
}


def _experiment(hub: Hub, number: int, name: str) -> Row:
    at = f"mlflow-artifacts:/{number}"
    last = 1 if hub.kind == "fasttrackml" else "default"  # the namespace, or the workspace
    return (number, name, at, "active", BORN_MS, BORN_MS, last)


def _points(hub: Hub, run: str, points: list[tuple[str, float, int, int]]) -> list[Row]:
    rows: list[Row] = [(name, value, at, run, step, False) for name, value, at, step in points]
    if hub.kind == "fasttrackml":
        return [(*row, number + 1, 1) for number, row in enumerate(rows)]
    return rows


def _latest(hub: Hub, run: str, points: list[tuple[str, float, int, int]]) -> list[Row]:
    rows: list[Row] = [(name, value, at, run, step, False) for name, value, at, step in points]
    return [(*row, 1, 1) for row in rows] if hub.kind == "fasttrackml" else rows


def _write(hub: Hub, table: str, rows: list[Row]) -> None:
    if table == "experiments":
        columns = "experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
        columns += "last_update_time, "
        columns += "namespace_id" if hub.kind == "fasttrackml" else "workspace"
    else:
        columns, more = _COLUMNS[table]
        if hub.kind == "fasttrackml":
            columns = columns.replace("key, value, run", "key, value_str, run", table == "params")
            columns += f", {more}" if more else ""
    if hub.database:
        import psycopg

        statement = f"COPY {table} ({columns}) FROM STDIN".encode()
        with psycopg.connect(hub.store) as connection, connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return
    with sqlite3.connect(hub.store) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    connection.close()


def _our_runs(hub: Hub, experiment: str, count: int) -> None:
    """Write rows as the door's verbs leave them: the first run's by the verbs, the rest like it.

    What is not written is the audit's events, which a search does not read.
    """
    from bucle.base.ids import encode_ulid
    from bucle.base.refs import Ref
    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle import tracking
    from bucle.lifecycle.tracking.batch import Batch, log_batch
    from bucle.lifecycle.tracking.begin import RunBegin, begin_run
    from bucle.lifecycle.tracking.experiments import create_experiment

    house = House(load_settings(hub.settings))
    session = house.session()
    said = enumerate(runs_of(count))
    with session.begin() as scope:
        home = create_experiment(scope, experiment).id
        for place, (metrics, params, tags) in islice(said, 1):
            begin = RunBegin(name=f"run {place}", experiment=home, user="ana", tags=tags)
            ref = Ref("run", begin_run(scope, begin).head.id)
            points = [(name, 0, BORN_MS + place, value) for name, value in metrics.items()]
            logged = Batch(points=tracking.metric_points(points), params=params)
            log_batch(scope, ref, logged)
            tracking.finish_run(scope, ref)
            first = _rows_of(scope.tx, ref.name)
    rng = random.Random(experiment)
    for batch in chunks(said, 2_000):
        more: dict[str, list[dict[str, Any]]] = {name: [] for name in first}
        for place, told in batch:
            run = encode_ulid(BORN_MS + place, rng.getrandbits(80))
            for name, rows in _like(first, run, place, told).items():
                more[name] += rows
        with session.begin() as scope:
            _insert(scope.tx, more)
    with session.begin() as scope:
        if (
            scope.tx.dialect.name == "postgresql"
        ):  # which does so itself, a minute after such a load
            scope.tx.exec_driver_sql("ANALYZE")
    house.close()


def _our_tables() -> dict[str, Any]:
    from bucle.lifecycle.tracking import store

    return {
        "runs": store.runs,
        "params": store.params,
        "tags": store.tags,
        "summaries": store.summaries,
        "segments": store.segments,
    }


def _rows_of(tx: "Connection", run: str) -> dict[str, dict[str, Any]]:
    """Return one row of each table that a run has rows in."""
    from sqlalchemy import select

    found = {}
    for name, table in _our_tables().items():
        key = table.c.id if name == "runs" else table.c.run
        found[name] = dict(tx.execute(select(table).where(key == run)).mappings().first())
    return found


def _insert(tx: "Connection", rows: dict[str, list[dict[str, Any]]]) -> None:
    from sqlalchemy import insert

    for name, table in _our_tables().items():
        tx.execute(insert(table), rows[name])


def _like(
    first: dict[str, dict[str, Any]], run: str, place: int, told: Told
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a run that logged its own, alike to those of the first."""
    from datetime import UTC, datetime, timedelta

    from bucle.lifecycle.tracking import metric_points
    from bucle.lifecycle.tracking.points import PackedPoints

    metrics, params, tags = told
    at = datetime.fromtimestamp((BORN_MS + place) / 1000, UTC)
    points = [(name, 0, BORN_MS + place, value) for name, value in metrics.items()]
    (segment,) = PackedPoints(metric_points(points)).segments
    bounds = [[name, 1, 0, 0, BORN_MS + place, BORN_MS + place] for name in metrics]
    own = {"id": run, "name": f"run {place}", "started_at": at, "seen_at": at,
           "ended_at": at + timedelta(seconds=1)}  # fmt: skip
    return {
        "runs": [first["runs"] | own],
        "params": [first["params"] | {"run": run, "name": name, "value": text, "text": text,
                                      "short": text} for name, text in params.items()],
        "tags": [first["tags"] | {"run": run, "name": name, "value": text, "short": text}
                 for name, text in tags.items()],
        "summaries": [first["summaries"] | {"run": run, "name": name, "last": value,
                                            "last_at": BORN_MS + place, "minimum": value,
                                            "maximum": value} for name, value in metrics.items()],
        "segments": [first["segments"] | {"run": run, "batch": run, "series": bounds,
                                          "body": segment.body}],
    }  # fmt: skip


def _our_series(hub: Hub, points: int) -> str:
    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle import tracking

    house = House(load_settings(hub.settings))
    session = house.session()
    with session.begin() as scope:
        ref = tracking.start_run(scope, tracking.RunStart(name="long")).ref
    for batch in chunks(series_of(points), 1_000):  # as a client's log_batch would come
        with session.begin() as scope:
            rows = [("loss", step, at, value) for step, at, value in batch]
            tracking.log_points(scope, ref, tracking.metric_points(rows))
    house.close()
    return ref.name
