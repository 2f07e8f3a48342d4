"""Follow sensitive columns into splits, feature views, models and what is served of them."""

from collections.abc import Iterable, Iterator

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import KINDS, Ref
from bucle.governance.lineage.trace import reach
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data, features, registry, serving
from bucle.lifecycle.data.sensitivity.follow import dataset_levels, is_any_declared
from bucle.lifecycle.data.sensitivity.records import ColumnLevel, How, Levels, levels_of, worst
from bucle.lifecycle.data.sensitivity.statement import columns_of

_DATA = ("dataset:", "feature_view:")
_KINDS = ("dataset", "split", "feature_view", "model", "deployment")


def levels(session: Session, ref: Ref | str) -> Levels:
    """Return how sensitive the columns of a thing are, and why.

    Of a model the columns are its inputs and its target, of a deployment the inputs that the
    prediction log keeps.

    Raises:
        NotFound: there is no such thing.
        Invalid: it is of a kind that has no columns.
    """
    found = _parsed(ref) if isinstance(ref, str) else ref
    match found.kind:
        case "dataset":
            with session.begin(write=False) as scope:
                return dataset_levels(scope, found)
        case "split":
            with session.begin(write=False) as scope:
                split = data.get_split(scope, found)
                return levels_of(split.ref, dataset_levels(scope, split.dataset).columns)
        case "feature_view":
            with session.begin(write=False) as scope:
                view = features.get_view(scope, found)
            return view_levels(session, view)
        case "model":
            with session.begin(write=False) as scope:
                version = registry.get_version(scope, found)
            return _model(session, version)
        case "deployment":
            with session.begin(write=False) as scope:
                deployment = serving.get_deployment(scope, found)
            return _deployment(session, deployment)
    raise Invalid(f"{found} has no columns", hint=f"one of: {', '.join(_KINDS)}")


def _parsed(text: str) -> Ref:
    """Read a reference; the kind may be left out of a dataset's."""
    kind, colon, _ = text.partition(":")
    named = bool(colon) and (kind in _KINDS or kind in KINDS)
    return Ref.parse(text) if named else Ref.parse(text, kind="dataset")


def hidden(session: Session, ref: Ref | str) -> frozenset[str]:
    """Return the columns of a thing whose values the caller may not see."""
    if session.actor.may(Permission.SENSITIVE_READ, session.project):
        return frozenset()
    with session.begin(write=False) as scope:
        if not is_any_declared(scope):
            return frozenset()
    found = levels(session, ref).columns
    return frozenset(each.column for each in found if each.level != "none")


def view_levels(session: Session, registered: features.RegisteredView) -> Levels:
    """Return how sensitive a view's keys, time and features are."""
    view, ref = registered.view, registered.ref
    if view.is_on_demand:
        inputs = list(_of_inputs(session, registered))
        return levels_of(ref, [_taken(ref, name, "code", inputs) for name in view.features])
    try:
        with session.begin(write=False) as scope:
            source = dataset_levels(scope, view.source)
    except NotFound:  # the source is still to come
        return levels_of(ref, ())
    given = {each.column: each for each in source.columns}
    if view.transform:  # a function's columns may hold anything of what it was given
        given = {}
    elif view.sql:
        given = _of_statement(session, view.sql, source)
    everything = worst(source.columns)
    made = [_taken(ref, name, "column", [given.get(name, everything)]) for name in _named(view)]
    for each in view.aggregations:
        # How many rows there are says nothing of what is in them.
        used = [] if each.function == "count" else [given.get(each.column, everything)]
        made.append(_taken(ref, each.feature, "figure", used))
    there = {each.column for each in made}
    rest = [name for name in view.features if name not in there]  # computed otherwise
    made += [_taken(ref, name, "code", source.columns) for name in rest]
    return levels_of(ref, made)


def _of_inputs(session: Session, registered: features.RegisteredView) -> Iterator[ColumnLevel]:
    """Yield the levels of the features that an on-demand view is computed of."""
    for each in registered.inputs:
        with session.begin(write=False) as scope:
            found = features.get_view(scope, each)
        columns = view_levels(session, found).columns
        yield from (column for column in columns if column.column in found.view.features)


def _named(view: features.FeatureView) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*view.entity.keys, view.time, *view.columns)))


def _of_statement(session: Session, sql: str, source: Levels) -> dict[str, ColumnLevel]:
    """Return the columns of a statement over a source; {}: nobody knows which is made of which."""
    given = {each.column: each for each in source.columns}
    made = columns_of(session.drivers.engine, sql, {"source": tuple(given)})
    found: dict[str, ColumnLevel] = {}
    for name, used in (made or {}).items():
        first = worst(given[column] for _, column in sorted(used))
        if first is None or first.level == "none":
            found[name] = ColumnLevel(column=name, level="none", how="none")
        else:
            found[name] = ColumnLevel(column=name, level=first.level, how="sql", path=first.path)
    return found


def _taken(ref: Ref, name: str, how: How, used: Iterable[ColumnLevel | None]) -> ColumnLevel:
    """Return a column that is made of others."""
    found = worst(each for each in used if each is not None)
    if found is None or found.level == "none":
        return ColumnLevel(column=name, level="none", how="none")
    told: How = "sql" if found.how == "sql" else how
    return ColumnLevel(
        column=name, level=found.level, how=told, path=(*found.path, f"{ref}.{name}")
    )


def _model(session: Session, version: registry.ModelVersion) -> Levels:
    """Return a model's inputs and target by the data and views that its training read."""
    with session.begin(write=False) as scope:
        datasets, views = _trained_on(scope, version)
        known = [dataset_levels(scope, ref) for ref in datasets]
        registered = [features.get_view(scope, ref) for ref in views]
    known += [view_levels(session, view) for view in registered]
    manifest = registry.manifest_of(session.drivers, version.manifest)
    names = [each.name for each in manifest.signature.inputs]
    target = version.target or manifest.target
    if target and target not in names:
        names.append(target)
    given = [column for each in known for column in each.columns]
    made = []
    for name in names:
        same = [column for column in given if column.column == name]
        made.append(_taken(version.ref, name, "same name" if same else "code", same or given))
    return levels_of(version.ref, made)


def _trained_on(
    scope: Scope, version: registry.ModelVersion
) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
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


def _deployment(session: Session, deployment: serving.Deployment) -> Levels:
    with session.begin(write=False) as scope:
        models = [registry.get_version(scope, each.model) for each in deployment.variants]
    found: dict[str, list[ColumnLevel]] = {}
    for version in models:
        inputs = _model(session, version)
        target = version.target
        for each in inputs.columns:
            if each.column != target:
                found.setdefault(each.column, []).append(each)
    return levels_of(
        deployment.ref,
        (_taken(deployment.ref, name, "column", columns) for name, columns in found.items()),
    )
