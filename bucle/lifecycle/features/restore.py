"""Put a project's feature views, as they were at a moment, into another installation."""

from collections.abc import Collection
from datetime import datetime

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.features import store

_MOST = 10_000


def restore_views(
    source: Scope, target: Scope, *, until: datetime, also: Collection[Ref] = ()
) -> None:
    """Copy every version of a view registered up to a moment, and those named.

    For a rebuild, which runs in a house of its own; online rows are not copied.
    """
    source.require(Permission.FEATURE_READ)
    target.require(Permission.FEATURE_WRITE)
    for newest in store.list_views(source.tx, source.project, limit=_MOST, token=None).items:
        for number in range(1, newest.number + 1):
            view = store.find_view(source.tx, source.project, newest.ref.name, number)
            if view and (view.registered_at <= until or view.ref in also):
                store.add_view(target.tx, target.project, view)
