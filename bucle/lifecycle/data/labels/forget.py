"""Take the items of somebody's rows out of the queues, with what was said of them."""

from collections.abc import Mapping

import msgspec

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.erase.find import places_in
from bucle.lifecycle.data.labels import store
from bucle.lifecycle.data.labels.make import key_text
from bucle.lifecycle.data.labels.records import Queue
from bucle.lifecycle.data.read import get_version, read_table


def find_items(
    session: Session, dataset: str, subject: Mapping[str, object]
) -> dict[str, list[int]]:
    """Return the items of each queue over a dataset that are rows of a subject."""
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET, Ref("dataset", dataset))
        queues = store.list_queues(scope.tx, scope.project, dataset)
    found = {queue.spec.name: _theirs(session, queue, subject) for queue in queues}
    return {name: items for name, items in found.items() if items}


def erase_items(session: Session, dataset: str, subject: Mapping[str, object]) -> int:
    """Remove them; return how many there were."""
    found = find_items(session, dataset, subject)
    with session.begin() as scope:
        for name, items in found.items():
            _remove(scope, name, items)
    return sum(map(len, found.values()))


def _remove(scope: Scope, name: str, items: list[int]) -> None:
    store.take_turn(scope.tx, scope.project, name)
    store.remove_items(scope.tx, scope.project, name, items)
    scope.record("labelling.erased", Ref("labelling", name), items=len(items))


def _theirs(session: Session, queue: Queue, subject: Mapping[str, object]) -> list[int]:
    with session.begin(write=False) as scope:
        items = store.list_items(scope.tx, scope.project, queue.spec.name)
        try:
            version = get_version(scope, queue.dataset)
        except NotFound:  # it was dropped: nothing of it is left but these keys
            version = None
    decoded = [(number, key, msgspec.json.decode(key)) for number, key, _ in items]
    if set(subject) <= set(queue.spec.key):
        return [
            number
            for number, _, key in decoded
            if all(str(key[name]) == str(value) for name, value in subject.items())
        ]
    if version is None or not set(subject) <= set(version.column_names):
        return []
    columns = list(dict.fromkeys((*queue.spec.key, *subject)))
    table = read_table(session, version, columns=columns)
    rows = table.take(places_in(table, dict(subject))).select(list(queue.spec.key)).to_pylist()
    keys = {key_text(row) for row in rows}
    return [number for number, key, _ in decoded if key in keys]
