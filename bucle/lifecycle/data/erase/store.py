"""Changes of history: nothing else in the house changes or removes a version."""

from sqlalchemy import ColumnElement, delete, select, update

from bucle.base.codec import convert, to_builtins
from bucle.base.refs import Ref
from bucle.drivers.db import Tx
from bucle.lifecycle.data.records import DatasetVersion, Split
from bucle.lifecycle.data.store import (
    dataset_splits,
    dataset_tags,
    dataset_versions,
    split_looks,
)

_VERSION, _SPLIT = dataset_versions.c, dataset_splits.c


def replace_version(tx: Tx, project: str, version: DatasetVersion, *, seen: str) -> bool:
    """Write a version over what it was, if it still has that digest; tell whether it had."""
    body = to_builtins(version)
    body.pop("files")
    statement = (
        update(dataset_versions)
        .where(_is(project, version.ref), _VERSION.digest == seen)
        .values(digest=version.digest, rows=version.rows, size_bytes=version.size_bytes, body=body)
    )
    return tx.execute(statement).rowcount == 1


def remove_version(tx: Tx, project: str, version: DatasetVersion, *, seen: str) -> bool:
    """Remove a version, its tags and its splits; what came from it then came from its parent."""
    gone = delete(dataset_versions).where(_is(project, version.ref), _VERSION.digest == seen)
    if tx.execute(gone).rowcount != 1:
        return False
    _reparent(tx, project, version)
    name, number = version.ref.name, version.number
    tags = dataset_tags.c
    tx.execute(
        delete(dataset_tags).where(
            tags.project == project, tags.name == name, tags.number == number
        )
    )
    for split in list_splits_of(tx, project, version.ref):
        looks = split_looks.c
        same = (looks.project == project) & (looks.name == split.ref.name)
        tx.execute(delete(split_looks).where(same, looks.number == number))
        tx.execute(delete(dataset_splits).where(_of_split(project, split)))
    return True


def _reparent(tx: Tx, project: str, version: DatasetVersion) -> None:
    """Let the versions that came from this one have come from its parent: merges walk there."""
    query = select(_VERSION.number, _VERSION.body).where(
        _VERSION.project == project,
        _VERSION.name == version.ref.name,
        _VERSION.number > version.number,
    )
    parent = str(version.parent) if version.parent else None
    for number, body in tx.execute(query).all():
        changed = {
            field: parent for field in ("parent", "merged") if body.get(field) == str(version.ref)
        }
        if changed:
            tx.execute(
                update(dataset_versions)
                .where(_is(project, version.ref.at(number)))
                .values(body=body | changed)
            )


def list_splits_of(tx: Tx, project: str, ref: Ref) -> tuple[Split, ...]:
    """Return the splits of a version."""
    query = select(_SPLIT.body).where(
        _SPLIT.project == project,
        _SPLIT.dataset == ref.name,
        _SPLIT.number == int(ref.version or 0),
    )
    return tuple(convert(body, Split) for body in tx.execute(query).scalars())


def replace_split(tx: Tx, project: str, split: Split) -> None:
    """Write a split over what it was."""
    tx.execute(
        update(dataset_splits).where(_of_split(project, split)).values(body=to_builtins(split))
    )


def all_digests(tx: Tx) -> dict[str, set[str]]:
    """Return the digests of the manifests of all versions, by project."""
    found: dict[str, set[str]] = {}
    for project, digest in tx.execute(select(_VERSION.project, _VERSION.digest)):
        found.setdefault(project, set()).add(digest)
    return found


def _is(project: str, ref: Ref) -> ColumnElement[bool]:
    return (
        (_VERSION.project == project)
        & (_VERSION.name == ref.name)
        & (_VERSION.number == int(ref.version or 0))
    )


def _of_split(project: str, split: Split) -> ColumnElement[bool]:
    return (
        (_SPLIT.project == project)
        & (_SPLIT.name == split.ref.name)
        & (_SPLIT.number == int(split.ref.version or 0))
    )
