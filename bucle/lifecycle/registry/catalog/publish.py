"""Say where a version's files can be had: of a package of ours, under an address of the proxy."""

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.read import get_version_sheet
from bucle.lifecycle.registry.load import read_manifest
from bucle.lifecycle.registry.records import MANIFEST_FILE
from bucle.lifecycle.tracking.files import find_file, put_file

_LETTERS = 32


def download_place(scope: Scope, ref: Ref) -> str:
    """Return the address of a version's files; a package of ours gets one when first asked for.

    Raises:
        NotFound: there is no such version.
    """
    scope.require(Permission.MODEL_READ, ref)
    sheet = get_version_sheet(scope, ref)
    if sheet.storage:
        return sheet.storage
    version = sheet.version
    owner = Ref("logged_model", f"m-{version.manifest[:_LETTERS]}")
    if find_file(scope, owner, MANIFEST_FILE) is None:
        manifest = read_manifest(scope.drivers.blobs, version.manifest)
        put_file(scope, owner, MANIFEST_FILE, digest=version.manifest)
        for path, file in manifest.files.items():
            put_file(scope, owner, path, digest=file.digest)
    storage = f"mlflow-artifacts:/0/models/{owner.name}/artifacts"
    store.say_of_version(scope.tx, scope.project, version.ref, storage=storage)
    return storage
