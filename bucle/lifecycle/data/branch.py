"""Branch a dataset: a line of versions of its own, which starts at a version that is there."""

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.read import HEAD, dataset_ref, get_version
from bucle.lifecycle.data.records import Branch
from bucle.lifecycle.data.tag import check_word


def branch(scope: Scope, ref: Ref | str, name: str) -> Branch:
    """Start a branch at a version; nothing is copied, and nobody else's head moves.

    Raises:
        Invalid: the name could be taken for a number, a time or `main`, or is a tag.
        Conflict: there is such a branch, and it stands at another version.
        NotFound: no such version.
    """
    version = get_version(scope, ref)
    scope.require(Permission.DATASET_WRITE, version.ref)
    check_word(name, "a branch", such_as="cleaning or new-source")
    tx, project, dataset = scope.tx, scope.project, version.ref.name
    if store.find_tag(tx, project, dataset, name) is not None:
        raise Invalid(f"{name!r} is a tag of {version.ref.bare}", hint="give another name")
    there = store.find_head(tx, project, dataset, name)
    if there is not None and there != version.number:
        raise Conflict(
            f"the branch {name!r} of {version.ref.bare} is at {version.ref.at(there)}",
            hint="give another name",
        )
    if there is None:
        by = (scope.actor.name, scope.now)
        store.add_branch(tx, project, version.ref, name, by=by)
        scope.record("dataset.branched", version.ref, branch=name)
    return Branch(name=name, head=version.ref)


def list_branches(scope: Scope, name: str) -> tuple[Branch, ...]:
    """Return the branches of a dataset, main first.

    Raises:
        NotFound: there is no such dataset, or nothing was committed to it.
    """
    head = get_version(scope, dataset_ref(name))
    others = store.list_branches(scope.tx, scope.project, head.ref.name)
    return (Branch(name=HEAD, head=head.ref), *others)
