"""The SQL of writing to a run a little at a time: few statements, made once."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, and_, bindparam, delete, select, update

from bucle.drivers.db import Ready, upsert_on
from bucle.lifecycle.tracking.batch.records import RunState
from bucle.lifecycle.tracking.store import SHORT, params, runs, tags

_IT = and_(runs.c.project == bindparam("of_project"), runs.c.id == bindparam("of_run"))
_STATE = (
    runs.c.status, runs.c.stage, runs.c.name, runs.c.experiment_number, runs.c.loose_segments,
    runs.c.ended_at
)  # fmt: skip
_FIND_STATE = Ready(select(*_STATE).where(_IT))
_LOCK_STATE = Ready(select(*_STATE).where(_IT).with_for_update())
_TOUCH = Ready(
    update(runs)
    .where(_IT)
    .values(
        seen_at=bindparam("seen"),
        loose_segments=runs.c.loose_segments + bindparam("loose"),
    )
    .returning(*_STATE)
)
_RENAME = update(runs).where(_IT).values(name=bindparam("new_name"))
_CHANGE = Ready(
    update(runs)
    .where(_IT)
    .values(
        status=bindparam("new_status"),
        ended_at=bindparam("new_end"),
        name=bindparam("new_name"),
        seen_at=bindparam("seen"),
    )
)
_PARAMS = select(params.c.name, params.c.text).where(
    params.c.project == bindparam("of_project"),
    params.c.run == bindparam("of_run"),
    params.c.name.in_(bindparam("names", expanding=True)),
)
_DROP_TAG = delete(tags).where(
    tags.c.project == bindparam("of_project"),
    tags.c.run == bindparam("of_run"),
    tags.c.name == bindparam("of_name"),
)


def find_state(tx: Connection, project: str, run: str, *, lock: bool = False) -> RunState | None:
    """Return what a write has to know of a run, or None; `lock` makes other writers wait."""
    row = (_LOCK_STATE if lock else _FIND_STATE).row(tx, _of(project, run))
    return RunState(*row) if row else None


def touch(tx: Connection, project: str, run: str, seen_at: datetime, loose: int) -> RunState | None:
    """Note that a run was heard of and has new small segments, and return its state, or None."""
    values = _of(project, run) | {"seen": seen_at, "loose": loose}
    row = _TOUCH.row(tx, values)
    return RunState(*row) if row else None


def rename(tx: Connection, project: str, run: str, name: str) -> None:
    """Give a run another name."""
    tx.execute(_RENAME, _of(project, run) | {"new_name": name})


def change(tx: Connection, project: str, run: str, fields: Mapping[str, object]) -> None:
    """Write a run's status, end and name."""
    _CHANGE.run(tx, _of(project, run) | dict(fields))


def add_params(tx: Connection, project: str, run: str, new: Mapping[str, str]) -> dict[str, str]:
    """Insert parameters that are new; return those that were there, as text."""
    rows = [
        {"project": project, "run": run, "name": name, "value": text,
         "text": text, "short": text[:SHORT]}
        for name, text in new.items()
    ]  # fmt: skip
    if len(rows) == 1:
        if _PUT_PARAM.run(tx, rows[0]) > 0:
            return {}
        return _texts(tx, project, run, new)
    there = _texts(tx, project, run, new)
    rows = [row for row in rows if row["name"] not in there]
    if rows:
        # Whoever holds the run's lock is alone; on SQLite every writer is.
        tx.execute(_put_params(tx.dialect.name), rows)
    return there


def put_tags(tx: Connection, project: str, run: str, new: Mapping[str, str]) -> None:
    """Write tags over what they were."""
    rows = [
        {"project": project, "run": run, "name": name, "value": value, "short": value[:SHORT]}
        for name, value in new.items()
    ]
    if len(rows) == 1:
        _PUT_TAG.run(tx, rows[0])
    else:
        tx.execute(_put_tags(tx.dialect.name), rows)


def drop_tag(tx: Connection, project: str, run: str, name: str) -> bool:
    """Remove a tag; tell whether it was there."""
    return tx.execute(_DROP_TAG, _of(project, run) | {"of_name": name}).rowcount > 0


@cache
def _put_params(dialect: str) -> Insert:
    return upsert_on(dialect, params).on_conflict_do_nothing()


@cache
def _put_tags(dialect: str) -> Insert:
    put = upsert_on(dialect, tags)
    return put.on_conflict_do_update(
        index_elements=["project", "run", "name"],
        set_={"value": put.excluded.value, "short": put.excluded.short},
    )


_PUT_PARAM = Ready(_put_params)
_PUT_TAG = Ready(_put_tags)


def _texts(tx: Connection, project: str, run: str, names: Mapping[str, str]) -> dict[str, str]:
    rows = tx.execute(_PARAMS, _of(project, run) | {"names": list(names)})
    return {row.name: row.text for row in rows}


def _of(project: str, run: str) -> dict[str, Any]:
    return {"of_project": project, "of_run": run}
