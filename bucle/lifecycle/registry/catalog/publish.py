"""Where a version's files can be had: a package of ours under an address of the proxy.

The address is made of the package's digest alone, so that to ask for it writes nothing.
"""

import re

from bucle.base.refs import Ref
from bucle.drivers.blobs.content import content_key
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.read import get_version_sheet
from bucle.lifecycle.registry.load import read_manifest
from bucle.lifecycle.registry.records import MANIFEST_FILE, PackageFile
from bucle.lifecycle.tracking.files import Entry, File

_LETTERS = 32
_OWNER = re.compile(rf"m-([0-9a-f]{{{_LETTERS}}})")


def download_place(scope: Scope, ref: Ref) -> str:
    """Return the address of a version's files.

    Raises:
        NotFound: there is no such version.
    """
    scope.require(Permission.MODEL_READ, ref)
    sheet = get_version_sheet(scope, ref)
    owner = f"m-{sheet.version.manifest[:_LETTERS]}"
    return sheet.storage or f"mlflow-artifacts:/0/models/{owner}/artifacts"


def package_files(scope: Scope, owner: Ref) -> tuple[File, ...]:
    """Return the files of the package that an address of `download_place` names, by path.

    Nothing where the owner is no package of this project.
    """
    scope.require(Permission.MODEL_READ)
    named = _OWNER.fullmatch(owner.name) if owner.kind == "logged_model" else None
    found = store.find_package(scope.tx, scope.project, named[1]) if named else None
    if found is None:
        return ()
    digest, registered_at = found
    blobs = scope.drivers.blobs
    files = read_manifest(blobs, digest).files | {
        MANIFEST_FILE: PackageFile(digest=digest, size_bytes=blobs.size(content_key(digest)))
    }
    return tuple(
        File(
            owner=owner,
            path=path,
            digest=file.digest,
            size_bytes=file.size_bytes,
            logged_at=registered_at,
        )
        for path, file in sorted(files.items())
    )


def find_package_file(scope: Scope, owner: Ref, path: str) -> File | None:
    """Return a file of a package by its path, or None."""
    return next((file for file in package_files(scope, owner) if file.path == path), None)


def list_package_folder(scope: Scope, owner: Ref, folder: str = "") -> tuple[Entry, ...]:
    """List what lies directly in a folder of a package, by path."""
    top = f"{folder}/" if folder else ""
    below = [file for file in package_files(scope, owner) if file.path.startswith(top)]
    folders = {file.path[len(top) :].partition("/")[0] for file in below
               if "/" in file.path[len(top) :]}  # fmt: skip
    entries = [Entry(path=f"{top}{name}", is_folder=True) for name in folders]
    entries += [
        Entry(path=file.path, is_folder=False, size_bytes=file.size_bytes)
        for file in below
        if "/" not in file.path[len(top) :]
    ]
    return tuple(sorted(entries, key=lambda entry: entry.path))
