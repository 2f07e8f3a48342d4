"""Read and write the ledger of what was brought over."""

from collections.abc import Sequence

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.adopted import store
from bucle.lifecycle.tracking.adopted.records import Adoption, AdoptionSource


def list_sources(scope: Scope) -> tuple[AdoptionSource, ...]:
    """List where things of this project were brought over from."""
    scope.require(Permission.RUN_READ)
    return store.list_sources(scope.tx, scope.project)


def adopted_from(scope: Scope, source: str, theirs: Sequence[str]) -> tuple[Adoption, ...]:
    """Return what became of some things of a source; of those that are not here, nothing."""
    scope.require(Permission.RUN_READ)
    return store.list_adoptions(scope.tx, scope.project, source, theirs)


def find_adopted(scope: Scope, source: str, theirs: str) -> Adoption | None:
    """Return what became of a thing of a source, or None."""
    return next(iter(store.list_adoptions(scope.tx, scope.project, source, [theirs])), None)


def is_adopted(scope: Scope, ours: Ref) -> bool:
    """Tell whether a thing came from anywhere."""
    return store.is_adopted(scope.tx, scope.project, ours)


def note_adopted(scope: Scope, source: str, adoption: Adoption) -> None:
    """Note what a thing of a source became."""
    store.put_adoption(scope.tx, scope.project, source, adoption, scope.now)
