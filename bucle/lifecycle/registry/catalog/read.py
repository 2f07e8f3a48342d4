"""Read models and versions with what is said of them: one, by alias, by stage, and by search."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid, NotFound
from bucle.base.filters import Language, OrderTerm, parse_filter, parse_order
from bucle.base.page import Page, decode_place, encode_place
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry import read
from bucle.lifecycle.registry.catalog import store
from bucle.lifecycle.registry.catalog.language import (
    MODELS,
    MODELS_ORDER,
    VERSIONS,
    VERSIONS_ORDER,
)
from bucle.lifecycle.registry.catalog.records import (
    STAGES,
    CatalogQuery,
    ModelSheet,
    Stage,
    VersionSheet,
)

_BY_NAME = (("name", False),)
_NEWEST = (("last_updated_timestamp", True), ("name", False), ("version_number", True))
_KINDS: dict[str, type] = {
    "name": str,
    "version_number": int,
    "creation_timestamp": datetime,
    "last_updated_timestamp": datetime,
}
_LARGEST = 2**31
_DIGITS = 18


def get_model_sheet(scope: Scope, name: str) -> ModelSheet:
    """Return a model with what is said of it, and the newest version of each stage.

    Raises:
        NotFound: there is no such model.
    """
    scope.require(Permission.MODEL_READ, Ref("model", name))
    found = store.find_model_sheet(scope.tx, scope.project, name)
    if found is None:
        raise NotFound(f"model:{name} does not exist", hint="bucle registry models")
    return found


def get_version_sheet(scope: Scope, ref: Ref) -> VersionSheet:
    """Return a version, by number, by alias or the newest, with what is said of it.

    Raises:
        NotFound: there is no such model, version or alias.
    """
    scope.require(Permission.MODEL_READ, ref)
    asked = ref.version or ""
    number = int(asked) if is_number(asked) else read.get_version(scope, ref).number
    found = (
        store.find_version_sheet(scope.tx, scope.project, ref.name, number)
        if number < _LARGEST
        else None
    )
    if found is None:
        raise NotFound(f"{ref} does not exist", hint=f"bucle registry versions {ref.name}")
    return found


def latest_versions(
    scope: Scope, name: str, stages: Sequence[str] = ()
) -> tuple[VersionSheet, ...]:
    """Return the newest version of each stage that has one; only of some stages if named.

    Raises:
        Invalid: there is no such stage.
        NotFound: there is no such model.
    """
    wanted = {checked_stage(stage) for stage in stages} or set(STAGES)
    sheet = get_model_sheet(scope, name)
    return tuple(version for version in sheet.latest if version.stage in wanted)


def search_models(scope: Scope, query: CatalogQuery) -> Page[ModelSheet]:
    """Find the models that a search describes; by name, unless an order is given.

    Raises:
        Invalid: the filter, the order or the token can not be read.
    """
    scope.require(Permission.MODEL_READ)
    mark = _mark("models", query)
    order = _order(query.order_by, MODELS_ORDER, _BY_NAME, _BY_NAME)
    after = decode_place(query.token, mark, [_KINDS[term.key] for term in order])
    found = store.list_model_sheets(
        scope.tx,
        scope.project,
        parse_filter(query.filter, MODELS),
        order,
        (after, query.limit + 1),
    )
    more = len(found) > query.limit
    last = _model_values(found[query.limit - 1]) if more else None
    next_token = encode_place(mark, [last[term.key] for term in order]) if last else None
    return Page(items=found[: query.limit], next_token=next_token)


def search_versions(scope: Scope, query: CatalogQuery) -> Page[VersionSheet]:
    """Find the versions that a search describes; what changed last, unless an order is given.

    Raises:
        Invalid: the filter, the order or the token can not be read.
    """
    scope.require(Permission.MODEL_READ)
    mark = _mark("versions", query)
    order = _order(query.order_by, VERSIONS_ORDER, _NEWEST, _NEWEST[1:])
    after = decode_place(query.token, mark, [_KINDS[term.key] for term in order])
    found = store.list_version_sheets(
        scope.tx,
        scope.project,
        parse_filter(query.filter, VERSIONS),
        order,
        (after, query.limit + 1),
    )
    more = len(found) > query.limit
    last = _version_values(found[query.limit - 1]) if more else None
    next_token = encode_place(mark, [last[term.key] for term in order]) if last else None
    return Page(items=found[: query.limit], next_token=next_token)


def registrations_of(
    scope: Scope, logged_models: Sequence[str]
) -> dict[str, list[tuple[str, int]]]:
    """Return the names and numbers of the versions that some logged models are, by id."""
    found: dict[str, list[tuple[str, int]]] = {}
    for id_, name, number in store.find_logged(scope.tx, scope.project, logged_models):
        found.setdefault(id_, []).append((name, number))
    return found


def is_number(version: str) -> bool:
    """Tell whether a version is asked for by its number."""
    return version.isascii() and version.isdecimal() and len(version) <= _DIGITS


def checked_stage(stage: str) -> Stage:
    """Return a stage as it is spelled here; any case will do.

    Raises:
        Invalid: there is no such stage.
    """
    for known in STAGES:
        if stage.lower() == known.lower():
            return known
    raise Invalid(
        f"Invalid Model Version stage: {stage[:80]!r}", hint=f"one of {', '.join(STAGES)}"
    )


def _model_values(sheet: ModelSheet) -> dict[str, str | int | datetime]:
    """Return what a model can be ordered by."""
    return {
        "name": sheet.model.ref.name,
        "creation_timestamp": sheet.created_at,
        "last_updated_timestamp": sheet.changed_at,
    }


def _version_values(sheet: VersionSheet) -> dict[str, str | int | datetime]:
    """Return what a version can be ordered by."""
    return {
        "name": sheet.version.ref.name,
        "version_number": sheet.version.number,
        "creation_timestamp": sheet.version.registered_at,
        "last_updated_timestamp": sheet.changed_at,
    }


def _mark(listing: str, query: CatalogQuery) -> str:
    """Return what tells one search from another: a token leads on in its own only."""
    what = (listing, query.filter, query.order_by)
    return sha256(canonical_json(what)).hexdigest()[:12]


def _order(
    terms: Sequence[str],
    language: Language,
    without: Sequence[tuple[str, bool]],
    ties: Sequence[tuple[str, bool]],
) -> tuple[OrderTerm, ...]:
    order = [parse_order(term, language) for term in terms]
    named = {term.key for term in order}
    for key, descending in ties if order else without:
        if key not in named:
            order.append(OrderTerm(group="attribute", key=key, descending=descending))
    return tuple(order)
