"""Declare what a dataset is: its key, its time, and what must hold of every version."""

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.catalog.describe import check_said
from bucle.lifecycle.data.catalog.merged import keep_found
from bucle.lifecycle.data.expected import check_expectation
from bucle.lifecycle.data.records import DatasetSpec, Retention
from bucle.lifecycle.data.sourcing.keep import keep_source

_OF_THE_CATALOGUE = ("licence", "fresh_within", "tags", "links", "columns")


def declare(scope: Scope, spec: DatasetSpec) -> DatasetSpec:
    """Write what is declared of a dataset; versions that are there stay as they are.

    Raises:
        Invalid: an expectation expects nothing, lacks its column, or has a limit of no sense; or
            the source can not be drawn.
    """
    ref = Ref("dataset", check_name(spec.name))
    scope.require(Permission.DATASET_WRITE, ref)
    for expectation in spec.expectations:
        check_expectation(expectation)
    check_said(ref, fresh_within=spec.fresh_within, tags=spec.tags, links=spec.links)
    if spec.retention:
        _check_retention(spec, spec.retention)
    before = store.find_spec(scope.tx, scope.project, spec.name)
    if before == spec:
        return spec
    _require_code(scope, ref, before, spec)
    keep_source(scope, before.source if before else None, spec)
    store.set_spec(scope.tx, scope.project, spec)
    keep_found(scope, spec.name)
    scope.record(
        "dataset.declared",
        ref,
        key=spec.key,
        time=spec.time,
        description=spec.description,
        owner=spec.owner,
        expectations=spec.expectations,
        **{name: said for name in _OF_THE_CATALOGUE if (said := getattr(spec, name))},
        **({"retention": spec.retention} if spec.retention else {}),
        **({"source": spec.source} if spec.source else {}),
    )
    return spec


def _require_code(scope: Scope, ref: Ref, before: DatasetSpec | None, spec: DatasetSpec) -> None:
    """Require of who brings new Python what a view's Python takes: it will run on a server."""
    there = {each.python for each in before.expectations} if before else set()
    if any(each.python and each.python not in there for each in spec.expectations):
        scope.require(Permission.FEATURE_WRITE, ref)


def _check_retention(spec: DatasetSpec, retention: Retention) -> None:
    for text in filter(None, (retention.rows, retention.versions)):
        if parse_duration(text).total_seconds() <= 0:
            raise Invalid(f"nothing would be kept for {text!r}", hint="write 365d")
    if not retention.rows and not retention.versions:
        raise Invalid("a retention keeps rows or versions for a while", hint="versions: 90d")
    if retention.rows and not (retention.by or spec.time):
        raise Invalid(
            f"nobody knows how old the rows of {spec.name!r} are",
            hint="say by which column: retention.by, or the time of the dataset",
        )
