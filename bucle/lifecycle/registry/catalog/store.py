"""The tables of what is said of models and versions, and all of their SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    literal,
    not_,
    select,
    tuple_,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.filters import Condition, OrderTerm
from bucle.base.refs import Ref
from bucle.drivers.db import Tx, UtcDateTime, metadata, upsert_into
from bucle.drivers.db.filters import Beside, Lies, Place, compile_filter
from bucle.drivers.db.keyset import behind
from bucle.lifecycle.registry.catalog.records import ModelSheet, Stage, VersionSheet
from bucle.lifecycle.registry.records import GateSpec, Model, ModelVersion
from bucle.lifecycle.registry.store import (
    model_aliases,
    model_decisions,
    model_versions,
    models,
)

model_tags = Table(
    "model_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

version_tags = Table(
    "model_version_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_AT_UNKNOWN = literal(_UNKNOWN, UtcDateTime)
_CHANGED_AT = func.coalesce(
    model_versions.c.changed_at, model_versions.c.registered_at, type_=UtcDateTime
)
_RUN = "run:"
# The values of the order after which a page starts (None: at the beginning), and how many rows.
Window = tuple[Sequence[object] | None, int]
_PROMPT = "mlflow.prompt.is_prompt"


def find_model_sheet(tx: Tx, project: str, name: str) -> ModelSheet | None:
    """Return a model and what is said of it, or None."""
    found = _model_sheets(tx, project, _models(project).where(models.c.name == name))
    return found[0] if found else None


def list_model_sheets(
    tx: Tx,
    project: str,
    conditions: Sequence[Condition],
    order: Sequence[OrderTerm],
    window: Window,
) -> tuple[ModelSheet, ...]:
    """Return the models that fulfil all conditions."""

    def tag(key: str) -> Lies:
        return Beside(
            owner=models.c.name,
            of=model_tags.c.name,
            value=model_tags.c.value,
            where=(model_tags.c.project == project, model_tags.c.key == key),
        )

    places: dict[str, Place] = {"attribute": lambda _key: models.c.name, "tag": tag}
    query = _models(project).where(*_holding(conditions, places, tx.dialect.name))
    columns = {
        "name": _sorted_text(tx, models.c.name),
        "creation_timestamp": func.coalesce(models.c.created_at, _AT_UNKNOWN),
        "last_updated_timestamp": func.coalesce(models.c.changed_at, _AT_UNKNOWN),
    }
    return _model_sheets(tx, project, _spanned(query, columns, order, window))


def find_version_sheet(tx: Tx, project: str, name: str, number: int) -> VersionSheet | None:
    """Return a version and what is said of it, or None."""
    mine = (model_versions.c.name == name, model_versions.c.number == number)
    found = _version_sheets(tx, project, _versions(project).where(*mine))
    return found[0] if found else None


def find_logged(tx: Tx, project: str, logged_models: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return the versions that some logged models are: id, name and number of each."""
    query = select(
        model_versions.c.logged_model, model_versions.c.name, model_versions.c.number
    ).where(model_versions.c.project == project, model_versions.c.logged_model.in_(logged_models))
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def list_version_sheets(
    tx: Tx,
    project: str,
    conditions: Sequence[Condition],
    order: Sequence[OrderTerm],
    window: Window,
) -> tuple[VersionSheet, ...]:
    """Return the versions that fulfil all conditions."""
    same_name = version_tags.c.name == model_versions.c.name

    def tag(key: str) -> Lies:
        return Beside(
            owner=model_versions.c.number,
            of=version_tags.c.number,
            value=version_tags.c.value,
            where=(version_tags.c.project == project, same_name, version_tags.c.key == key),
        )

    attributes: dict[str, ColumnElement[Any]] = {
        "name": model_versions.c.name,
        "version_number": model_versions.c.number,
        "run_id": func.coalesce(func.substr(model_versions.c.run, len(_RUN) + 1), ""),
        "source_path": model_versions.c.source,
    }
    places: dict[str, Place] = {"attribute": attributes.__getitem__, "tag": tag}
    query = _versions(project).where(*_holding(conditions, places, tx.dialect.name))
    columns = {
        "name": _sorted_text(tx, model_versions.c.name),
        "version_number": model_versions.c.number,
        "creation_timestamp": model_versions.c.registered_at,
        "last_updated_timestamp": _CHANGED_AT,
    }
    return _version_sheets(tx, project, _spanned(query, columns, order, window))


def latest_of_stages(tx: Tx, project: str, names: Sequence[str]) -> tuple[VersionSheet, ...]:
    """Return the newest version of each stage of some models."""
    newest = (
        select(model_versions.c.name, func.max(model_versions.c.number))
        .where(model_versions.c.project == project, model_versions.c.name.in_(names))
        .group_by(model_versions.c.name, model_versions.c.stage)
    )
    key = tuple_(model_versions.c.name, model_versions.c.number)
    query = _versions(project).where(key.in_(newest))
    return _version_sheets(
        tx, project, query.order_by(model_versions.c.name, model_versions.c.number)
    )


def find_package(tx: Tx, project: str, beginning: str) -> tuple[str, datetime] | None:
    """Return the digest that begins so of a version's package, and when it came; or None."""
    query = select(model_versions.c.manifest, model_versions.c.registered_at).where(
        model_versions.c.project == project, model_versions.c.manifest.startswith(beginning)
    )
    row = tx.execute(query.order_by(model_versions.c.registered_at).limit(1)).one_or_none()
    return (row.manifest, row.registered_at) if row else None


def list_stage(tx: Tx, project: str, name: str, stage: Stage) -> tuple[int, ...]:
    """Return the numbers of a model's versions that are in a stage."""
    query = select(model_versions.c.number).filter_by(project=project, name=name, stage=stage)
    return tuple(tx.execute(query.order_by(model_versions.c.number)).scalars())


def describe_model(tx: Tx, project: str, name: str, text: str) -> None:
    """Write a model's description."""
    tx.execute(update(models).filter_by(project=project, name=name).values(description=text))


def say_of_version(tx: Tx, project: str, ref: Ref, **said: str) -> None:
    """Write columns of a version: description, stage, source, storage, run_link, logged_model."""
    tx.execute(
        update(model_versions)
        .filter_by(project=project, name=ref.name, number=int(ref.version or 0))
        .values(said)
    )


def date_model(tx: Tx, project: str, name: str, created: datetime, changed: datetime) -> None:
    """Write when a model was made and changed."""
    mine = update(models).filter_by(project=project, name=name)
    tx.execute(mine.values(created_at=created, changed_at=changed))


def date_version(tx: Tx, project: str, ref: Ref, changed: datetime) -> None:
    """Write when a version was changed."""
    mine = update(model_versions).filter_by(
        project=project, name=ref.name, number=int(ref.version or 0)
    )
    tx.execute(mine.values(changed_at=changed))


def count_versions(tx: Tx, project: str, name: str, number: int) -> None:
    """Let a model count on from a number that one of its versions brought with it."""
    mine = update(models).filter_by(project=project, name=name).where(models.c.versions < number)
    tx.execute(mine.values(versions=number))


def touch(tx: Tx, project: str, name: str, now: datetime, number: int | None = None) -> None:
    """Note that a model, and perhaps a version of it, was changed now."""
    tx.execute(update(models).filter_by(project=project, name=name).values(changed_at=now))
    if number is not None:
        mine = update(model_versions).filter_by(project=project, name=name, number=number)
        tx.execute(mine.values(changed_at=now))


def tag_model(tx: Tx, project: str, name: str, tags: Mapping[str, str]) -> None:
    """Write tags of a model over what they were."""
    _put(tx, model_tags, {"project": project, "name": name}, tags)


def tag_version(tx: Tx, project: str, ref: Ref, tags: Mapping[str, str]) -> None:
    """Write tags of a version over what they were."""
    key = {"project": project, "name": ref.name, "number": int(ref.version or 0)}
    _put(tx, version_tags, key, tags)


def untag_model(tx: Tx, project: str, name: str, key: str) -> bool:
    """Remove a tag of a model; tell whether it was there."""
    mine = delete(model_tags).filter_by(project=project, name=name, key=key)
    return tx.execute(mine).rowcount > 0


def untag_version(tx: Tx, project: str, ref: Ref, key: str) -> bool:
    """Remove a tag of a version; tell whether it was there."""
    mine = delete(version_tags).filter_by(
        project=project, name=ref.name, number=int(ref.version or 0), key=key
    )
    return tx.execute(mine).rowcount > 0


def delete_version(tx: Tx, project: str, ref: Ref) -> None:
    """Delete a version and its tags; its aliases are withdrawn before."""
    mine = {"project": project, "name": ref.name, "number": int(ref.version or 0)}
    for table in (version_tags, model_versions):
        tx.execute(delete(table).filter_by(**mine))


def delete_model(tx: Tx, project: str, name: str, now: datetime) -> None:
    """Delete a model with its versions; its counters, gates and decisions stay."""
    for table in (version_tags, model_tags, model_versions):
        tx.execute(delete(table).filter_by(project=project, name=name))
    gone = update(models).filter_by(project=project, name=name)
    tx.execute(gone.values(deleted_at=now, changed_at=now))


def rename_model(tx: Tx, project: str, name: str, new: str, now: datetime) -> None:
    """Move a model with all that is of it; the old name keeps its counters, as after a deletion."""
    old = tx.execute(select(models).filter_by(project=project, name=name)).one()
    row = {"versions": 0, "decisions": 0, "created_at": now}
    put = upsert_into(tx, models).values(row | {"project": project, "name": new})
    tx.execute(put.on_conflict_do_nothing())
    before = tx.execute(select(models).filter_by(project=project, name=new)).one()
    moved = {
        "versions": max(old.versions, before.versions),
        "decisions": old.decisions + before.decisions,
        "gates": old.gates,
        "description": old.description,
        "created_at": old.created_at,
        "changed_at": now,
        "deleted_at": None,
    }
    tx.execute(update(models).filter_by(project=project, name=new).values(moved))
    for table in (version_tags, model_tags, model_aliases):
        tx.execute(update(table).filter_by(project=project, name=name).values(name=new))
    _move_versions(tx, project, name, new)
    _move_decisions(tx, project, name, new, before.decisions)
    gone = update(models).filter_by(project=project, name=name)
    tx.execute(gone.values(deleted_at=now, changed_at=now, gates=None, decisions=0))


def _move_versions(tx: Tx, project: str, name: str, new: str) -> None:
    mine = {"project": project, "name": name}
    query = select(model_versions.c.number, model_versions.c.body).filter_by(**mine)
    for number, body in tx.execute(query).all():
        text = to_builtins(Ref("model", new, number))
        move = update(model_versions).filter_by(**mine, number=number)
        tx.execute(move.values(name=new, body={**body, "ref": text}))


def _move_decisions(tx: Tx, project: str, name: str, new: str, after: int) -> None:
    mine = {"project": project, "name": name}
    query = select(model_decisions).filter_by(**mine).order_by(model_decisions.c.number)
    ref = to_builtins(Ref("model", new))
    moved = []
    for row in tx.execute(query).mappings():
        number = row["number"] + after
        body = {**row["body"], "model": ref, "number": number}
        moved.append({**row, "name": new, "number": number, "body": body})
    tx.execute(delete(model_decisions).filter_by(**mine))
    if moved:
        tx.execute(insert(model_decisions), moved)


def _put(tx: Tx, table: Table, key: Mapping[str, object], tags: Mapping[str, str]) -> None:
    if not tags:
        return
    put = upsert_into(tx, table)
    over = put.on_conflict_do_update(
        index_elements=[*key, "key"], set_={"value": put.excluded.value}
    )
    tx.execute(over, [{**key, "key": name, "value": value} for name, value in tags.items()])


def _models(project: str) -> Select[Any]:
    return select(models).where(models.c.project == project, models.c.deleted_at.is_(None))


def _versions(project: str) -> Select[Any]:
    return select(model_versions).where(model_versions.c.project == project)


def _holding(
    conditions: Sequence[Condition], places: Mapping[str, Place], dialect: str
) -> list[ColumnElement[bool]]:
    """Return what has to hold for a row of a search.

    Clients ask for what is no prompt by `!=` on the tag that prompts bear; what does not bear the
    tag at all is no prompt either.
    """
    holding: list[ColumnElement[bool]] = []
    for condition in conditions:
        if condition.key == _PROMPT and condition.group == "tag" and condition.operator == "!=":
            is_prompt = replace(condition, operator="=")
            holding += [not_(one) for one in compile_filter([is_prompt], places, dialect)]
        else:
            holding += compile_filter([condition], places, dialect)
    return holding


def _sorted_text(tx: Tx, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Order by code points on both databases."""
    return column.collate("C") if tx.dialect.name == "postgresql" else column


def _spanned(
    query: Select[Any],
    columns: Mapping[str, ColumnElement[Any]],
    order: Sequence[OrderTerm],
    window: Window,
) -> Select[Any]:
    for term in order:
        column = columns[term.key]
        query = query.order_by(column.desc() if term.descending else column.asc())
    after, limit = window
    if after is not None:
        keys = [
            (columns[term.key], term.descending, value)
            for term, value in zip(order, after, strict=True)
        ]
        query = query.where(behind(keys))
    return query.limit(limit)


def _model_sheets(tx: Tx, project: str, query: Select[Any]) -> tuple[ModelSheet, ...]:
    rows = tx.execute(query).all()
    names = [row.name for row in rows]
    if not names:
        return ()
    tags: dict[str, dict[str, str]] = {name: {} for name in names}
    mine = select(model_tags).where(model_tags.c.project == project, model_tags.c.name.in_(names))
    for tag in tx.execute(mine.order_by(model_tags.c.key)):
        tags[tag.name][tag.key] = tag.value
    latest: dict[str, list[VersionSheet]] = {name: [] for name in names}
    for sheet in latest_of_stages(tx, project, names):
        latest[sheet.version.ref.name].append(sheet)
    aliases: dict[str, dict[str, int]] = {name: {} for name in names}
    for (name, number), words in _aliases(tx, project, names).items():
        aliases[name] |= dict.fromkeys(words, number)
    return tuple(
        ModelSheet(
            model=Model(
                ref=Ref("model", row.name),
                versions=row.versions,
                gates=convert(row.gates, GateSpec) if row.gates is not None else None,
                aliases=dict(sorted(aliases[row.name].items())),
            ),
            description=row.description,
            created_at=row.created_at or _UNKNOWN,
            changed_at=row.changed_at or _UNKNOWN,
            tags=tags[row.name],
            latest=tuple(latest[row.name]),
        )
        for row in rows
    )


def _version_sheets(tx: Tx, project: str, query: Select[Any]) -> tuple[VersionSheet, ...]:
    rows = tx.execute(query).all()
    if not rows:
        return ()
    names = sorted({row.name for row in rows})
    numbers = sorted({row.number for row in rows})
    tags: dict[tuple[str, int], dict[str, str]] = {}
    mine = select(version_tags).where(
        version_tags.c.project == project,
        version_tags.c.name.in_(names),
        version_tags.c.number.between(numbers[0], numbers[-1]),
    )
    for tag in tx.execute(mine.order_by(version_tags.c.key)):
        tags.setdefault((tag.name, tag.number), {})[tag.key] = tag.value
    aliases = _aliases(tx, project, names)
    return tuple(_version_sheet(row, tags, aliases) for row in rows)


def _version_sheet(
    row: Row[Any],
    tags: Mapping[tuple[str, int], dict[str, str]],
    aliases: Mapping[tuple[str, int], list[str]],
) -> VersionSheet:
    return VersionSheet(
        version=convert(row.body, ModelVersion),
        description=row.description,
        stage=row.stage,
        source=row.source,
        storage=row.storage,
        run_link=row.run_link,
        logged_model=row.logged_model,
        changed_at=row.changed_at or row.registered_at,
        tags=tags.get((row.name, row.number), {}),
        aliases=tuple(aliases.get((row.name, row.number), ())),
    )


def _aliases(tx: Tx, project: str, names: Sequence[str]) -> dict[tuple[str, int], list[str]]:
    query = select(model_aliases).where(
        model_aliases.c.project == project, model_aliases.c.name.in_(names)
    )
    found: dict[tuple[str, int], list[str]] = {}
    for row in tx.execute(query.order_by(model_aliases.c.alias)):
        found.setdefault((row.name, row.number), []).append(row.alias)
    return found
