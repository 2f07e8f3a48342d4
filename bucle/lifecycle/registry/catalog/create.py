"""Register a version whose files another tool made: a directory of MLflow, or an address.

What lies here is taken into a manifest by its digests, without a copy, and signed as any package;
of what lies elsewhere only the address is known, and nothing of it is ever loaded here.
"""

import re
from urllib.parse import unquote, urlsplit

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.change import DESCRIPTION_LETTERS, check_tags
from bucle.lifecycle.registry.catalog.mlmodel import MLMODEL, example_table, read_mlmodel
from bucle.lifecycle.registry.catalog.publish import package_files
from bucle.lifecycle.registry.catalog.read import get_model_sheet, get_version_sheet
from bucle.lifecycle.registry.catalog.records import ForeignVersion, VersionSheet
from bucle.lifecycle.registry.flavors.mlflow import NAME as MLFLOW
from bucle.lifecycle.registry.load import statement
from bucle.lifecycle.registry.package import parquet_bytes
from bucle.lifecycle.registry.records import (
    EXAMPLE_FILE,
    Manifest,
    ModelVersion,
    PackageFile,
    Signature,
)
from bucle.lifecycle.registry.store import add_version, lock_model, next_version
from bucle.lifecycle.tracking import add_output, find_run
from bucle.lifecycle.tracking.files import list_files
from bucle.lifecycle.tracking.logged import find_logged_model
from bucle.lifecycle.tracking.names import checked_text

_SOURCE_LETTERS = 2_000
_MOST_DECODINGS = 10
_HOUSE = "mlflow-artifacts"
_OWNERS = {"models": "logged_model", "traces": "trace"}
_LOCAL = re.compile(r"/|[a-zA-Z]:[\\/]|file:", re.IGNORECASE)


class Origin:
    """Where the files of a version are."""

    def __init__(self, storage: str, owner: Ref | None = None, folder: str = "") -> None:
        self.storage = storage
        self.owner = owner  # None: not here
        self.folder = folder


def create_version(scope: Scope, name: str, foreign: ForeignVersion) -> VersionSheet:
    """Give the files at a source the next number of a model.

    Raises:
        Invalid: a source that can not be one: empty, climbing, or a path of the server's disk.
        NotFound: there is no such model, or the source is a version or a model that is not there.
    """
    scope.require(Permission.MODEL_WRITE, Ref("model", name))
    lock_model(scope.tx, scope.project, name)
    get_model_sheet(scope, name)
    check_tags(foreign.tags)
    checked_text("description", foreign.description, DESCRIPTION_LETTERS)
    copied = version_at(scope, foreign.source)
    if copied:
        manifest, storage = copied.version.manifest, copied.storage or foreign.source
        flavor, task = copied.version.flavor, copied.version.task
    else:
        origin = origin_of(scope, foreign)
        made = manifest_of(scope, origin)
        manifest = store_bytes(scope.drivers.blobs, canonical_json(made))
        storage, flavor, task = origin.storage, made.flavor, made.task
        if origin.owner and origin.owner.kind == "logged_model" and not foreign.logged_model:
            foreign = msgspec.structs.replace(foreign, logged_model=origin.owner.name)
    run = foreign.run
    if not run and foreign.logged_model:
        logged = find_logged_model(scope, foreign.logged_model)
        run = logged.source_run if logged else ""
    number = next_version(scope.tx, scope.project, name)
    version = ModelVersion(
        ref=Ref("model", name, number),
        number=number,
        manifest=manifest,
        signature=scope.keys.sign(statement(manifest)),
        flavor=flavor,
        task=task,
        run=Ref("run", run) if run else None,
        registered_at=scope.now,
        registered_by=scope.actor.name,
    )
    return _add(scope, version, foreign, storage)


def _add(
    scope: Scope, version: ModelVersion, foreign: ForeignVersion, storage: str
) -> VersionSheet:
    ref = version.ref
    add_version(scope.tx, scope.project, version)
    store.say_of_version(
        scope.tx,
        scope.project,
        ref,
        description=foreign.description,
        source=foreign.source,
        storage=storage,
        run_link=foreign.run_link,
        logged_model=foreign.logged_model,
    )
    store.tag_version(scope.tx, scope.project, ref, foreign.tags)
    store.touch(scope.tx, scope.project, ref.name, scope.now, version.number)
    if version.run and find_run(scope, version.run):
        add_output(scope, version.run, ref)
    if foreign.logged_model:
        scope.link(Ref("logged_model", foreign.logged_model), ref, "registered")
    scope.record(
        "model.registered",
        ref,
        run=version.run,
        source=foreign.source,
        flavor=version.flavor,
        task=version.task,
        manifest=version.manifest,
    )
    return get_version_sheet(scope, ref)


def version_at(scope: Scope, source: str) -> VersionSheet | None:
    """Return the version that a source `models:/<name>/<number>` or `...@<alias>` names.

    Raises:
        NotFound: there is no such version.
    """
    path = _path_of(source, "models")
    if path is None or not ("/" in path or "@" in path):
        return None
    name, _, version = path.rpartition("@" if "@" in path else "/")
    return get_version_sheet(scope, Ref("model", name, version))


def origin_of(scope: Scope, foreign: ForeignVersion) -> Origin:
    """Return where the files of a source are.

    Raises:
        Invalid: a source that can not be one: empty, climbing, or a path of the server's disk.
        NotFound: the logged model that it names is not here.
    """
    source = foreign.source
    _check_source(source)
    if model := _path_of(source, "models"):
        logged = find_logged_model(scope, model)
        if logged is None:
            raise NotFound(f"Logged model with ID {model!r} not found", hint="log it first")
        return Origin(logged.location, logged.ref)
    if path := _path_of(source, "runs"):
        run, _, folder = path.partition("/")
        return Origin(source, Ref("run", run), folder)
    path = _path_of(source, _HOUSE)
    if path is None:
        return Origin(source)
    parts = path.split("/")
    for at in range(1, len(parts)):
        if parts[at] == "artifacts":
            kind = _OWNERS.get(parts[at - 2], "run") if at > 1 else "run"
            return Origin(source, Ref(kind, parts[at - 1]), "/".join(parts[at + 1 :]))
    return Origin(source)


def _path_of(source: str, scheme: str) -> str | None:
    """Return the path of a source of a scheme, without slashes at its ends; None: of another."""
    parts = urlsplit(source)
    return parts.path.strip("/") if parts.scheme == scheme else None


def _check_source(source: str) -> None:
    checked_text("source", source, _SOURCE_LETTERS)
    plain = source
    for _ in range(_MOST_DECODINGS):
        further = unquote(plain)
        if further == plain:
            break
        plain = further
    parts = re.split(r"[/\\]", plain)
    if not plain.strip() or ".." in parts or "\0" in plain or unquote(plain) != plain:
        raise Invalid(
            f"Invalid model version source: {source[:200]!r}",
            hint="write the whole address, without '..'",
        )
    if _LOCAL.match(plain) or not urlsplit(plain).scheme:
        raise Invalid(
            f"Invalid model version source: {source[:200]!r} is a path of the server's disk",
            hint="log the files to a run, and register them from there",
        )


def manifest_of(scope: Scope, origin: Origin) -> Manifest:
    """Return the manifest of what lies at a source; without files where it lies elsewhere."""
    files: dict[str, PackageFile] = {}
    if origin.owner:
        prefix = f"{origin.folder}/" if origin.folder else ""
        files = {
            file.path.removeprefix(prefix): PackageFile(
                digest=file.digest, size_bytes=file.size_bytes
            )
            for file in list_files(scope, origin.owner, origin.folder)
            or [file for file in package_files(scope, origin.owner) if file.path.startswith(prefix)]
        }
    options = {"source": origin.storage}
    if MLMODEL not in files:
        return Manifest(
            flavor=MLFLOW,
            task="other",
            signature=Signature(inputs=(), outputs=()),
            options=options,
            files=files,
        )
    blobs = scope.drivers.blobs
    said = read_mlmodel(read_content(blobs, files[MLMODEL].digest))
    if said.example in files and EXAMPLE_FILE not in files:
        table = example_table(read_content(blobs, files[said.example].digest))
        if table is not None and table.num_rows:
            content = parquet_bytes(table)
            digest = store_bytes(blobs, content)
            files[EXAMPLE_FILE] = PackageFile(digest=digest, size_bytes=len(content))
    is_here = said.weights in files
    return Manifest(
        flavor=MLFLOW,
        task=said.task,
        signature=said.signature,
        weights=said.weights if is_here else MLMODEL,
        options=options
        | {"loader": said.loader if is_here else "", "flavors": " ".join(said.flavors)},
        files=files,
    )
