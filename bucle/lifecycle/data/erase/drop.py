"""Drop a version: it leaves a tombstone, and what came from it then came from its parent."""

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.erase import store as erase_store
from bucle.lifecycle.data.records import Tombstone


def drop_version(scope: Scope, ref: Ref, *, by: Ref, why: str) -> bool:
    """Drop a version with its tags and splits; tell whether it was still there."""
    scope.require(Permission.DATASET_FORGET, ref)
    version = store.find_version(scope.tx, scope.project, ref.name, int(ref.version or 0))
    if version is None:
        return False
    if not erase_store.remove_version(scope.tx, scope.project, version, seen=version.digest):
        return False
    stone = Tombstone(
        dataset=ref, what="dropped", digest=version.digest, by=by, why=why, at=scope.now
    )
    store.add_tombstone(scope.tx, scope.project, stone)
    return True
