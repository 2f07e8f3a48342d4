"""Say things of models and versions: words and tags; give a model another name; take them away.

Taking away removes the rows; the name keeps its counters, gates and decisions, so that a number
never means two versions and a gate is not shed by deleting a model and making it again
(docs/decisions/0013-models-made-elsewhere.md).
"""

from collections.abc import Mapping

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.write import change_findable, drop_findable, rename_findable
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.read import get_model_sheet, get_version_sheet
from bucle.lifecycle.registry.catalog.records import ModelSheet, VersionSheet
from bucle.lifecycle.registry.promote import withdraw
from bucle.lifecycle.registry.store import ensure_model, lock_model
from bucle.lifecycle.tracking.names import checked_name, checked_text

DESCRIPTION_LETTERS = 100_000
_TAG_LETTERS = 100_000


def create_model(
    scope: Scope, name: str, *, description: str = "", tags: Mapping[str, str] | None = None
) -> ModelSheet:
    """Make a model without versions.

    Raises:
        Conflict: there is one of that name.
        Invalid: a name, a tag or a text that can not be kept.
    """
    ref = Ref("model", check_name(name))
    scope.require(Permission.MODEL_WRITE, ref)
    tags = tags or {}
    check_tags(tags)
    checked_text("description", description, DESCRIPTION_LETTERS)
    if not ensure_model(scope.tx, scope.project, name, scope.now):
        raise Conflict(
            f"Registered Model (name={name}) already exists", hint=f"bucle registry versions {name}"
        )
    store.describe_model(scope.tx, scope.project, name, description)
    store.tag_model(scope.tx, scope.project, name, tags)
    keep_found(scope, name)
    scope.record("model.created", ref, description=description, tags=tags)
    return get_model_sheet(scope, name)


def describe_model(scope: Scope, name: str, text: str) -> ModelSheet:
    """Write a model's description.

    Raises:
        NotFound: there is no such model.
    """
    ref = _written(scope, name)
    checked_text("description", text, DESCRIPTION_LETTERS)
    store.describe_model(scope.tx, scope.project, name, text)
    store.touch(scope.tx, scope.project, name, scope.now)
    keep_found(scope, name)
    scope.record("model.described", ref, description=text)
    return get_model_sheet(scope, name)


def tag_model(scope: Scope, name: str, tags: Mapping[str, str]) -> None:
    """Write tags of a model over what they were.

    Raises:
        NotFound: there is no such model.
    """
    ref = _written(scope, name)
    check_tags(tags)
    store.tag_model(scope.tx, scope.project, name, tags)
    store.touch(scope.tx, scope.project, name, scope.now)
    keep_found(scope, name)
    scope.record("model.tagged", ref, tags=tags)


def untag_model(scope: Scope, name: str, key: str) -> None:
    """Remove a tag of a model; one that is not there is gone already.

    Raises:
        NotFound: there is no such model.
    """
    ref = _written(scope, name)
    if store.untag_model(scope.tx, scope.project, name, key):
        store.touch(scope.tx, scope.project, name, scope.now)
        keep_found(scope, name)
        scope.record("model.untagged", ref, key=key)


def rename_model(scope: Scope, name: str, new: str) -> ModelSheet:
    """Give a model another name; versions, aliases, gates and decisions go along.

    Raises:
        Conflict: the other name is taken.
        NotFound: there is no such model.
    """
    ref = _written(scope, name)
    scope.require(Permission.MODEL_PROMOTE, ref)
    check_name(new)
    if store.find_model_sheet(scope.tx, scope.project, new) is not None:
        raise Conflict(f"Registered Model (name={new}) already exists", hint="choose another name")
    store.rename_model(scope.tx, scope.project, name, new, scope.now)
    rename_findable(scope, ref, new)
    scope.record("model.renamed", Ref("model", new), before=name)
    scope.link(ref, Ref("model", new), "renamed")
    return get_model_sheet(scope, new)


def delete_model(scope: Scope, name: str) -> None:
    """Take a model and its versions away.

    Raises:
        NotFound: there is no such model.
    """
    ref = _written(scope, name)
    scope.require(Permission.MODEL_PROMOTE, ref)
    sheet = get_model_sheet(scope, name)
    for alias in sheet.model.aliases:
        withdraw(scope, name, alias=alias, reason="the model was deleted")
    store.delete_model(scope.tx, scope.project, name, scope.now)
    drop_findable(scope, ref)
    scope.record("model.deleted", ref, versions=sheet.model.versions)


def describe_version(scope: Scope, ref: Ref, text: str) -> VersionSheet:
    """Write a version's description.

    Raises:
        NotFound: there is no such version.
    """
    sheet = _version(scope, ref)
    ref = sheet.version.ref
    checked_text("description", text, DESCRIPTION_LETTERS)
    store.say_of_version(scope.tx, scope.project, ref, description=text)
    _touch(scope, sheet)
    scope.record("model.described", ref, description=text)
    return get_version_sheet(scope, ref)


def tag_version(scope: Scope, ref: Ref, tags: Mapping[str, str]) -> None:
    """Write tags of a version over what they were.

    Raises:
        NotFound: there is no such version.
    """
    sheet = _version(scope, ref)
    check_tags(tags)
    store.tag_version(scope.tx, scope.project, sheet.version.ref, tags)
    _touch(scope, sheet)
    scope.record("model.tagged", sheet.version.ref, tags=tags)


def untag_version(scope: Scope, ref: Ref, key: str) -> None:
    """Remove a tag of a version; one that is not there is gone already.

    Raises:
        NotFound: there is no such version.
    """
    sheet = _version(scope, ref)
    if store.untag_version(scope.tx, scope.project, sheet.version.ref, key):
        _touch(scope, sheet)
        scope.record("model.untagged", sheet.version.ref, key=key)


def delete_version(scope: Scope, ref: Ref) -> None:
    """Take a version away; its number is not given again.

    Raises:
        Denied: it bears an alias, and the actor may not move aliases.
        NotFound: there is no such version.
    """
    sheet = _version(scope, ref)
    ref = sheet.version.ref
    for alias in sheet.aliases:
        withdraw(scope, ref.name, alias=alias, reason=f"{ref} was deleted")
    store.delete_version(scope.tx, scope.project, ref)
    store.touch(scope.tx, scope.project, ref.name, scope.now)
    scope.record("model.version_deleted", ref, manifest=sheet.version.manifest)


def keep_found(scope: Scope, name: str) -> None:
    """Write by which words and tags a model is found; its columns are those of its versions."""
    sheet = store.find_model_sheet(scope.tx, scope.project, name)
    if sheet is not None:
        tags = tuple(f"{key}={value}" if value else key for key, value in sheet.tags.items())
        described = sheet.description
        change_findable(scope, Ref("model", name), description=described, tags=tags)


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that can not be kept.

    Raises:
        Invalid: a key or a value that is too long, or a key that has signs it may not have.
    """
    for key, value in tags.items():
        checked_name(key)
        checked_text("value", value, _TAG_LETTERS)


def _written(scope: Scope, name: str) -> Ref:
    ref = Ref("model", name)
    scope.require(Permission.MODEL_WRITE, ref)
    if not name:
        raise Invalid("Registered model name cannot be empty", hint="name a model")
    lock_model(scope.tx, scope.project, name)
    get_model_sheet(scope, name)
    return ref


def _version(scope: Scope, ref: Ref) -> VersionSheet:
    scope.require(Permission.MODEL_WRITE, ref)
    lock_model(scope.tx, scope.project, ref.name)
    return get_version_sheet(scope, ref)


def _touch(scope: Scope, sheet: VersionSheet) -> None:
    ref = sheet.version.ref
    store.touch(scope.tx, scope.project, ref.name, scope.now, sheet.version.number)
