"""Change what was set apart: nothing but a deletion does."""

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.quarantine import store
from bucle.lifecycle.data.quarantine.records import Quarantine

_PAGE = 500


def every_quarantine(scope: Scope, name: str) -> list[Quarantine]:
    """Return all that commits to a dataset set apart."""
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    found: list[Quarantine] = []
    token, more = None, True
    while more:
        page = store.list_of(scope.tx, scope.project, name, limit=_PAGE, token=token)
        found.extend(page.items)
        token, more = page.next_token, page.next_token is not None
    return found


def rewrite(scope: Scope, made: Quarantine, *, seen: str) -> bool:
    """Write a quarantine of fewer rows over what it was; tell whether it still was that."""
    scope.require(Permission.DATASET_FORGET, made.dataset)
    return store.rewrite(scope.tx, scope.project, made, seen=seen)


def digests_apart(scope: Scope) -> set[str]:
    """Return the digests of all that was set apart, in every project."""
    return store.all_digests(scope.tx)
