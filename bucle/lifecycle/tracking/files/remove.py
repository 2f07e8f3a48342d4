"""Remove files; their content stays in the content store, where others may share it."""

from collections.abc import Sequence

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.files import store
from bucle.lifecycle.tracking.files.paths import checked_folder


def remove_files(scope: Scope, owner: Ref, path: str = "") -> int:
    """Remove a file, or all files below a folder, and return how many that were.

    Raises:
        Invalid: a path that can not be one.
    """
    scope.require(Permission.RUN_WRITE, owner)
    path = checked_folder(path)
    count = store.delete_files(scope.tx, scope.project, owner, path)
    if count:
        scope.record("file.removed", owner, path=path, files=count)
    return count


def remove_files_of(scope: Scope, owners: Sequence[Ref]) -> int:
    """Remove every file of owners that go for good, for a verb that has asked and says so."""
    return store.delete_owned(scope.tx, scope.project, owners) if owners else 0
