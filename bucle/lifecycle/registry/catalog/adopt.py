"""Bring models, their versions and their aliases over, with their numbers, times and stages.

A version's files are those of the run or the logged model that its source names, which are
brought before it; of what lies elsewhere only the address is known here.  Aliases go the way of
every alias: a model that has gates here decides by them.
"""

from datetime import datetime

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.change import keep_found
from bucle.lifecycle.registry.catalog.create import Origin, manifest_of, origin_of, version_at
from bucle.lifecycle.registry.catalog.read import get_model_sheet
from bucle.lifecycle.registry.catalog.records import ForeignVersion, Stage, VersionSheet
from bucle.lifecycle.registry.load import statement
from bucle.lifecycle.registry.promote import evidence, promote
from bucle.lifecycle.registry.records import ModelVersion
from bucle.lifecycle.registry.store import add_version, ensure_model
from bucle.lifecycle.tracking import add_output, find_run
from bucle.lifecycle.tracking.adopted import Adoption, find_adopted, is_adopted, note_adopted


class AdoptedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model of a source; its versions and aliases are brought after it."""

    source: str
    name: str
    mark: str = ""
    description: str = ""
    created_at: datetime
    changed_at: datetime
    tags: dict[str, str] = {}


class AdoptedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a registered model; its number stays what it was."""

    source: str
    model: str
    number: int
    made: ForeignVersion  # its source, run, words and tags
    mark: str = ""
    created_at: datetime
    changed_at: datetime
    stage: Stage = "None"
    user: str = ""


class AdoptedAliases(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions bear which aliases of a model."""

    source: str
    model: str
    aliases: dict[str, int]
    mark: str = ""


def adopt_model(scope: Scope, told: AdoptedModel) -> Ref:
    """Make a model as its source has it, or bring what is new of it.

    One of its name that no import brought takes its tags and versions in.

    Raises:
        Invalid: a name that can not be one.
    """
    ref = Ref("model", check_name(told.name))
    scope.require(Permission.MODEL_WRITE, ref)
    theirs = f"model:{told.name}"
    known = find_adopted(scope, told.source, theirs) is not None
    fresh = ensure_model(scope.tx, scope.project, told.name, told.created_at)
    if fresh or known:
        store.describe_model(scope.tx, scope.project, told.name, told.description)
        store.date_model(scope.tx, scope.project, told.name, told.created_at, told.changed_at)
    store.tag_model(scope.tx, scope.project, told.name, told.tags)
    keep_found(scope, told.name)
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=told.mark))
    scope.record("model.adopted", ref, source=told.source, again=known)
    return ref


def adopt_version(scope: Scope, told: AdoptedVersion) -> Ref:
    """Make a version as its source has it, or bring what is new of it.

    Raises:
        Conflict: the model has a version of that number which no import brought.
        NotFound: there is no such model; bring it first.
        Refused: it is in `Production`, and the model's gates here did not accept it.
    """
    ref = Ref("model", told.model, told.number)
    scope.require(Permission.MODEL_WRITE, ref)
    get_model_sheet(scope, told.model)
    theirs = f"version:{told.model}@{told.number}"
    known = find_adopted(scope, told.source, theirs) is not None
    before = store.find_version_sheet(scope.tx, scope.project, told.model, told.number)
    if before is None:
        _begin(scope, ref, told)
    elif not (known or is_adopted(scope, ref)):
        raise Conflict(
            f"{ref} is here already, and no import brought it",
            hint="import into another project (--project)",
        )
    _say(scope, ref, told)
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=told.mark))
    scope.record(
        "model.version_adopted", ref, source=told.source, made_from=told.made.source,
        run=told.made.run, stage=told.stage, again=known,
    )  # fmt: skip
    return ref


def adopt_aliases(scope: Scope, told: AdoptedAliases) -> tuple[str, ...]:
    """Point aliases at the versions that bear them there; return those that were refused.

    An alias that the gates of the model refuse stays where it is, and the rest goes on.

    Raises:
        NotFound: one of the versions is not here.
    """
    ref = Ref("model", told.model)
    scope.require(Permission.MODEL_PROMOTE, ref)
    refused: list[str] = []
    for alias, number in told.aliases.items():
        try:
            promote(scope, ref.at(number), alias=alias, reason=f"so it was in {told.source}")
        except Refused as error:
            refused.append(f"{alias} of {ref.at(number)}: {error.message}")
    theirs = f"aliases:{told.model}"
    mark = "" if refused else told.mark
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=mark))
    scope.record("model.aliases_adopted", ref, source=told.source, aliases=told.aliases)
    return tuple(refused)


def _begin(scope: Scope, ref: Ref, told: AdoptedVersion) -> None:
    manifest, flavor, task, storage = _files(scope, told)
    version = ModelVersion(
        ref=ref,
        number=told.number,
        manifest=manifest,
        signature=scope.keys.sign(statement(manifest)),
        flavor=flavor,
        task=task,
        run=Ref("run", told.made.run) if told.made.run else None,
        registered_at=told.created_at,
        registered_by=told.user or scope.actor.name,
    )
    store.count_versions(scope.tx, scope.project, told.model, told.number)
    add_version(scope.tx, scope.project, version)
    store.say_of_version(
        scope.tx, scope.project, ref,
        source=told.made.source, storage=storage, logged_model=told.made.logged_model,
    )  # fmt: skip
    if version.run and find_run(scope, version.run):
        add_output(scope, version.run, ref)
    if told.made.logged_model:
        scope.link(Ref("logged_model", told.made.logged_model), ref, "registered")


def _files(scope: Scope, told: AdoptedVersion) -> tuple[str, str, str, str]:
    """Return a version's manifest, flavor and task, and where its files are."""
    copied = _copied(scope, told.made.source)
    if copied:
        version = copied.version
        storage = copied.storage or told.made.source
        return version.manifest, version.flavor, version.task, storage
    try:
        origin = origin_of(scope, told.made)
    except (Invalid, NotFound):  # a path of another machine, or a logged model that is gone
        origin = Origin(told.made.source)
    made = manifest_of(scope, origin)
    digest = store_bytes(scope.drivers.blobs, canonical_json(made))
    return digest, made.flavor, made.task, origin.storage


def _copied(scope: Scope, source: str) -> VersionSheet | None:
    try:
        return version_at(scope, source)
    except NotFound:
        return None


def _say(scope: Scope, ref: Ref, told: AdoptedVersion) -> None:
    if told.stage == "Production":
        sheet = store.find_version_sheet(scope.tx, scope.project, ref.name, told.number)
        if sheet and sheet.stage != told.stage:
            evidence(scope, sheet.version)
    store.say_of_version(
        scope.tx, scope.project, ref,
        description=told.made.description, run_link=told.made.run_link, stage=told.stage,
    )  # fmt: skip
    store.tag_version(scope.tx, scope.project, ref, told.made.tags)
    store.date_version(scope.tx, scope.project, ref, told.changed_at)
