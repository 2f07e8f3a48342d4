"""The table of how far scoring and collecting came: one row for each thing that goes on."""

from datetime import datetime

from sqlalchemy import Column, String, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from bucle.base.codec import to_builtins
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata
from bucle.lifecycle.serving.scoring.records import State

scoring_states = Table(
    "scoring_states",
    metadata,
    Column("project", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

_STATE = scoring_states.c


def find_state(tx: Tx, project: str, kind: str, name: str, *, lock: bool = False) -> State | None:
    """Return how far something came; None: it never began.  `lock` keeps others from moving it."""
    query = select(_STATE.body).where(
        _STATE.project == project, _STATE.kind == kind, _STATE.name == name
    )
    query = query.with_for_update() if lock else query
    found: State | None = tx.execute(query).scalar()
    return found


def put_state(tx: Tx, project: str, about: tuple[str, str], state: object, now: datetime) -> None:
    """Write how far something (its kind and name) came."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    kind, name = about
    row = {"project": project, "kind": kind, "name": name}
    values = {"updated_at": now, "body": to_builtins(state)}
    statement = dialect.insert(scoring_states).values(**row, **values)
    tx.execute(
        statement.on_conflict_do_update(index_elements=["project", "kind", "name"], set_=values)
    )
