"""Load a package: check its signature and every byte of it, and only then open the weights.

Needs blobs and a public key, and no database: the data plane loads models with this.
"""

from pathlib import Path
from typing import Literal, TypeAlias

from bucle.base.codec import decode
from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import content_path, read_content
from bucle.governance.keys import verify
from bucle.lifecycle.registry.flavors import FLAVORS, runs_code
from bucle.lifecycle.registry.flavors.mlflow import NAME as ELSEWHERE
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import MANIFEST_FILE, Manifest

_DOMAIN = b"bucle model package, format 1\n"
FORMAT = 1

# `BUCLE_PICKLES`.  asked: those that somebody allowed when they were packed or uploaded; any: those
# of MLflow too, which nobody was asked about.
Pickles: TypeAlias = Literal["never", "asked", "any"]


def statement(manifest_digest: str) -> bytes:
    """Return the bytes that are signed for a package; no other signature is valid for them."""
    return _DOMAIN + manifest_digest.encode()


def load_package(
    blobs: BlobStore,
    manifest_digest: str,
    signature: str,
    public_hex: str,
    cache: Path,
    *,
    pickles: Pickles = "asked",
) -> Predictor:
    """Return the model of a package, ready to predict on one thread per call.

    Raises:
        Refused: the signature is wrong, or a file is changed or missing; it is named, and
            nothing of the package was opened; or it runs code, and the policy says no.
        NotInstalled: the package needs a library that is not installed.
    """
    if not verify(public_hex, statement(manifest_digest), signature):
        raise Refused(
            f"the signature of package {manifest_digest[:12]} is not valid for this "
            f"installation's key {public_hex[:12]}",
            hint="register the model again here, or give the key that signed it",
        )
    return open_package(blobs, manifest_digest, cache, pickles=pickles)


def open_package(
    blobs: BlobStore,
    manifest_digest: str,
    cache: Path,
    *,
    threads: int = 1,
    pickles: Pickles = "asked",
) -> Predictor:
    """Return the model of a package that was made here and is not signed yet."""
    manifest = read_manifest(blobs, manifest_digest)
    require_allowed(manifest, pickles)
    if not manifest.weights:
        raise Refused(
            f"there is no model of this house's at {manifest.options.get('source')!r}",
            hint="load it with mlflow.pyfunc",
        )
    paths = {name: _path(blobs, manifest, name, cache) for name in manifest.files}
    weights = paths[manifest.weights].read_bytes()
    if digest_bytes(weights) != manifest.files[manifest.weights].digest:
        raise _changed(manifest.weights, "it changed while it was being read")
    runner = FLAVORS[manifest.flavor].load(weights, manifest, threads)
    return Predictor(manifest_digest, manifest, runner)


def require_allowed(manifest: Manifest, pickles: Pickles) -> None:
    """Refuse a package that runs code where it is loaded, if the policy does not let it.

    Raises:
        Refused: the policy says no.
    """
    if not runs_code(manifest):
        return
    told = f"{manifest.weights!r} (flavor {manifest.flavor}) runs code where it is loaded"
    if pickles == "never":
        raise Refused(
            f"{told}, and this installation loads no such model (BUCLE_PICKLES=never)",
            hint="register the model in a format that holds no code, or set BUCLE_PICKLES=asked",
        )
    if manifest.flavor == ELSEWHERE and pickles != "any":
        raise Refused(
            f"{told}: it is a pickle of MLflow's, about which nobody was asked",
            hint="log the model with serialization_format='skops', or set BUCLE_PICKLES=any",
        )


def read_manifest(blobs: BlobStore, manifest_digest: str) -> Manifest:
    """Return the manifest of a package.

    Raises:
        Refused: it is changed or missing, or of a format that this release does not know.
    """
    try:
        content = read_content(blobs, manifest_digest)
    except NotFound as error:
        raise _missing(MANIFEST_FILE, manifest_digest) from error
    except Refused as error:
        raise _changed(MANIFEST_FILE, error.message) from error
    try:
        manifest = decode(content, Manifest)
    except Invalid as error:
        raise _changed(MANIFEST_FILE, error.message) from error
    if manifest.format != FORMAT or manifest.flavor not in FLAVORS:
        raise Refused(
            f"package {manifest_digest[:12]} has format {manifest.format} and flavor "
            f"{manifest.flavor!r}, which this release does not know",
            hint="pip install --upgrade bucle",
        )
    is_elsewhere = manifest.flavor == ELSEWHERE and not manifest.weights
    if manifest.weights not in manifest.files and not is_elsewhere:
        raise _changed(MANIFEST_FILE, f"its weights {manifest.weights!r} are not in its files")
    return manifest


def file_path(blobs: BlobStore, manifest: Manifest, name: str, cache: Path) -> Path:
    """Return the path of one checked file of a package.

    Raises:
        NotFound: the package has no such file.
        Refused: the file is changed or missing.
    """
    if name not in manifest.files:
        raise NotFound(f"the package has no file {name!r}", hint=", ".join(sorted(manifest.files)))
    return _path(blobs, manifest, name, cache)


def _path(blobs: BlobStore, manifest: Manifest, name: str, cache: Path) -> Path:
    digest = manifest.files[name].digest
    try:
        return content_path(blobs, digest, cache)
    except NotFound as error:
        raise _missing(name, digest) from error
    except Refused as error:
        raise _changed(name, error.message) from error


def _missing(name: str, digest: str) -> Refused:
    return Refused(
        f"the file {name!r} of the package is missing (content {digest})",
        hint="restore the content store from a backup, or register the model again",
    )


def _changed(name: str, how: str) -> Refused:
    return Refused(
        f"the file {name!r} of the package was changed after it was registered: {how}",
        hint="do not use it; restore the content store from a backup",
    )
