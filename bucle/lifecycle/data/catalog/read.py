"""Look at what the catalogue says of a dataset, and whether it is as fresh as it should be."""

from datetime import datetime

from bucle.base.errors import NotFound
from bucle.base.quantity import format_duration, parse_duration
from bucle.base.refs import Ref, check_name
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store as datasets
from bucle.lifecycle.data.catalog import store
from bucle.lifecycle.data.catalog.merged import said_of
from bucle.lifecycle.data.catalog.records import Entry, EntryColumn, Freshness
from bucle.lifecycle.data.read import moment_of, with_files
from bucle.lifecycle.data.records import ColumnNote, DatasetSpec, DatasetVersion


def get_entry(scope: Scope, name: str) -> Entry:
    """Return all that the catalogue says of a dataset.

    Raises:
        NotFound: there is no such dataset.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_READ, ref)
    head = _head(scope, name)
    said = said_of(scope.tx, scope.project, name)
    types = {column.name: column.type for column in head.columns} if head else {}
    proposed = store.list_proposals(scope.tx, scope.project, name, "proposed")
    return Entry(
        ref=ref,
        owner=said.owner,
        description=said.description,
        licence=said.licence,
        fresh_within=said.fresh_within,
        freshness=_judged(scope, head, said.fresh_within) if said.fresh_within else None,
        tags=said.tags,
        links=said.links,
        columns=tuple(
            _column(column, type_, said.columns.get(column, ColumnNote()))
            for column, type_ in (types or dict.fromkeys(said.columns, "")).items()
        ),
        proposals=len(proposed),
    )


def require_dataset(scope: Scope, name: str) -> DatasetVersion | None:
    """Return a dataset's newest version; None: nothing was committed yet.

    Raises:
        NotFound: there is no such dataset.
    """
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    return _head(scope, name)


def freshness(scope: Scope, name: str) -> Freshness:
    """Tell how old the newest rows of a dataset are, beside its objective.

    Of a dataset with a time, the newest time in it counts; of others, when it was committed.

    Raises:
        NotFound: there is no such dataset, or nobody said how fresh it should be.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_READ, ref)
    head = _head(scope, name)
    said = said_of(scope.tx, scope.project, name)
    if not said.fresh_within:
        raise NotFound(
            f"nobody said how fresh {ref} should be",
            hint=f"bucle data describe {name} --fresh-within 1d",
        )
    newest = newest_at(scope, head) if head else None
    verdict = judge_freshness(said.fresh_within, newest, scope.now)
    return Freshness(
        ref=ref,
        ok=verdict.ok,
        fresh_within=said.fresh_within,
        newest_at=newest,
        age_s=verdict.value,
        note=verdict.note,
    )


def _judged(scope: Scope, head: DatasetVersion | None, objective: str) -> Verdict:
    return judge_freshness(objective, newest_at(scope, head) if head else None, scope.now)


def newest_at(scope: Scope, version: DatasetVersion) -> datetime:
    """Return the newest time in a version, or when it was committed where it has no time."""
    scope.require(Permission.DATASET_READ, version.ref)
    spec = datasets.find_spec(scope.tx, scope.project, version.ref.name)
    return _newest_time(scope, version, spec) or version.committed_at


def judge_freshness(objective: str, newest: datetime | None, now: datetime) -> Verdict:
    """Judge an age by an objective; what never came is not fresh.  Pure."""
    limit_s = parse_duration(objective).total_seconds()
    if newest is None:
        return Verdict(name="fresh", ok=False, limit=limit_s, note="nothing was committed yet")
    age_s = (now - newest).total_seconds()
    is_late = "" if age_s <= limit_s else ", which is too old"
    old = f"the newest rows are {format_duration(max(age_s, 0))} old"
    return Verdict(
        name="fresh",
        ok=age_s <= limit_s,
        value=age_s,
        limit=limit_s,
        note=f"{old}{is_late}; {objective} are allowed",
    )


def _head(scope: Scope, name: str) -> DatasetVersion | None:
    head = datasets.find_head(scope.tx, scope.project, name)
    if head is None:
        raise NotFound(f"dataset:{name} does not exist", hint="bucle data list")
    return datasets.find_version(scope.tx, scope.project, name, head) if head else None


def _newest_time(
    scope: Scope, version: DatasetVersion, spec: DatasetSpec | None
) -> datetime | None:
    if spec is None or spec.time is None or spec.time not in version.column_names:
        return None
    files = version.files or with_files(scope.drivers, version).files
    said = [
        moment_of(each.maximum)
        for file in files
        for each in file.stats
        if each.name == spec.time and isinstance(each.maximum, str)
    ]
    return max((moment for moment in said if moment), default=None)


def _column(name: str, type_: str, note: ColumnNote) -> EntryColumn:
    return EntryColumn(
        name=name, type=type_, meaning=note.meaning, unit=note.unit, sensitivity=note.sensitivity
    )
