"""The tables of the fleet: followers, rollouts with their plans, and what was declared."""

import math
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.serving.fleet.records import FleetRollout, FleetSpec, Follower, WaveCounts
from bucle.lifecycle.serving.fleet.waves import labels_text, place_of

followers = Table(
    "fleet_followers",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("place", Float, nullable=False),
    Column("labels", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("healthy", Boolean, nullable=False),
    Column("problem", String, nullable=False),
    Column("version", String, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
rollouts = Table(
    "fleet_rollouts",
    metadata,
    Column("project", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("plan", String, nullable=False),
    Column("content", LargeBinary, nullable=False),  # empty: nobody gets it any more
    Column("body", Json, nullable=False),
)
specs = Table(
    "fleet_specs",
    metadata,
    Column("project", String, primary_key=True),
    Column("body", Json, nullable=False),
)
_KEY = ("project", "id")


def put_followers(tx: Tx, project: str, told: Sequence[Follower]) -> None:
    """Write down what followers told of themselves, over what they told before."""
    if not told:
        return
    rows = [
        {
            "project": project,
            "id": one.id,
            "place": place_of(one.id),
            "labels": labels_text(one.labels),
            "plan": one.plan,
            "healthy": one.healthy,
            "problem": one.problem,
            "version": one.version,
            "requests": one.requests,
            "errors": one.errors,
            "seen_at": one.seen_at,
        }
        for one in told
    ]
    made = upsert_into(tx, followers)
    new = {column.name: made.excluded[column.name] for column in followers.c
           if column.name not in _KEY}  # fmt: skip
    tx.execute(made.on_conflict_do_update(index_elements=_KEY, set_=new), rows)


def list_followers(tx: Tx, project: str, *, limit: int, token: str | None) -> Page[Follower]:
    """Return followers by their ids."""
    query = select(followers).where(followers.c.project == project)
    if token is not None:
        (after,) = decode_token(token, str)
        query = query.where(followers.c.id > after)
    rows = list(tx.execute(query.order_by(followers.c.id).limit(limit + 1)).mappings())
    items = tuple(
        Follower(
            id=row["id"],
            labels=dict(part.split("=", 1) for part in row["labels"].split(",") if part),
            plan=row["plan"],
            healthy=row["healthy"],
            problem=row["problem"],
            version=row["version"],
            requests=row["requests"],
            errors=row["errors"],
            seen_at=row["seen_at"],
        )
        for row in rows[:limit]
    )
    return Page(items=items, next_token=encode_token(items[-1].id) if len(rows) > limit else None)


def count_followers(tx: Tx, project: str, since: datetime) -> int:
    """Return how many followers were heard of since a moment."""
    query = select(func.count()).where(_heard(project, since))
    return int(tx.execute(query.select_from(followers)).scalar_one())


def place_at(tx: Tx, project: str, since: datetime, share: float) -> float:
    """Return the place up to which this share of the followers is; at least one of them."""
    if share >= 1:
        return 1.0
    there = count_followers(tx, project, since)
    query = (
        select(followers.c.place)
        .where(_heard(project, since))
        .order_by(followers.c.place)
        .offset(max(math.ceil(there * share) - 1, 0))
        .limit(1)
    )
    found = tx.execute(query).scalar()
    return share if found is None else float(found)


def count_wave(tx: Tx, project: str, since: datetime, rollout: FleetRollout) -> WaveCounts:
    """Count the followers that should have a rollout's plan, by how they do with it."""
    within = [followers.c.place <= rollout.reach]
    for wave in rollout.labels:
        each = [followers.c.labels.contains(f",{label},", autoescape=True)
                for label in wave.strip(",").split(",")]  # fmt: skip
        within.append(and_(*each))
    got = followers.c.plan == rollout.plan
    query = (
        select(got, followers.c.healthy, func.count(), func.sum(followers.c.requests),
               func.sum(followers.c.errors), func.max(followers.c.problem))
        .where(_heard(project, since), or_(*within))
        .group_by(got, followers.c.healthy)
    )  # fmt: skip
    found = {(bool(row[0]), bool(row[1])): row[2:] for row in tx.execute(query)}
    applied, failed = found.get((True, True)), found.get((True, False))
    with_it = [row for row in (applied, failed) if row]
    return WaveCounts(
        members=sum(int(row[0]) for row in found.values()),
        applied=int(applied[0]) if applied else 0,
        failed=int(failed[0]) if failed else 0,
        requests=sum(int(row[1]) for row in with_it),
        errors=sum(int(row[2]) for row in with_it),
        problem=str(failed[3]) if failed else "",
    )


def count_by(tx: Tx, project: str, since: datetime, name: str) -> dict[str, int]:
    """Count the followers that were heard of by one of their columns."""
    column = followers.c[name]
    query = select(column, func.count()).where(_heard(project, since)).group_by(column)
    return {str(value): int(count) for value, count in tx.execute(query)}


def lost_followers(tx: Tx, project: str, since: datetime) -> int:
    """Return how many followers were not heard of since a moment."""
    query = select(func.count()).where(followers.c.project == project, followers.c.seen_at < since)
    return int(tx.execute(query).scalar_one())


def delete_followers(tx: Tx, project: str, before: datetime) -> int:
    """Forget followers that were not heard of since a moment; return how many."""
    gone = delete(followers).where(followers.c.project == project, followers.c.seen_at < before)
    return int(tx.execute(gone).rowcount)


def find_rollout(tx: Tx, project: str, number: int | None = None) -> FleetRollout | None:
    """Return a rollout, or the newest; None where there is none."""
    if number is not None:
        query = select(rollouts.c.body).where(
            rollouts.c.project == project, rollouts.c.number == number
        )
        body = tx.execute(query).scalar()
        return convert(body, FleetRollout) if body else None
    found = list_rollouts(tx, project, limit=1, token=None).items
    return found[0] if found else None


def list_rollouts(tx: Tx, project: str, *, limit: int, token: str | None) -> Page[FleetRollout]:
    """Return rollouts, newest first."""
    query = select(rollouts.c.body).where(rollouts.c.project == project)
    if token is not None:
        (below,) = decode_token(token, int)
        query = query.where(rollouts.c.number < below)
    bodies = list(tx.execute(query.order_by(rollouts.c.number.desc()).limit(limit + 1)).scalars())
    items = tuple(convert(body, FleetRollout) for body in bodies[:limit])
    more = len(bodies) > limit
    return Page(items=items, next_token=encode_token(items[-1].number) if more else None)


def content_of(tx: Tx, project: str, number: int) -> tuple[str, bytes] | None:
    """Return digest and content of a rollout's plan; None: nobody gets it any more."""
    query = select(rollouts.c.plan, rollouts.c.content).where(
        rollouts.c.project == project, rollouts.c.number == number
    )
    row = tx.execute(query).first()
    return (str(row[0]), bytes(row[1])) if row and row[1] else None


def add_rollout(tx: Tx, project: str, rollout: FleetRollout, content: bytes) -> None:
    """Insert a rollout; the plans of those that nobody can get any more are let go."""
    tx.execute(
        insert(rollouts).values(
            project=project,
            number=rollout.number,
            plan=rollout.plan,
            content=content,
            body=to_builtins(rollout),
        )
    )
    unused = rollouts.c.number.not_in([rollout.number, rollout.stable])
    tx.execute(
        update(rollouts)
        .where(rollouts.c.project == project, unused, rollouts.c.content != b"")
        .values(content=b"")
    )


def put_rollout(tx: Tx, project: str, rollout: FleetRollout) -> None:
    """Change a rollout."""
    tx.execute(
        update(rollouts)
        .where(rollouts.c.project == project, rollouts.c.number == rollout.number)
        .values(body=to_builtins(rollout))
    )


def find_spec(tx: Tx, project: str) -> FleetSpec:
    """Return what was declared, or the defaults."""
    body = tx.execute(select(specs.c.body).where(specs.c.project == project)).scalar()
    return convert(body, FleetSpec) if body else FleetSpec()


def put_spec(tx: Tx, project: str, spec: FleetSpec) -> None:
    """Declare."""
    body = to_builtins(spec)
    made = upsert_into(tx, specs).values(project=project, body=body)
    tx.execute(made.on_conflict_do_update(index_elements=["project"], set_={"body": body}))


def _heard(project: str, since: datetime) -> ColumnElement[bool]:
    return and_(followers.c.project == project, followers.c.seen_at >= since)
