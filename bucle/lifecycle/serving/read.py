"""Read deployments: what is served now, and what was."""

from bucle.base.errors import Invalid
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import Deployment


def get_deployment(scope: Scope, ref: Ref) -> Deployment:
    """Return a deployment as it is now, or one of its revisions.

    Raises:
        NotFound: no such deployment, or no such revision.
    """
    scope.require(Permission.SERVING_READ, ref)
    return store.get_deployment(scope.tx, scope.project, ref.name, _revision(ref))


def find_deployment(scope: Scope, name: str) -> Deployment | None:
    """Return a deployment as it is now, or None."""
    scope.require(Permission.SERVING_READ)
    return store.find_deployment(scope.tx, scope.project, name)


def list_deployments(scope: Scope) -> Page[Deployment]:
    """List the deployments of the project, each as it is now."""
    scope.require(Permission.SERVING_READ)
    return Page(items=store.list_deployments(scope.tx, scope.project))


def history(
    scope: Scope, name: str, *, limit: int = 50, token: str | None = None
) -> Page[Deployment]:
    """List a deployment's revisions, newest first: what was served when, and why."""
    scope.require(Permission.SERVING_READ)
    store.get_deployment(scope.tx, scope.project, name)
    return store.list_revisions(scope.tx, scope.project, name, limit=limit, token=token)


def _revision(ref: Ref) -> int | None:
    if ref.version is None:
        return None
    if not ref.version.isdecimal():
        raise Invalid(
            f"{ref.version!r} is not a revision of a deployment",
            hint=f"write {ref.bare}@<number>",
        )
    return int(ref.version)
