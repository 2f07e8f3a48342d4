"""Forget logged models for good: those that were deleted, and those of purged experiments."""

from collections.abc import Sequence
from datetime import datetime

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.files import remove_files_of
from bucle.lifecycle.tracking.logged import store


def purge_logged_models(
    scope: Scope, before: datetime, experiments: Sequence[int], limit: int
) -> int:
    """Forget models that were deleted before a moment, and all of some experiments; say how many.

    Their files go with them.  What was registered from them has files of its own.
    """
    scope.require(Permission.RUN_PURGE)
    ids = store.list_forgettable(scope.tx, scope.project, before, experiments, limit)
    store.forget(scope.tx, scope.project, ids)
    gone = [Ref("logged_model", id_) for id_ in ids]
    remove_files_of(scope, gone)
    for ref in gone:
        scope.record("logged_model.purged", ref)
    return len(ids)
