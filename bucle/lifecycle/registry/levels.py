"""Follow sensitive columns into feature views and models, by what they were made of."""

from collections.abc import Iterable, Iterator

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import reach
from bucle.governance.scope import Scope
from bucle.lifecycle import data, features
from bucle.lifecycle.data.sensitivity.follow import dataset_levels
from bucle.lifecycle.data.sensitivity.records import ColumnLevel, How, Levels, levels_of, worst
from bucle.lifecycle.data.sensitivity.statement import columns_of
from bucle.lifecycle.registry.read import manifest_of
from bucle.lifecycle.registry.records import ModelVersion

_DATA = ("dataset:", "feature_view:")


def view_levels(scope: Scope, registered: features.RegisteredView) -> Levels:
    """Return how sensitive a view's keys, time and features are."""
    view, ref = registered.view, registered.ref
    if view.is_on_demand:
        inputs = list(_of_inputs(scope, registered))
        return levels_of(ref, [taken(ref, name, "code", inputs) for name in view.features])
    try:
        source = dataset_levels(scope, view.source)
    except NotFound:  # the source is still to come
        return levels_of(ref, ())
    given = {each.column: each for each in source.columns}
    if view.transform:  # a function's columns may hold anything of what it was given
        given = {}
    elif view.sql:
        given = _of_statement(scope, view.sql, source)
    everything = worst(source.columns)
    made = [taken(ref, name, "column", [given.get(name, everything)]) for name in _named(view)]
    for each in view.aggregations:
        # How many rows there are says nothing of what is in them.
        used = [] if each.function == "count" else [given.get(each.column, everything)]
        made.append(taken(ref, each.feature, "figure", used))
    there = {each.column for each in made}
    rest = [name for name in view.features if name not in there]  # computed otherwise
    made += [taken(ref, name, "code", source.columns) for name in rest]
    return levels_of(ref, made)


def _of_inputs(scope: Scope, registered: features.RegisteredView) -> Iterator[ColumnLevel]:
    """Yield the levels of the features that an on-demand view is computed of."""
    for each in registered.inputs:
        found = features.get_view(scope, each)
        columns = view_levels(scope, found).columns
        yield from (column for column in columns if column.column in found.view.features)


def _named(view: features.FeatureView) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*view.entity.keys, view.time, *view.columns)))


def _of_statement(scope: Scope, sql: str, source: Levels) -> dict[str, ColumnLevel]:
    """Return the columns of a statement over a source; {}: nobody knows which is made of which."""
    given = {each.column: each for each in source.columns}
    made = columns_of(scope.drivers.engine, sql, {"source": tuple(given)})
    found: dict[str, ColumnLevel] = {}
    for name, used in (made or {}).items():
        first = worst(given[column] for _, column in sorted(used))
        if first is None or first.level == "none":
            found[name] = ColumnLevel(column=name, level="none", how="none")
        else:
            found[name] = ColumnLevel(column=name, level=first.level, how="sql", path=first.path)
    return found


def taken(ref: Ref, name: str, how: How, used: Iterable[ColumnLevel | None]) -> ColumnLevel:
    """Return a column that is made of others."""
    found = worst(each for each in used if each is not None)
    if found is None or found.level == "none":
        return ColumnLevel(column=name, level="none", how="none")
    told: How = "sql" if found.how == "sql" else how
    return ColumnLevel(
        column=name, level=found.level, how=told, path=(*found.path, f"{ref}.{name}")
    )


def model_levels(scope: Scope, version: ModelVersion) -> Levels:
    """Return a model's inputs and target by the data and views that its training read."""
    given = trained_levels(scope, version)
    manifest = manifest_of(scope.drivers, version.manifest)
    names = [each.name for each in manifest.signature.inputs]
    target = version.target or manifest.target
    if target and target not in names:
        names.append(target)
    made = []
    for name in names:
        same = [column for column in given if column.column == name]
        made.append(taken(version.ref, name, "same name" if same else "code", same or given))
    return levels_of(version.ref, made)


def trained_levels(scope: Scope, version: ModelVersion) -> list[ColumnLevel]:
    """Return the columns of the data and the views that a model's training read."""
    datasets, views = _trained_on(scope, version)
    known = [dataset_levels(scope, ref) for ref in datasets]
    known += [view_levels(scope, features.get_view(scope, ref)) for ref in views]
    return [column for each in known for column in each.columns]


def _trained_on(scope: Scope, version: ModelVersion) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """Return the datasets and the views that a model's training read, as far as they are there."""
    found = reach(scope, version.ref, up=True, past=lambda far: not far.startswith(_DATA))
    refs = dict.fromkeys([*version.datasets, *(Ref.parse(far) for far in found)])
    datasets = [ref for ref in refs if ref.kind == "dataset" and _is_there(scope, ref)]
    return tuple(datasets), tuple(ref for ref in refs if ref.kind == "feature_view")


def _is_there(scope: Scope, ref: Ref) -> bool:
    try:
        data.get_version(scope, ref)
    except NotFound:
        return False
    return True
