"""Register a package as the next version of a model: signed, linked, told."""

import io

import msgspec
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import read_content
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.records import FoundColumn
from bucle.governance.search.write import change_findable
from bucle.governance.session import Session
from bucle.lifecycle.data import get_split, get_version
from bucle.lifecycle.registry import store
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.load import file_path, open_package, read_manifest, statement
from bucle.lifecycle.registry.records import (
    EXAMPLE_FILE,
    NOTE,
    PROOF,
    Manifest,
    ModelVersion,
    Package,
    Registration,
)
from bucle.lifecycle.registry.trained_on import read_by
from bucle.lifecycle.registry.verify import verify_package
from bucle.lifecycle.tracking import add_output


def register(
    session: Session, name: str, package: Package, registration: Registration
) -> ModelVersion:
    """Give a package the next number of a model; the same run and package keep theirs.

    Raises:
        Invalid: the name is not one, or the evaluation rows lack an input or the target.
        NotFound: there is no such run.
        Refused: a file of the package is changed or missing, or the package does not work where
            only its lock is installed.
        Unavailable: what the lock names can not be had here (`BUCLE_VERIFY`).
    """
    check_name(name)
    with session.begin(write=False) as scope:
        scope.require(Permission.MODEL_WRITE, Ref("model", name))
    target = registration.target or package.manifest.target
    _check_evaluation(session, package.manifest, registration, target)
    settings = session.house.settings
    verified = verify_package(session.drivers, package, settings.verify, home=settings.home_path)
    with session.begin() as scope:
        store.ensure_model(scope.tx, scope.project, name, scope.now)
        if registration.run and (
            same := store.find_same(
                scope.tx, scope.project, name, manifest=package.digest, run=registration.run
            )
        ):
            return same
        inputs = tuple(FoundColumn(name=each.name) for each in package.manifest.signature.inputs)
        change_findable(scope, Ref("model", name), columns=inputs)
        version = _version(scope, name, package, registration, target)
        return _add(scope, msgspec.structs.replace(version, verified=verified))


def read_package(session: Session, manifest_digest: str, *, allow_pickle: bool = False) -> Package:
    """Return a package that was uploaded file by file, after trying it.

    Raises:
        Refused: a file is changed or missing, or it is a pickle and nobody said that it may be;
            signing it would vouch for code that runs wherever it is loaded.
    """
    drivers = session.drivers
    manifest = read_manifest(drivers.blobs, manifest_digest)
    if manifest.flavor == "python":
        if not allow_pickle:
            raise Refused(
                f"package {manifest_digest[:12]} is a pickle, which runs code where it is loaded",
                hint="allow_pickle, if you trust who made it",
            )
        for name in manifest.files:
            file_path(drivers.blobs, manifest, name, drivers.cache_path)
        return Package(digest=manifest_digest, manifest=manifest)
    predictor = open_package(drivers.blobs, manifest_digest, drivers.cache_path)
    example = file_path(drivers.blobs, manifest, EXAMPLE_FILE, drivers.cache_path)
    predictor.predict(columns_of(pq.read_table(example), manifest.signature.inputs))
    predictor.close()
    return Package(digest=manifest_digest, manifest=manifest)


def _check_evaluation(
    session: Session, manifest: Manifest, registration: Registration, target: str
) -> None:
    if registration.split is not None:
        _check_split(session, manifest, registration, target)
        return
    if registration.evaluation is None:
        return
    try:
        content = read_content(session.drivers.blobs, registration.evaluation)
    except NotFound as error:
        raise Invalid(
            f"the evaluation rows {registration.evaluation[:12]} are not in the content store",
            hint="upload them first",
        ) from error
    names = pq.read_schema(io.BytesIO(content)).names
    wanted = [field.name for field in manifest.signature.inputs] + ([target] if target else [])
    if not target:
        raise Invalid("evaluation rows need a target", hint="name the column of the truth")
    if missing := [name for name in wanted if name not in names]:
        raise Invalid(
            f"the evaluation rows lack the column {missing[0]!r}", hint=f"they have {names}"
        )


def _check_split(
    session: Session, manifest: Manifest, registration: Registration, target: str
) -> None:
    """Refuse a split whose rows the model can not be measured on; none of them is read."""
    if registration.evaluation is not None:
        raise Invalid(
            "a version is judged on evaluation rows or on the confirming part of a split",
            hint="give evaluation or split",
        )
    if not target:
        raise Invalid("a split needs a target", hint="name the column of the truth")
    with session.begin(write=False) as scope:
        split = get_split(scope, str(registration.split))
        names = get_version(scope, split.dataset).column_names
    wanted = [*(field.name for field in manifest.signature.inputs), target]
    if missing := [name for name in wanted if name not in names]:
        raise Invalid(
            f"{split.dataset}, which {split.ref} is of, lacks the column {missing[0]!r}",
            hint=f"it has {', '.join(names)}",
        )


def _version(
    scope: Scope, name: str, package: Package, registration: Registration, target: str
) -> ModelVersion:
    number = store.next_version(scope.tx, scope.project, name)
    return ModelVersion(
        ref=Ref("model", name, number),
        number=number,
        manifest=package.digest,
        signature=scope.keys.sign(statement(package.digest)),
        flavor=package.manifest.flavor,
        task=package.manifest.task,
        metrics=registration.metrics,
        run=registration.run,
        datasets=registration.datasets,
        evaluation=registration.evaluation,
        split=get_split(scope, registration.split).ref if registration.split else None,
        target=target,
        views=_views(scope, registration),
        registered_at=scope.now,
        registered_by=scope.actor.name,
        proof=package.manifest.options.get(PROOF, ""),
        note=package.manifest.options.get(NOTE, ""),
    )


def _views(scope: Scope, registration: Registration) -> tuple[Ref, ...]:
    """Return the versions of views that a model was trained on: as said, or as its run read."""
    for ref in registration.views:
        if ref.kind != "feature_view" or ref.version is None:
            raise Invalid(
                f"{ref} is no version of a feature view", hint="name it as feature_view:spending@2"
            )
    return registration.views or read_by(scope, registration.run, "feature_view")


def _add(scope: Scope, version: ModelVersion) -> ModelVersion:
    store.add_version(scope.tx, scope.project, version)
    if version.run:
        add_output(scope, version.run, version.ref)
    for dataset in version.datasets:
        scope.link(dataset, version.ref, "trained")
    for view in version.views:
        scope.link(view, version.ref, "trained")
    scope.record(
        "model.registered",
        version.ref,
        run=version.run,
        datasets=version.datasets,
        metrics=version.metrics,
        flavor=version.flavor,
        task=version.task,
        manifest=version.manifest,
        verified=version.verified,
    )
    return version
