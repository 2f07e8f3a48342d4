"""Versions of the registry as members of an ensemble: opened, checked, and packed with it."""

from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle.registry.ensembles import Ensemble, Member, Packed
from bucle.lifecycle.registry.load import file_path
from bucle.lifecycle.registry.read import get_version, open_version
from bucle.lifecycle.registry.records import REQUIREMENTS_FILE
from bucle.lifecycle.registry.requirements import read_lock


def with_versions(session: Session, model: Any) -> tuple[Any, tuple[Ref, ...]]:  # noqa: ANN401 - any model
    """Return an ensemble with its versions read, and their names; another model as it is.

    Raises:
        NotFound: there is no such version.
        Refused: its package was changed after it was registered, or may not be loaded.
    """
    if not isinstance(model, Ensemble):
        return model, ()
    members, refs = [], []
    for member in model.members:
        if isinstance(member.model, Ref | str):
            ref, packed = _packed(session, Ref.parse(str(member.model), kind="model"))
            refs.append(ref)
            members.append(msgspec.structs.replace(member, model=packed))
        elif isinstance(member.model, Ensemble):
            inner, more = with_versions(session, member.model)
            refs.extend(more)
            members.append(msgspec.structs.replace(member, model=inner))
        else:
            members.append(member)
    made: tuple[Member, ...] = tuple(members)
    return msgspec.structs.replace(model, members=made), tuple(refs)


def _packed(session: Session, ref: Ref) -> tuple[Ref, Packed]:
    with session.begin(write=False) as scope:
        version = get_version(scope, ref)
    predictor = open_version(session, version)  # checks the signature and every file
    predictor.close()
    manifest = predictor.manifest
    drivers = session.drivers
    paths = {
        name: file_path(drivers.blobs, manifest, name, drivers.cache_path)
        for name in (manifest.weights, REQUIREMENTS_FILE)
        if name in manifest.files
    }
    lock = paths.get(REQUIREMENTS_FILE)
    needed = read_lock(lock.read_text(encoding="utf-8")).packages if lock else {}
    weights = paths[manifest.weights].read_bytes()
    packed = Packed(manifest=manifest, weights=weights, packages=tuple(sorted(needed)))
    return version.ref, packed
