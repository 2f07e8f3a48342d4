"""Say what a dataset and its columns are; what was said before stays in the audit."""

from typing import Any

import msgspec

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store as datasets
from bucle.lifecycle.data.catalog import store
from bucle.lifecycle.data.catalog.merged import SCALARS, keep_found, replaced
from bucle.lifecycle.data.catalog.read import get_entry
from bucle.lifecycle.data.catalog.records import Description, Entry, Written
from bucle.lifecycle.data.records import ColumnNote, DatasetSpec, Sensitivity

_SCHEMES = ("https://", "http://", "mailto:")


def describe(scope: Scope, name: str, said: Description) -> Entry:
    """Change what the catalogue says of a dataset.

    Raises:
        NotFound: there is no such dataset.
        Invalid: a duration, a tag or a link that is none.
        Refused: `bucle.yaml` declares it otherwise.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_WRITE, ref)
    spec = _declared(scope, name)
    given = {
        field: getattr(said, field)
        for field in said.__struct_fields__
        if getattr(said, field) is not None
    }
    for field in SCALARS:
        declared = getattr(spec, field) if spec else ""
        if declared and given.get(field, declared) != declared:
            raise Refused(
                f"{field} of {ref} is declared as {declared!r}",
                hint="change bucle.yaml, or what was declared with bucle data declare",
            )
    check_said(ref, fresh_within=said.fresh_within or "", tags=said.tags, links=said.links)
    before = _begin(scope, name)
    _keep(scope, ref, before, msgspec.structs.replace(before, **given))
    return get_entry(scope, name)


def describe_column(
    scope: Scope, name: str, column: str, *, meaning: str | None = None, unit: str | None = None,
    sensitivity: Sensitivity | None = None,
) -> Entry:  # fmt: skip
    """Say what a column means, in what unit it is, and how sensitive; `None` leaves it as it is.

    Raises:
        NotFound: there is no such dataset, or no such column in its newest version.
        Refused: `bucle.yaml` declares it otherwise.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_WRITE, ref)
    spec = _declared(scope, name)
    require_column(scope, name, column)
    declared = (spec.columns if spec else {}).get(column, ColumnNote())
    for field, value in (("meaning", meaning), ("unit", unit), ("sensitivity", sensitivity)):
        is_ = getattr(declared, field)
        if is_ and value not in {None, is_}:
            raise Refused(
                f"{field} of {column!r} of {ref} is declared as {is_!r}",
                hint="change bucle.yaml, or what was declared with bucle data declare",
            )
    before = _begin(scope, name)
    note = replaced(before.columns.get(column), meaning=meaning, unit=unit, sensitivity=sensitivity)
    write_columns(scope, ref, before, {column: note})
    return get_entry(scope, name)


def write_columns(scope: Scope, ref: Ref, before: Written, notes: dict[str, ColumnNote]) -> None:
    """Write what is said of columns over what was, and keep what was in the audit."""
    scope.require(Permission.DATASET_WRITE, ref)
    _keep(scope, ref, before, msgspec.structs.replace(before, columns=before.columns | notes))


def check_said(
    ref: Ref, *, fresh_within: str, tags: tuple[str, ...] | None, links: dict[str, str] | None
) -> None:
    """Refuse what nobody could use.

    Raises:
        Invalid: a duration, a tag or a link that is none.
    """
    if fresh_within and parse_duration(fresh_within).total_seconds() <= 0:
        raise Invalid(
            f"{ref} can not be fresh within {fresh_within!r}", hint="write for example 1d"
        )
    for tag in tags or ():
        if not tag.strip() or tag != tag.strip():
            raise Invalid(f"{tag!r} is not a tag of {ref}", hint="write a word, such as payments")
    for called, address in (links or {}).items():
        if not address.startswith(_SCHEMES):
            raise Invalid(
                f"{called!r} of {ref} leads to {address!r}, which is no address",
                hint="write for example https://wiki.example/payments",
            )


def require_column(scope: Scope, name: str, column: str) -> None:
    """Go on only if the newest version has a column; before the first, any name will do.

    Raises:
        NotFound: it has not.
    """
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    head = datasets.find_head(scope.tx, scope.project, name)
    version = datasets.find_version(scope.tx, scope.project, name, head) if head else None
    if version and column not in version.column_names:
        raise NotFound(
            f"{version.ref} has no column {column!r}",
            hint=f"it has {', '.join(version.column_names)}",
        )


def _declared(scope: Scope, name: str) -> DatasetSpec | None:
    if datasets.find_head(scope.tx, scope.project, name) is None:
        raise NotFound(f"dataset:{name} does not exist", hint="bucle data list")
    return datasets.find_spec(scope.tx, scope.project, name)


def _begin(scope: Scope, name: str) -> Written:
    store.lock(scope.tx, scope.project, name)
    return store.find_written(scope.tx, scope.project, name)


def _keep(scope: Scope, ref: Ref, before: Written, after: Written) -> None:
    if after == before:
        return
    store.set_written(scope.tx, scope.project, ref.name, after)
    keep_found(scope, ref.name)
    changed = [each for each in after.__struct_fields__ if _of(before, each) != _of(after, each)]
    was: dict[str, Any] = {each: _of(before, each) for each in changed if each != "columns"}
    is_: dict[str, Any] = {each: _of(after, each) for each in changed if each != "columns"}
    touched = [name for name in after.columns if after.columns[name] != before.columns.get(name)]
    if touched:
        was["columns"] = {name: before.columns.get(name) for name in touched}
        is_["columns"] = {name: after.columns[name] for name in touched}
    scope.record("dataset.described", ref, fields=[*changed], before=was, after=is_)


def _of(written: Written, field: str) -> object:
    return getattr(written, field)
