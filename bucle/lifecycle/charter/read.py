"""Read the charter of a project."""

from bucle.base.errors import NotFound
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.charter import store
from bucle.lifecycle.charter.records import Charter


def get_charter(scope: Scope, *, version: int | None = None) -> Charter:
    """Return the charter in force, or one of its versions.

    Raises:
        NotFound: the project has none, or not that version.
    """
    if found := find_charter(scope, version=version):
        return found
    what = f"version {version} of the charter" if version else "a charter"
    raise NotFound(
        f"project {scope.project!r} does not have {what}",
        hint="bucle charter set --problem <sentence>",
    )


def find_charter(scope: Scope, *, version: int | None = None) -> Charter | None:
    """Return the charter in force, or one of its versions, or None."""
    scope.require(Permission.CHARTER_READ)
    return store.find_charter(scope.tx, scope.project, version)
