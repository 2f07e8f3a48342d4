"""Keep stored content as a file of a run, a logged model or a trace."""

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import content_key
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.files import store
from bucle.lifecycle.tracking.files.paths import checked_path
from bucle.lifecycle.tracking.files.records import File

# What can have files; those of the project itself are what a client wrote beside them all.
OWNERS = frozenset({"run", "logged_model", "trace", "project"})


def keep_file(scope: Scope, owner: Ref, path: str, *, digest: str) -> File:
    """Keep stored content under a path; the newest counts.  Owners that have ended take more.

    Raises:
        Invalid: not an owner of files, a path that can not be one, or one that needs a folder
            where a file lies.
        NotFound: there is no such content.
    """
    scope.require(Permission.RUN_WRITE, owner)
    file = put_file(scope, owner, path, digest=digest)
    scope.record("file.kept", owner, path=path, digest=digest)
    return file


def put_file(scope: Scope, owner: Ref, path: str, *, digest: str) -> File:
    """Do what `keep_file` does for a verb that has asked, and says what happened in its words."""
    if owner.kind not in OWNERS:
        raise Invalid(f"{owner} can not have files", hint=f"one of: {', '.join(sorted(OWNERS))}")
    file = File(
        owner=owner,
        path=checked_path(path),
        digest=digest,
        size_bytes=_stored_bytes(scope, path, digest),
        logged_at=scope.now,
    )
    if obstacle := store.find_obstacle(scope.tx, scope.project, owner, path):
        raise Invalid(
            f"{path!r} can not be an artifact of {owner}: {obstacle!r} is one, and a file and a "
            "folder can not share a name",
            hint="choose another path, or delete that one first",
        )
    store.put_file(scope.tx, scope.project, file)
    return file


def _stored_bytes(scope: Scope, path: str, digest: str) -> int:
    try:
        return scope.drivers.blobs.size(content_key(digest))
    except NotFound as error:
        raise NotFound(
            f"content {digest} of artifact {path!r} is not stored",
            hint="store the content first, then log it",
        ) from error
