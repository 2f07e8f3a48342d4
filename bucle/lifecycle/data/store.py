"""The tables of datasets: their heads, their versions, their tags and branches.

A version's files are not here: its manifest lies in the content store under its digest.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    case,
    insert,
    select,
    update,
)

from bucle.base.codec import convert, to_builtins
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.db import Json, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.data.records import (
    Branch,
    Dataset,
    DatasetSpec,
    DatasetVersion,
    Look,
    Split,
    Tombstone,
)

datasets = Table(
    "datasets",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("head", Integer, nullable=False),  # of the branch main; 0: nothing was committed yet
    Column("spec", Json, nullable=True),  # null: never declared
    Column("last", Integer, nullable=False, server_default="0"),  # number given, on any branch
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("committed_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Column("branch", String, nullable=False, server_default="main"),
    Index("ix_dataset_versions_digest", "project", "name", "digest"),
    Index("ix_dataset_versions_committed_at", "project", "name", "committed_at"),
)

dataset_tags = Table(
    "dataset_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("tag", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("tagged_at", UtcDateTime, nullable=False),
    Column("tagged_by", String, nullable=False),
)

dataset_branches = Table(  # all but main, which is the head of the dataset
    "dataset_branches",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("branch", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String, nullable=False),
)

dataset_splits = Table(
    "dataset_splits",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("dataset", String, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_dataset_splits_dataset", "project", "dataset"),
)

split_looks = Table(
    "split_looks",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("look", Integer, primary_key=True),
    Column("body", Json, nullable=False),
)

dataset_tombstones = Table(
    "dataset_tombstones",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_dataset_tombstones_by", "project", "by"),
)

MAIN = "main"

_VERSION = dataset_versions.c
_BRANCH = dataset_branches.c
_SPLIT = dataset_splits.c
_STONE = dataset_tombstones.c


def ensure_dataset(tx: Tx, project: str, name: str) -> None:
    """Make the dataset's row, unless it is there."""
    statement = upsert_into(tx, datasets).values(project=project, name=name, head=0, spec=None)
    tx.execute(statement.on_conflict_do_nothing())


def find_head(tx: Tx, project: str, name: str, branch: str = MAIN) -> int | None:
    """Return the number of a branch's head, 0 where nothing was committed; None: no such."""
    query = select(datasets.c.head).where(datasets.c.project == project, datasets.c.name == name)
    if branch != MAIN:
        query = select(_BRANCH.number).where(_of_branch(project, name, branch))
    head: int | None = tx.execute(query).scalar()
    return head


def move_head(
    tx: Tx, project: str, name: str, *, seen: int, to: int, branch: str = MAIN
) -> bool:  # fmt: skip
    """Move a branch's head if it still is where it was seen; tell whether it was."""
    if branch == MAIN:
        same = (datasets.c.project == project) & (datasets.c.name == name)
        statement = update(datasets).where(same, datasets.c.head == seen).values(head=to)
    else:
        statement = (
            update(dataset_branches)
            .where(_of_branch(project, name, branch), _BRANCH.number == seen)
            .values(number=to)
        )
    return tx.execute(statement).rowcount == 1


def next_number(tx: Tx, project: str, name: str, *, least: int = 0) -> int:
    """Take the number of the version to come; others who commit wait until the transaction ends."""
    last = case((datasets.c.last < least, least), else_=datasets.c.last + 1)
    changed = (
        update(datasets)
        .where(datasets.c.project == project, datasets.c.name == name)
        .values(last=last)
    )
    return int(tx.execute(changed.returning(datasets.c.last)).scalar_one())


def add_branch(tx: Tx, project: str, ref: Ref, branch: str, *, by: tuple[str, datetime]) -> None:
    """Insert a branch that stands at a version."""
    tx.execute(
        insert(dataset_branches).values(
            project=project, name=ref.name, branch=branch, number=int(ref.version or 0),
            made_by=by[0], made_at=by[1],
        )
    )  # fmt: skip


def list_branches(tx: Tx, project: str, name: str) -> tuple[Branch, ...]:
    """Return the branches of a dataset by name, without main."""
    query = select(_BRANCH.branch, _BRANCH.number).where(
        _BRANCH.project == project, _BRANCH.name == name
    )
    return tuple(
        Branch(name=branch, head=Ref("dataset", name, number))
        for branch, number in tx.execute(query.order_by(_BRANCH.branch))
    )


def _of_branch(project: str, name: str, branch: str) -> ColumnElement[bool]:
    return (_BRANCH.project == project) & (_BRANCH.name == name) & (_BRANCH.branch == branch)


def find_spec(tx: Tx, project: str, name: str) -> DatasetSpec | None:
    """Return what was declared; None: nothing."""
    query = select(datasets.c.spec).where(datasets.c.project == project, datasets.c.name == name)
    spec = tx.execute(query).scalar()
    return convert(spec, DatasetSpec) if spec else None


def list_specs(tx: Tx, project: str) -> tuple[DatasetSpec, ...]:
    """Return what was declared of every dataset."""
    query = select(datasets.c.spec).where(datasets.c.project == project)
    found = tx.execute(query.order_by(datasets.c.name)).scalars()
    return tuple(convert(spec, DatasetSpec) for spec in found if spec)


def list_all_specs(tx: Tx) -> tuple[tuple[str, DatasetSpec], ...]:
    """Return what was declared, with its project, of every dataset."""
    found = tx.execute(select(datasets.c.project, datasets.c.spec)).all()
    return tuple((project, convert(spec, DatasetSpec)) for project, spec in found if spec)


def set_spec(tx: Tx, project: str, spec: DatasetSpec) -> None:
    """Write what is declared over what was."""
    ensure_dataset(tx, project, spec.name)
    tx.execute(
        update(datasets)
        .where(datasets.c.project == project, datasets.c.name == spec.name)
        .values(spec=to_builtins(spec))
    )


def add_version(tx: Tx, project: str, version: DatasetVersion) -> None:
    """Insert a version; its files stay in its manifest."""
    body = to_builtins(version)
    body.pop("files")
    tx.execute(
        insert(dataset_versions).values(
            project=project,
            name=version.ref.name,
            number=version.number,
            digest=version.digest,
            rows=version.rows,
            size_bytes=version.size_bytes,
            committed_at=version.committed_at,
            body=body,
            branch=version.branch,
        )
    )


def find_version(tx: Tx, project: str, name: str, number: int) -> DatasetVersion | None:
    """Return a version without its files."""
    return _first(tx, _versions(project, name).where(_VERSION.number == number))


def find_version_at(tx: Tx, project: str, name: str, moment: datetime) -> DatasetVersion | None:
    """Return the version that was the head of main at a moment."""
    query = _versions(project, name).where(_VERSION.committed_at <= moment, _VERSION.branch == MAIN)
    return _first(tx, query.order_by(_VERSION.number.desc()).limit(1))


def find_version_of_digest(tx: Tx, project: str, name: str, prefix: str) -> DatasetVersion | None:
    """Return the newest version whose digest starts so."""
    query = _versions(project, name).where(_VERSION.digest.startswith(prefix, autoescape=True))
    return _first(tx, query.order_by(_VERSION.number.desc()).limit(1))


def list_versions(
    tx: Tx, project: str, name: str, *, limit: int, token: str | None, branch: str = ""
) -> Page[DatasetVersion]:
    """List versions without their files, newest first: of a branch, or of all."""
    query = _versions(project, name)
    if branch:
        query = query.where(_VERSION.branch == branch)
    if token:
        query = query.where(_VERSION.number < decode_token(token, int)[0])
    bodies = tx.execute(query.order_by(_VERSION.number.desc()).limit(limit + 1)).scalars().all()
    items = tuple(_version(body) for body in bodies[:limit])
    more = encode_token(items[-1].number) if len(bodies) > limit else None
    return Page(items=items, next_token=more)


def set_tag(tx: Tx, project: str, ref: Ref, tag: str, *, by: tuple[str, datetime]) -> None:
    """Put a tag on a version, wherever it was before."""
    place = {"number": int(ref.version or 0), "tagged_by": by[0], "tagged_at": by[1]}
    statement = upsert_into(tx, dataset_tags).values(
        project=project, name=ref.name, tag=tag, **place
    )
    keys = [dataset_tags.c.project, dataset_tags.c.name, dataset_tags.c.tag]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=place))


def find_tag(tx: Tx, project: str, name: str, tag: str) -> int | None:
    """Return the number of the version that bears a tag."""
    query = select(dataset_tags.c.number).where(
        dataset_tags.c.project == project, dataset_tags.c.name == name, dataset_tags.c.tag == tag
    )
    number: int | None = tx.execute(query).scalar()
    return number


def list_tags(tx: Tx, project: str, name: str) -> dict[str, int]:
    """Return the tags of a dataset, and the number of the version that bears each."""
    return _tags(tx, project, [name]).get(name, {})


def list_datasets(tx: Tx, project: str, *, limit: int, token: str | None) -> Page[Dataset]:
    """List datasets by name, each with its head's figures and its tags."""
    query = (
        select(
            datasets.c.name,
            datasets.c.head,
            datasets.c.spec,
            _VERSION.rows,
            _VERSION.size_bytes,
            _VERSION.committed_at,
        )
        .outerjoin(
            dataset_versions,
            (_VERSION.project == datasets.c.project)
            & (_VERSION.name == datasets.c.name)
            & (_VERSION.number == datasets.c.head),
        )
        .where(datasets.c.project == project)
    )
    if token:
        query = query.where(datasets.c.name > decode_token(token, str)[0])
    rows = tx.execute(query.order_by(datasets.c.name).limit(limit + 1)).all()
    tags = _tags(tx, project, [row.name for row in rows[:limit]])
    items = tuple(_dataset(row, tags.get(row.name, {})) for row in rows[:limit])
    more = encode_token(items[-1].ref.name) if len(rows) > limit else None
    return Page(items=items, next_token=more)


def _tags(tx: Tx, project: str, names: list[str]) -> dict[str, dict[str, int]]:
    query = select(dataset_tags.c.name, dataset_tags.c.tag, dataset_tags.c.number).where(
        dataset_tags.c.project == project, dataset_tags.c.name.in_(names)
    )
    found: dict[str, dict[str, int]] = {}
    for name, tag, number in tx.execute(query.order_by(dataset_tags.c.tag)):
        found.setdefault(name, {})[tag] = number
    return found


def _dataset(row: Any, tags: dict[str, int]) -> Dataset:  # noqa: ANN401 - a row of a join
    ref = Ref("dataset", row.name)
    return Dataset(
        ref=ref,
        spec=convert(row.spec, DatasetSpec) if row.spec else None,
        head=ref.at(row.head) if row.head else None,
        rows=row.rows or 0,
        size_bytes=row.size_bytes or 0,
        committed_at=row.committed_at,
        tags=tags,
    )


def _versions(project: str, name: str) -> Select[Any]:
    return select(_VERSION.body).where(_VERSION.project == project, _VERSION.name == name)


def _first(tx: Tx, query: Select[Any]) -> DatasetVersion | None:
    body = tx.execute(query).scalar()
    return _version(body) if body else None


def _version(body: dict[str, Any]) -> DatasetVersion:
    return convert(body | {"files": ()}, DatasetVersion)


def add_split(tx: Tx, project: str, split: Split) -> None:
    """Insert a split; none is ever changed."""
    tx.execute(
        insert(dataset_splits).values(
            project=project,
            name=split.ref.name,
            number=int(split.ref.version or 0),
            dataset=split.dataset.name,
            looks=0,
            body=to_builtins(split),
        )
    )


def find_split(tx: Tx, project: str, name: str, number: int | None) -> Split | None:
    """Return a split of a dataset version's number, or the newest of its name."""
    query = select(_SPLIT.body).where(_SPLIT.project == project, _SPLIT.name == name)
    if number is not None:
        query = query.where(_SPLIT.number == number)
    body = tx.execute(query.order_by(_SPLIT.number.desc()).limit(1)).scalar()
    return convert(body, Split) if body else None


def find_split_before(tx: Tx, project: str, name: str, number: int) -> Split | None:
    """Return the newest split of a name that is of an earlier version than a number."""
    query = select(_SPLIT.body).where(_SPLIT.project == project, _SPLIT.name == name)
    query = query.where(_SPLIT.number < number)
    body = tx.execute(query.order_by(_SPLIT.number.desc()).limit(1)).scalar()
    return convert(body, Split) if body else None


def find_split_of(tx: Tx, project: str, dataset: str) -> Split | None:
    """Return the newest split of any version of a dataset."""
    query = select(_SPLIT.body).where(_SPLIT.project == project, _SPLIT.dataset == dataset)
    body = tx.execute(query.order_by(_SPLIT.number.desc(), _SPLIT.name).limit(1)).scalar()
    return convert(body, Split) if body else None


def list_splits(tx: Tx, project: str, dataset: str) -> tuple[Split, ...]:
    """Return every split of a dataset."""
    query = select(_SPLIT.body).where(_SPLIT.project == project, _SPLIT.dataset == dataset)
    bodies = tx.execute(query.order_by(_SPLIT.name, _SPLIT.number)).scalars()
    return tuple(convert(body, Split) for body in bodies)


def next_look(tx: Tx, project: str, ref: Ref) -> int:
    """Take the number of the look to come; others who look wait until the transaction ends."""
    same = (
        (_SPLIT.project == project)
        & (_SPLIT.name == ref.name)
        & (_SPLIT.number == int(ref.version or 0))
    )
    changed = update(dataset_splits).where(same).values(looks=_SPLIT.looks + 1)
    return int(tx.execute(changed.returning(_SPLIT.looks)).scalar_one())


def add_look(tx: Tx, project: str, look: Look) -> None:
    """Insert a look; none is ever changed."""
    tx.execute(
        insert(split_looks).values(
            project=project,
            name=look.split.name,
            number=int(look.split.version or 0),
            look=look.number,
            body=to_builtins(look),
        )
    )


def list_looks(tx: Tx, project: str, ref: Ref, *, limit: int) -> tuple[Look, ...]:
    """Return the looks at a split, the newest first."""
    query = select(split_looks.c.body).where(
        split_looks.c.project == project,
        split_looks.c.name == ref.name,
        split_looks.c.number == int(ref.version or 0),
    )
    bodies = tx.execute(query.order_by(split_looks.c.look.desc()).limit(limit)).scalars()
    return tuple(convert(body, Look) for body in bodies)


def add_tombstone(tx: Tx, project: str, stone: Tombstone) -> None:
    """Insert a tombstone, unless it is there."""
    statement = upsert_into(tx, dataset_tombstones).values(
        project=project,
        name=stone.dataset.name,
        number=int(stone.dataset.version or 0),
        digest=stone.digest,
        by=str(stone.by),
        at=stone.at,
        body=to_builtins(stone),
    )
    tx.execute(statement.on_conflict_do_nothing())


def list_tombstones(tx: Tx, project: str, by: Ref) -> tuple[Tombstone, ...]:
    """Return the tombstones that a deletion or a retention set."""
    query = select(_STONE.body).where(_STONE.project == project, _STONE.by == str(by))
    bodies = tx.execute(query.order_by(_STONE.name, _STONE.number, _STONE.digest)).scalars()
    return tuple(convert(body, Tombstone) for body in bodies)


def find_tombstone(tx: Tx, project: str, name: str, wanted: str) -> Tombstone | None:
    """Return the newest tombstone of a version's number, or of a digest that starts so."""
    query = select(_STONE.body).where(_STONE.project == project, _STONE.name == name)
    if wanted.isdecimal():
        query = query.where(_STONE.number == int(wanted[:9]))
    else:
        query = query.where(_STONE.digest.startswith(wanted, autoescape=True))
    body = tx.execute(query.order_by(_STONE.at.desc()).limit(1)).scalar()
    return convert(body, Tombstone) if body else None
