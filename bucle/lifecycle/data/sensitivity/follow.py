"""Follow sensitivity into datasets that were made of others, by their lineage.

A column that has the name of one it may come from is as sensitive as that one.  Any other
column that code made of sensitive ones may hold what they held: it is as sensitive as the
worst of them, until somebody declares what it is (`none` too).
"""

from bucle.base.refs import Ref
from bucle.governance.lineage.trace import reach
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store
from bucle.lifecycle.data.catalog.merged import sensitive_projects, sensitivity_of
from bucle.lifecycle.data.read import dataset_ref, find_bare
from bucle.lifecycle.data.records import DatasetVersion, Sensitivity
from bucle.lifecycle.data.sensitivity.records import (
    ColumnLevel,
    How,
    Levels,
    levels_of,
    worst,
)


def is_any_declared(scope: Scope) -> bool:
    """Tell whether any dataset of the project has a sensitive column."""
    return scope.project in sensitive_projects(scope.tx)


def dataset_levels(scope: Scope, ref: Ref | str) -> Levels:
    """Return how sensitive the columns of a dataset's version are, and why.

    Raises:
        NotFound: no such version.
    """
    version = find_bare(scope, dataset_ref(ref))
    if not is_any_declared(scope):
        return levels_of(version.ref, (_plain(name) for name in version.column_names))
    return levels_of(version.ref, _followed(scope, version, frozenset({version.ref.name})))


def sources_of(scope: Scope, ref: Ref) -> tuple[Ref, ...]:
    """Return the nearest datasets of other names that a thing came from."""
    found = reach(scope, ref, up=True, past=lambda far: not _is_other(far, ref))
    return tuple(Ref.parse(far) for far in found if _is_other(far, ref))


def hidden_columns(scope: Scope, ref: Ref | str) -> frozenset[str]:
    """Return the columns of a version whose values the caller may not see."""
    if may_see(scope):
        return frozenset()
    found = dataset_levels(scope, ref)
    return frozenset(each.column for each in found.columns if each.level != "none")


def closed_projects(scope: Scope) -> tuple[str, ...]:
    """Return the projects of which the caller may read data, and not what is sensitive in them."""
    actor = scope.actor
    return tuple(
        project
        for project in sensitive_projects(scope.tx)
        if actor.may(Permission.DATASET_READ, project)
        and not actor.may(Permission.SENSITIVE_READ, project)
    )


def may_see(scope: Scope) -> bool:
    """Tell whether the caller may see what sensitive columns hold."""
    return scope.actor.may(Permission.SENSITIVE_READ, scope.project)


def _is_other(far: str, ref: Ref) -> bool:
    return far.startswith("dataset:") and Ref.parse(far).bare != ref.bare


def _followed(
    scope: Scope, version: DatasetVersion, seen: frozenset[str]
) -> tuple[ColumnLevel, ...]:
    """Return the levels of a version; `seen` are the names on the way to it, as ways may turn."""
    own = sensitivity_of(scope.tx, scope.project, version.ref.name)
    sources: list[tuple[Ref, tuple[ColumnLevel, ...]]] = []
    for ref in sources_of(scope, version.ref):
        if ref.name in seen:
            continue
        number = int(ref.version) if ref.version and ref.version.isdecimal() else 0
        found = store.find_version(scope.tx, scope.project, ref.name, number)
        if found is not None:
            sources.append((ref, _followed(scope, found, seen | {ref.name})))
    return tuple(_level(version.ref, name, own, sources) for name in version.column_names)


def _level(
    ref: Ref,
    name: str,
    own: dict[str, Sensitivity],
    sources: list[tuple[Ref, tuple[ColumnLevel, ...]]],
) -> ColumnLevel:
    here = f"{ref}.{name}"
    if said := own.get(name):
        return ColumnLevel(column=name, level=said, how="declared", path=(here,))
    all_ = [column for _, columns in sources for column in columns]
    same = worst(column for column in all_ if column.column == name)
    found = same or worst(all_)
    if found is None or found.level == "none":
        return _plain(name)
    how: How = "same name" if same else "code"
    return ColumnLevel(column=name, level=found.level, how=how, path=(*found.path, here))


def _plain(name: str) -> ColumnLevel:
    return ColumnLevel(column=name, level="none", how="none")
