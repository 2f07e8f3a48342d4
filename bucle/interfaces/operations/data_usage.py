"""Who uses a dataset, or a column of it: what was made of it, and what is defined upon it.

Here and not in the room of data, which knows nothing of what is made of data.  A column is known
where a feature view or a model names it; a run that read a dataset may have read any column of it,
and is told as using the dataset.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.governance.facts import Edge
from bucle.governance.lineage.trace import edges_from, edges_of
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.find import find_findable
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data, features, serving

Level = Literal["column", "dataset"]
_STEPS = 5  # from a dataset to what serves its models, and a dataset that a run made between
_PAGE = 500
_SHOWN = frozenset({"run", "model", "dataset", "pipeline"})
_RANK = {"feature_view": 0, "model": 1, "deployment": 2, "dataset": 3, "pipeline": 4, "run": 5}


class UsageOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and one of its columns."""

    name: str
    column: str = ""  # "": any


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """Something that uses a dataset or a column."""

    ref: Ref
    level: Level  # column: it names the column; dataset: it may use any
    through: Ref  # what it has it from
    how: str  # as lineage calls it: read, trained, made, served_by, defines


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Who uses a dataset, or a column of it."""

    dataset: Ref
    column: str = ""  # "": any
    uses: tuple[Use, ...] = ()


class _Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for, and the views upon it: by name, how each uses it."""

    dataset: Ref
    column: str
    views: Mapping[str, Level | None]  # None: it does not use the column
    features: frozenset[str]  # what such views make of the column


def usage(scope: Scope, name: str, column: str = "") -> Usage:
    """Return who uses a dataset, or a column of its newest version.

    Raises:
        NotFound: there is no such dataset, or no such column in its newest version.
    """
    dataset = Ref("dataset", name)
    scope.require(Permission.DATASET_READ, dataset)
    scope.require(Permission.LINEAGE_READ, dataset)
    data.get_entry(scope, name)
    if column:
        data.require_column(scope, name, column)
    views = list(_views(scope, dataset))
    sought = _Sought(
        dataset=dataset,
        column=column,
        views={view.name: view_level(view, column) for view in views},
        features=frozenset(each for view in views for each in made_of(view, column)),
    )
    found: dict[Ref, Use] = {}
    for use in (*_defined(scope, sought), *_made(scope, sought)):
        known = found.get(use.ref)
        if known is None or (known.level, use.level) == ("dataset", "column"):
            found[use.ref] = use
    uses = sorted(found.values(), key=lambda use: (_RANK.get(use.ref.kind, 9), str(use.ref)))
    return Usage(dataset=dataset, column=column, uses=tuple(uses))


def view_level(view: features.FeatureView, column: str) -> Level | None:
    """Tell how a view uses a column of its source; None: it does not.  Pure."""
    if not column or view.sql:
        return "dataset"  # what its SQL reads is not looked into
    named = {*view.entity.keys, view.time, view.created, *view.columns}
    named |= {each.column for each in view.aggregations}
    return "column" if column in named else None


def made_of(view: features.FeatureView, column: str) -> Iterator[str]:
    """Yield the features that a view makes of a column.  Pure."""
    if view.sql:
        return
    if column in view.columns:
        yield column
    yield from (each.feature for each in view.aggregations if column and each.column == column)


def _views(scope: Scope, dataset: Ref) -> Iterator[features.FeatureView]:
    if not scope.actor.may(Permission.FEATURE_READ, scope.project):
        return
    token, more = None, True
    while more:
        page = features.list_views(scope, limit=_PAGE, token=token)
        for one in page.items:
            source = one.view.source  # an on-demand view has none
            if source and data.dataset_ref(source).name == dataset.name:
                yield one.view
        token, more = page.next_token, page.next_token is not None


def _defined(scope: Scope, sought: _Sought) -> Iterator[Use]:
    """Yield the views upon the dataset, and the deployments that fill in their features."""
    levels = {name: level for name, level in sought.views.items() if level}
    for name, level in levels.items():
        ref = Ref("feature_view", name)
        yield Use(ref=ref, level=level, through=sought.dataset, how="defines")
    if not levels or not scope.actor.may(Permission.SERVING_READ, scope.project):
        return
    for deployment in serving.list_deployments(scope).items:
        if deployment.action == serving.RETIRED:
            continue
        for asked in deployment.spec.features:
            through = Ref.parse(asked, kind="feature_view")
            if through.name in levels:
                level = levels[through.name]
                yield Use(ref=deployment.ref.bare, level=level, through=through, how="defines")


def _made(scope: Scope, sought: _Sought) -> Iterator[Use]:
    """Yield what was made of the dataset's versions, step by step, each thing once."""
    edges = edges_of(scope, sought.dataset)
    by_view = _read_views(scope, sought)
    seen: set[str] = set()
    for _ in range(_STEPS):
        reached: list[str] = []
        for edge in edges:
            target = Ref.parse(edge.target)
            if target.bare == sought.dataset or edge.target in seen:
                continue
            level = _level(scope, sought, edge, by_view)
            if level is None:
                continue
            seen.add(edge.target)
            reached.append(edge.target)
            if target.kind in _SHOWN or target.kind == "deployment":
                ref = target.bare if target.kind == "deployment" else target
                through = Ref.parse(edge.source)
                yield Use(ref=ref, level=level, through=through, how=edge.relation)
        if not reached:
            return
        edges = edges_from(scope, reached)


def _read_views(scope: Scope, sought: _Sought) -> dict[str, list[Level | None]]:
    """Return how the views that runs read use the column, by run."""
    found: dict[str, list[Level | None]] = {}
    for name, level in sought.views.items():
        for edge in edges_of(scope, Ref("feature_view", name)):
            found.setdefault(edge.target, []).append(level)
    return found


def _level(
    scope: Scope, sought: _Sought, edge: Edge, by_view: Mapping[str, list[Level | None]]
) -> Level | None:
    """Tell how the target of an edge uses what is sought; None: it does not."""
    if not sought.column:
        return "dataset"
    target = Ref.parse(edge.target)
    if target.kind == "model":
        found = find_findable(scope, target)
        inputs = {each.name for each in found.columns} if found else set()
        if inputs & {sought.column, *sought.features}:
            return "column"
    if levels := by_view.get(edge.target):
        if "column" in levels:
            return "column"
        # A training set notes the source of its views beside them; who reads rows says how many.
        if not edge.detail and "dataset" not in levels:
            return None
    return "dataset"


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.usage",
        permission=Permission.LINEAGE_READ,
        method="GET",
        path="/datasets/{name}/usage",
        request=UsageOf,
        response=Usage,
        run=lambda scope, q: usage(scope, q.name, q.column),
        positional=("name",),
        summary="Tell which views, models, deployments and runs use a dataset or a column.",
        summary_es="Dice qué vistas, modelos, despliegues y ejecuciones usan un conjunto.",
    ),
)
