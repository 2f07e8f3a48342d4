"""Tag a version: a name that people give it, and may move."""

import re

from bucle.base.errors import Invalid
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.read import HEAD, get_version, moment_of
from bucle.lifecycle.data.records import DatasetVersion

_TAG = re.compile(r"[\w][\w.+-]*")


def tag(scope: Scope, ref: Ref | str, tag_: str) -> DatasetVersion:
    """Put a tag on a version; a tag that another version bore moves.

    Raises:
        Invalid: the tag could be taken for a number, a time or `main`.
        NotFound: no such version.
    """
    version = get_version(scope, ref)
    scope.require(Permission.DATASET_WRITE, version.ref)
    check_name(tag_)
    if tag_ == HEAD or tag_.isdecimal() or moment_of(tag_) or not _TAG.fullmatch(tag_):
        raise Invalid(
            f"{tag_!r} may not be a tag", hint="write a word, such as golden or v1.2-clean"
        )
    before = store.find_tag(scope.tx, scope.project, version.ref.name, tag_)
    if before == version.number:
        return version
    store.set_tag(scope.tx, scope.project, version.ref, tag_, by=(scope.actor.name, scope.now))
    scope.record("dataset.tagged", version.ref, tag=tag_, before=before)
    return version
