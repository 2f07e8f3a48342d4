"""Put a project's datasets, as they were at a moment, into another installation.

A rebuild runs a pipeline of then in a house of its own, and it must find there what was there
then and nothing newer.  Only the records are copied: both houses read one content store.
"""

from collections.abc import Collection
from datetime import datetime

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.packs.add import copy_packs
from bucle.lifecycle.data.records import Dataset, DatasetVersion

_PAGE = 500


def restore_datasets(
    source: Scope, target: Scope, *, until: datetime, also: Collection[Ref] = ()
) -> int:
    """Copy every version committed up to a moment, and those named; return how many.

    Versions keep their numbers.  The head is the newest of those on main; tags that point at one of
    them come along, as do the splits of theirs, unlooked at.  What is expected of a dataset is
    what is declared now, as declarations have no history.
    """
    source.require(Permission.DATASET_READ)
    target.require(Permission.DATASET_WRITE)
    copy_packs(source, target)
    copied, token, more = 0, None, True
    while more:
        page = store.list_datasets(source.tx, source.project, limit=_PAGE, token=token)
        for dataset in page.items:
            read = [ref.version for ref in also if ref.bare == dataset.ref.bare]
            newest = max((int(one) for one in read if one and one.isdecimal()), default=None)
            versions = [
                each
                for each in _versions(source, dataset.ref.name)
                if each.ref in also or _was_there(each, until, newest)
            ]
            _restore(source, target, dataset, versions)
            copied += len(versions)
        token, more = page.next_token, page.next_token is not None
    return copied


def _restore(
    source: Scope, target: Scope, dataset: Dataset, versions: list[DatasetVersion]
) -> None:
    name = dataset.ref.name
    store.ensure_dataset(target.tx, target.project, name)
    if dataset.spec:
        store.set_spec(target.tx, target.project, dataset.spec)
    for version in versions:
        store.add_version(target.tx, target.project, version)
    if versions:
        last = max(version.number for version in versions)
        store.next_number(target.tx, target.project, name, least=last)
    main = [version.number for version in versions if version.branch == store.MAIN]
    if main:
        store.move_head(target.tx, target.project, name, seen=0, to=max(main))
    there = {version.number for version in versions}
    for split in store.list_splits(source.tx, source.project, name):
        if int(split.ref.version or 0) in there:
            store.add_split(target.tx, target.project, split)
    for tag, number in dataset.tags.items():
        if number in there:
            place = (source.actor.name, source.now)
            store.set_tag(target.tx, target.project, dataset.ref.at(number), tag, by=place)


def _versions(source: Scope, name: str) -> list[DatasetVersion]:
    found: list[DatasetVersion] = []
    token, more = None, True
    while more:
        page = store.list_versions(source.tx, source.project, name, limit=_PAGE, token=token)
        found.extend(page.items)
        token, more = page.next_token, page.next_token is not None
    return found


def _was_there(version: DatasetVersion, until: datetime, newest: int | None) -> bool:
    """Tell whether a version was there at a moment, of which the newest that was read is known.

    A clock may stand still while much happens (a replay's does): of two versions of that very
    moment, the one that was not read came later.
    """
    if version.committed_at == until and newest is not None:
        return version.number <= newest
    return version.committed_at <= until
