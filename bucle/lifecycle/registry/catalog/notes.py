"""Words and tags of a model or of a version, by one name: a ref without a version is the model."""

from collections.abc import Mapping

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle.registry.catalog import change
from bucle.lifecycle.registry.catalog.read import get_model_sheet, get_version_sheet
from bucle.lifecycle.registry.catalog.records import Notes


def get_notes(scope: Scope, ref: Ref) -> Notes:
    """Return what is said of a model or a version.

    Raises:
        NotFound: there is no such model or version.
    """
    if ref.version is None:
        model = get_model_sheet(scope, ref.name)
        return Notes(ref=ref, description=model.description, tags=model.tags)
    sheet = get_version_sheet(scope, ref)
    return Notes(ref=sheet.version.ref, description=sheet.description, tags=sheet.tags)


def describe(scope: Scope, ref: Ref, text: str) -> Notes:
    """Write the description of a model or a version; an empty text takes it away.

    Raises:
        Invalid: a text that is too long.
        NotFound: there is no such model or version.
    """
    if ref.version is None:
        change.describe_model(scope, ref.name, text)
    else:
        change.describe_version(scope, ref, text)
    return get_notes(scope, ref)


def tag(scope: Scope, ref: Ref, tags: Mapping[str, str]) -> Notes:
    """Write tags of a model or a version over what they were; others stay.

    Raises:
        Invalid: a tag that can not be kept.
        NotFound: there is no such model or version.
    """
    if ref.version is None:
        change.tag_model(scope, ref.name, tags)
    else:
        change.tag_version(scope, ref, tags)
    return get_notes(scope, ref)


def untag(scope: Scope, ref: Ref, key: str) -> Notes:
    """Remove a tag of a model or a version; one that is not there is gone already.

    Raises:
        NotFound: there is no such model or version.
    """
    if ref.version is None:
        change.untag_model(scope, ref.name, key)
    else:
        change.untag_version(scope, ref, key)
    return get_notes(scope, ref)
