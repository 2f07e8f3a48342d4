"""The tables of the registry: models, their versions, their aliases, and every decision.

A model's row holds the counters of its versions and decisions.  Adding to a counter locks the
row until the transaction ends, so two who register or promote at once come one after the other.
"""

from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.refs import Ref
from bucle.drivers.db import Json, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.registry.records import Decision, GateSpec, Model, ModelVersion

models = Table(
    "models",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("versions", Integer, nullable=False),
    Column("decisions", Integer, nullable=False),
    Column("gates", Json, nullable=True),
    Column("description", String, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=True),  # NULL: a release before these columns
    Column("changed_at", UtcDateTime, nullable=True),
    # Set: deleted.  The row stays, so that no number and no decision of the name comes twice.
    Column("deleted_at", UtcDateTime, nullable=True),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("manifest", String, nullable=False),
    Column("run", String, nullable=True),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Column("description", String, nullable=False, server_default=""),
    Column("stage", String, nullable=False, server_default="None"),
    Column("source", String, nullable=False, server_default=""),
    Column("storage", String, nullable=False, server_default=""),
    Column("run_link", String, nullable=False, server_default=""),
    Column("logged_model", String, nullable=False, server_default=""),
    Column("changed_at", UtcDateTime, nullable=True),  # NULL: never
    Index("ix_model_versions_project_run", "project", "run"),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("number", Integer, nullable=False),
)

model_decisions = Table(
    "model_decisions",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("alias", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)

_MOVES = ("promoted", "rolled_back", "withdrawn")
_JUDGEMENTS = ("accepted", "refused")
_WAIVERS = ("waiver_asked", "waiver_granted")


def ensure_model(tx: Connection, project: str, name: str, now: datetime) -> bool:
    """Insert a model's row, unless it is there, and lock it; tell whether the model is new."""
    row = {"project": project, "name": name, "versions": 0, "decisions": 0}
    put = upsert_into(tx, models).values(row | {"created_at": now, "changed_at": now})
    # Of an insert only what it returns can be counted on both databases.
    new = put.on_conflict_do_nothing().returning(models.c.name)
    is_new = tx.execute(new).first() is not None
    lock_model(tx, project, name)
    back = update(models).where(
        models.c.project == project, models.c.name == name, models.c.deleted_at.is_not(None)
    )
    said = {"description": "", "created_at": now, "changed_at": now, "deleted_at": None}
    return tx.execute(back.values(said)).rowcount > 0 or is_new


def lock_model(tx: Connection, project: str, name: str) -> None:
    """Make other writers of this model wait until the transaction ends."""
    same = (models.c.project == project) & (models.c.name == name)
    tx.execute(update(models).where(same).values(versions=models.c.versions))


def next_version(tx: Connection, project: str, name: str) -> int:
    """Take the number of the version to come."""
    same = (models.c.project == project) & (models.c.name == name)
    changed = update(models).where(same).values(versions=models.c.versions + 1)
    return int(tx.execute(changed.returning(models.c.versions)).scalar_one())


def next_decision(tx: Connection, project: str, name: str) -> int:
    """Take the number of the decision to come."""
    same = (models.c.project == project) & (models.c.name == name)
    changed = update(models).where(same).values(decisions=models.c.decisions + 1)
    return int(tx.execute(changed.returning(models.c.decisions)).scalar_one())


def set_gates(tx: Connection, project: str, name: str, gates: GateSpec) -> None:
    """Write a model's gates."""
    same = (models.c.project == project) & (models.c.name == name)
    tx.execute(update(models).where(same).values(gates=to_builtins(gates)))


def find_model(tx: Connection, project: str, name: str) -> Model | None:
    """Return a model, or None."""
    found = list_models(tx, project, after="", limit=1, name=name)
    return found[0] if found else None


def list_models(
    tx: Connection, project: str, *, after: str, limit: int, name: str = ""
) -> tuple[Model, ...]:
    """Return models by name."""
    query = select(models).where(
        models.c.project == project, models.c.name > after, models.c.deleted_at.is_(None)
    )
    if name:
        query = query.where(models.c.name == name)
    rows = tx.execute(query.order_by(models.c.name).limit(limit)).all()
    aliases = _aliases(tx, project, [row.name for row in rows])
    return tuple(
        Model(
            ref=Ref("model", row.name),
            versions=row.versions,
            gates=convert(row.gates, GateSpec) if row.gates is not None else None,
            aliases=aliases.get(row.name, {}),
        )
        for row in rows
    )


def _aliases(tx: Connection, project: str, names: list[str]) -> dict[str, dict[str, int]]:
    query = select(model_aliases).where(
        model_aliases.c.project == project, model_aliases.c.name.in_(names)
    )
    found: dict[str, dict[str, int]] = {}
    for row in tx.execute(query.order_by(model_aliases.c.alias)):
        found.setdefault(row.name, {})[row.alias] = row.number
    return found


def add_version(tx: Connection, project: str, version: ModelVersion) -> None:
    """Insert a version."""
    tx.execute(
        insert(model_versions).values(
            project=project,
            name=version.ref.name,
            number=version.number,
            manifest=version.manifest,
            run=str(version.run) if version.run else None,
            registered_at=version.registered_at,
            body=to_builtins(version),
        )
    )


def replace_version(tx: Connection, project: str, version: ModelVersion) -> None:
    """Write a version's new state."""
    same = (
        (model_versions.c.project == project)
        & (model_versions.c.name == version.ref.name)
        & (model_versions.c.number == version.number)
    )
    tx.execute(update(model_versions).where(same).values(body=to_builtins(version)))


def find_version(tx: Connection, project: str, name: str, number: int) -> ModelVersion | None:
    """Return a version, or None."""
    body = tx.execute(
        select(model_versions.c.body).where(
            model_versions.c.project == project,
            model_versions.c.name == name,
            model_versions.c.number == number,
        )
    ).scalar()
    return convert(body, ModelVersion) if body else None


def newest_number(tx: Connection, project: str, name: str) -> int | None:
    """Return the number of the newest version that was not deleted, or None."""
    mine = (model_versions.c.project == project) & (model_versions.c.name == name)
    query = select(model_versions.c.number).where(mine)
    return tx.execute(query.order_by(model_versions.c.number.desc()).limit(1)).scalar()


def find_same(
    tx: Connection, project: str, name: str, *, manifest: str, run: Ref
) -> ModelVersion | None:
    """Return the version that a run registered of a package, or None."""
    body = tx.execute(
        select(model_versions.c.body).where(
            model_versions.c.project == project,
            model_versions.c.name == name,
            model_versions.c.manifest == manifest,
            model_versions.c.run == str(run),
        )
    ).scalar()
    return convert(body, ModelVersion) if body else None


def list_versions(
    tx: Connection, project: str, name: str, *, before: int | None, limit: int
) -> tuple[ModelVersion, ...]:
    """Return the versions of a model, newest first."""
    query = select(model_versions.c.body).where(
        model_versions.c.project == project, model_versions.c.name == name
    )
    if before is not None:
        query = query.where(model_versions.c.number < before)
    rows = tx.execute(query.order_by(model_versions.c.number.desc()).limit(limit)).scalars()
    return tuple(convert(body, ModelVersion) for body in rows)


def find_alias(tx: Connection, project: str, name: str, alias: str) -> int | None:
    """Return the number of the version that bears an alias, or None."""
    return tx.execute(
        select(model_aliases.c.number).where(
            model_aliases.c.project == project,
            model_aliases.c.name == name,
            model_aliases.c.alias == alias,
        )
    ).scalar()


def set_alias(tx: Connection, project: str, name: str, alias: str, number: int) -> None:
    """Let a version bear an alias, and no other."""
    same = (
        (model_aliases.c.project == project)
        & (model_aliases.c.name == name)
        & (model_aliases.c.alias == alias)
    )
    tx.execute(delete(model_aliases).where(same))
    row = {"project": project, "name": name, "alias": alias, "number": number}
    tx.execute(insert(model_aliases).values(row))


def drop_alias(tx: Connection, project: str, name: str, alias: str) -> None:
    """Let no version bear an alias."""
    tx.execute(delete(model_aliases).filter_by(project=project, name=name, alias=alias))


def add_decision(tx: Connection, project: str, decision: Decision) -> None:
    """Insert a decision; none is ever changed."""
    tx.execute(
        insert(model_decisions).values(
            project=project,
            name=decision.model.name,
            number=decision.number,
            alias=decision.alias,
            version=decision.version,
            action=decision.action,
            at=decision.at,
            body=to_builtins(decision),
        )
    )


def list_decisions(
    tx: Connection, project: str, name: str, *, until: datetime, limit: int
) -> tuple[Decision, ...]:
    """Return a model's decisions up to a moment, newest first."""
    query = (
        select(model_decisions.c.body)
        .where(
            model_decisions.c.project == project,
            model_decisions.c.name == name,
            model_decisions.c.at <= until,
        )
        .order_by(model_decisions.c.number.desc())
        .limit(limit)
    )
    return tuple(convert(body, Decision) for body in tx.execute(query).scalars())


def last_move(
    tx: Connection, project: str, name: str, alias: str, *, until: datetime | None = None
) -> Decision | None:
    """Return the newest decision that moved an alias, up to a moment, or None."""
    query = select(model_decisions.c.body).where(
        model_decisions.c.project == project,
        model_decisions.c.name == name,
        model_decisions.c.alias == alias,
        model_decisions.c.action.in_(_MOVES),
    )
    if until is not None:
        query = query.where(model_decisions.c.at <= until)
    body = tx.execute(query.order_by(model_decisions.c.number.desc()).limit(1)).scalar()
    return convert(body, Decision) if body else None


def last_promotion(
    tx: Connection, project: str, name: str, alias: str, version: int
) -> Decision | None:
    """Return the newest decision that gave an alias to a version by promotion, or None."""
    query = select(model_decisions.c.body).where(
        model_decisions.c.project == project,
        model_decisions.c.name == name,
        model_decisions.c.alias == alias,
        model_decisions.c.version == version,
        model_decisions.c.action == "promoted",
    )
    body = tx.execute(query.order_by(model_decisions.c.number.desc()).limit(1)).scalar()
    return convert(body, Decision) if body else None


def last_judgement(tx: Connection, project: str, name: str, version: int) -> Decision | None:
    """Return what the gates last said of a version, or None."""
    query = select(model_decisions.c.body).where(
        model_decisions.c.project == project,
        model_decisions.c.name == name,
        model_decisions.c.version == version,
        model_decisions.c.action.in_(_JUDGEMENTS),
    )
    body = tx.execute(query.order_by(model_decisions.c.number.desc()).limit(1)).scalar()
    return convert(body, Decision) if body else None


def list_waivers(tx: Connection, project: str, name: str, version: int) -> tuple[Decision, ...]:
    """Return what was asked and granted of a version's gates, in that order."""
    query = select(model_decisions.c.body).where(
        model_decisions.c.project == project,
        model_decisions.c.name == name,
        model_decisions.c.version == version,
        model_decisions.c.action.in_(_WAIVERS),
    )
    bodies = tx.execute(query.order_by(model_decisions.c.number)).scalars()
    return tuple(convert(body, Decision) for body in bodies)
