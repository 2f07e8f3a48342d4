"""Read what files there are: one, a folder of them, or all."""

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.files import store
from bucle.lifecycle.tracking.files.paths import checked_folder, checked_path
from bucle.lifecycle.tracking.files.records import Entry, File


def get_file(scope: Scope, owner: Ref, path: str) -> File:
    """Return a file.

    Raises:
        Invalid: a path that can not be one.
        NotFound: there is no such file.
    """
    found = find_file(scope, owner, path)
    if found is None:
        raise NotFound(f"{owner} has no artifact {path!r}")
    return found


def find_file(scope: Scope, owner: Ref, path: str) -> File | None:
    """Return a file, or None.

    Raises:
        Invalid: a path that can not be one.
    """
    scope.require(Permission.RUN_READ, owner)
    return store.find_file(scope.tx, scope.project, owner, checked_path(path))


def list_folder(scope: Scope, owner: Ref, folder: str = "") -> tuple[Entry, ...]:
    """List what lies directly in a folder, by path; nothing where there is no such folder.

    Raises:
        Invalid: a path that can not be one.
    """
    scope.require(Permission.RUN_READ, owner)
    files, folders = store.list_folder(scope.tx, scope.project, owner, checked_folder(folder))
    entries = [Entry(path=path, is_folder=False, size_bytes=size) for path, size in files]
    entries += [Entry(path=path, is_folder=True) for path in folders]
    return tuple(sorted(entries, key=lambda entry: entry.path))


def list_files(scope: Scope, owner: Ref, folder: str = "") -> tuple[File, ...]:
    """List every file below a folder, however deep, by path.

    Raises:
        Invalid: a path that can not be one.
    """
    scope.require(Permission.RUN_READ, owner)
    return store.list_files(scope.tx, scope.project, owner, checked_folder(folder))
