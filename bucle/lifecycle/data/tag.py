"""Tag a version: a name that people give it, and may move."""

import re

from bucle.base.errors import Invalid
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.read import HEAD, get_version, moment_of
from bucle.lifecycle.data.records import DatasetVersion

_WORD = re.compile(r"[\w][\w.+-]*")


def tag(scope: Scope, ref: Ref | str, tag_: str) -> DatasetVersion:
    """Put a tag on a version; a tag that another version bore moves.

    Raises:
        Invalid: the tag could be taken for a number, a time or `main`, or is a branch.
        NotFound: no such version.
    """
    version = get_version(scope, ref)
    scope.require(Permission.DATASET_WRITE, version.ref)
    check_word(tag_, "a tag", such_as="golden or v1.2-clean")
    if store.find_head(scope.tx, scope.project, version.ref.name, tag_) is not None:
        raise Invalid(f"{tag_!r} is a branch of {version.ref.bare}", hint="give another tag")
    before = store.find_tag(scope.tx, scope.project, version.ref.name, tag_)
    if before == version.number:
        return version
    store.set_tag(scope.tx, scope.project, version.ref, tag_, by=(scope.actor.name, scope.now))
    scope.record("dataset.tagged", version.ref, tag=tag_, before=before)
    return version


def check_word(word: str, what: str, *, such_as: str) -> None:
    """Refuse a name of versions that could be taken for something else.

    Raises:
        Invalid: it could be taken for a number, a time or `main`.
    """
    check_name(word)
    if word == HEAD or word.isdecimal() or moment_of(word) or not _WORD.fullmatch(word):
        raise Invalid(f"{word!r} may not be {what}", hint=f"write a word, such as {such_as}")
