"""Read the registry: models, versions by number or alias, packages, and who decided what."""

from datetime import datetime

from bucle.base.codec import decode, utc
from bucle.base.errors import NotFound
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import content_key
from bucle.drivers.house import Drivers
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import Profile
from bucle.lifecycle.registry import store
from bucle.lifecycle.registry.load import file_path, load_package, read_manifest
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import (
    MANIFEST_FILE,
    PROFILE_FILE,
    Manifest,
    Model,
    ModelHistory,
    ModelVersion,
    PackageFile,
    PackageFiles,
)

CHAMPION = "champion"
LATEST = "latest"
_DECISIONS = 200


def get_model(scope: Scope, name: str) -> Model:
    """Return a model with its gates and aliases.

    Raises:
        NotFound: no version was registered and no gates were declared under that name.
    """
    scope.require(Permission.MODEL_READ, Ref("model", name))
    if found := store.find_model(scope.tx, scope.project, name):
        return found
    raise NotFound(f"model:{name} does not exist", hint="bucle registry models")


def list_models(scope: Scope, *, limit: int = 50, token: str | None = None) -> Page[Model]:
    """List models by name."""
    scope.require(Permission.MODEL_READ)
    after = str(decode_token(token, str)[0]) if token else ""
    found = store.list_models(scope.tx, scope.project, after=after, limit=limit + 1)
    more = encode_token(found[limit - 1].ref.name) if len(found) > limit else None
    return Page(items=found[:limit], next_token=more)


def get_version(scope: Scope, ref: Ref) -> ModelVersion:
    """Return a version by number or alias; without either, or as `latest`, the newest.

    Raises:
        NotFound: there is no such model, version or alias.
    """
    model = get_model(scope, ref.name)
    number = _number(scope, model, ref.version)
    if number is not None and (
        found := store.find_version(scope.tx, scope.project, ref.name, number)
    ):
        return found
    if not model.versions:
        raise NotFound(f"{model.ref} has no version yet", hint="log one with bucle.log_model")
    known = ", ".join([f"1 to {model.versions}", LATEST, *model.aliases])
    raise NotFound(f"{ref} does not exist", hint=f"{model.ref} has {known}")


def find_version(scope: Scope, ref: Ref) -> ModelVersion | None:
    """Return a version by number or alias, or None."""
    scope.require(Permission.MODEL_READ, ref)
    model = store.find_model(scope.tx, scope.project, ref.name)
    number = _number(scope, model, ref.version) if model else None
    if number is None:
        return None
    return store.find_version(scope.tx, scope.project, ref.name, number)


def list_versions(
    scope: Scope, name: str, *, limit: int = 50, token: str | None = None
) -> Page[ModelVersion]:
    """List the versions of a model, newest first.

    Raises:
        NotFound: there is no such model.
    """
    get_model(scope, name)
    before = int(str(decode_token(token, int)[0])) if token else None
    found = store.list_versions(scope.tx, scope.project, name, before=before, limit=limit + 1)
    more = encode_token(found[limit - 1].number) if len(found) > limit else None
    return Page(items=found[:limit], next_token=more)


def history(
    scope: Scope, name: str, *, at: datetime | None = None, alias: str = CHAMPION
) -> ModelHistory:
    """Say who bore an alias at a moment (now, unless given), who decided it, and why.

    Raises:
        NotFound: there is no such model.
    """
    model = get_model(scope, name)
    until = utc(at) if at else scope.now
    moved = store.last_move(scope.tx, scope.project, name, alias, until=until)
    is_held = moved is not None and moved.action != "withdrawn"
    return ModelHistory(
        model=model.ref,
        alias=alias,
        at=until,
        holder=model.ref.at(moved.version) if moved and is_held else None,
        decided=moved,
        decisions=store.list_decisions(
            scope.tx, scope.project, name, until=until, limit=_DECISIONS
        ),
    )


def get_package(scope: Scope, ref: Ref) -> PackageFiles:
    """Return the files of a version's package, for downloading them by their digests."""
    version = get_version(scope, ref)
    manifest = read_manifest(scope.drivers.blobs, version.manifest)
    size_bytes = scope.drivers.blobs.size(content_key(version.manifest))
    own = {MANIFEST_FILE: PackageFile(digest=version.manifest, size_bytes=size_bytes)}
    return PackageFiles(
        ref=version.ref,
        manifest=version.manifest,
        signature=version.signature,
        public_key=scope.keys.public_hex,
        files=own | manifest.files,
    )


def open_version(session: Session, version: ModelVersion) -> Predictor:
    """Load a version's model, after checking its signature and every file.

    Raises:
        Refused: the package was changed after it was registered.
    """
    drivers: Drivers = session.drivers
    return load_package(
        drivers.blobs,
        version.manifest,
        version.signature,
        session.house.keys.public_hex,
        drivers.cache_path,
        pickles=session.house.settings.pickles,
    )


def reference_profile(drivers: Drivers, manifest_digest: str) -> Profile | None:
    """Return the profile of the rows that a package was trained on, with the model's answers.

    The answers are the columns `prediction` and `probability`.  None: it was packed without.
    """
    manifest = read_manifest(drivers.blobs, manifest_digest)
    if PROFILE_FILE not in manifest.files:
        return None
    path = file_path(drivers.blobs, manifest, PROFILE_FILE, drivers.cache_path)
    return decode(path.read_bytes(), Profile)


def manifest_of(drivers: Drivers, manifest_digest: str) -> Manifest:
    """Return what a package says of itself."""
    return read_manifest(drivers.blobs, manifest_digest)


def _number(scope: Scope, model: Model, version: str | None) -> int | None:
    if version is None or version == LATEST:
        return store.newest_number(scope.tx, scope.project, model.ref.name)
    if version.isascii() and version.isdecimal():
        # A number of a hundred digits is no version, and no database's integer either.
        return min(int(version[:18]), model.versions + 1)
    return model.aliases.get(version)
