"""Register a feature view: each change is a version, and the same definition makes none."""

from collections import Counter

import msgspec

from bucle.base.digest import digest_value
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.page import Page
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.records import Findable, FoundColumn
from bucle.governance.search.write import put_findable
from bucle.lifecycle import data
from bucle.lifecycle.features import store
from bucle.lifecycle.features.demand.inputs import definition_of, inputs_of, try_out
from bucle.lifecycle.features.judge import check_tests, require_judgeable
from bucle.lifecycle.features.records import (
    Aggregation,
    FeatureView,
    Materialization,
    RegisteredView,
)

_MOST_K = 1_000
_DEFAULT_K = Aggregation(function="count", window="1d").k
_LATER = frozenset({
    "created", "stream", "retention", "inputs", "request", "on_demand", "function",
    "transform", "tests",
})  # fmt: skip


def register_view(scope: Scope, view: FeatureView) -> RegisteredView:
    """Store a definition as the next version of its view, unless it is the newest already.

    Raises:
        Invalid: it has no owner, description, key, time or feature, names a column that its
            source has not, or two features are called the same.
        Conflict: somebody else registered a version at the same moment.
    """
    ref = Ref("feature_view", check_name(view.name))
    scope.require(Permission.FEATURE_WRITE, ref)
    check_view(view)
    inputs = inputs_of(scope, view)
    if not view.is_on_demand:
        _check_source(scope, view)
        check_tests(scope, view)
    digest = definition_of(definition_digest(view), inputs)
    before = store.find_view(scope.tx, scope.project, view.name)
    if before and before.digest == digest:
        return before
    if view.is_on_demand:
        try_out(scope, view, inputs)
    number = before.number + 1 if before else 1
    made = RegisteredView(
        ref=ref.at(number),
        number=number,
        digest=digest,
        view=view,
        registered_at=scope.now,
        registered_by=scope.actor.name,
        inputs=tuple(each.ref for each in inputs),
    )
    if not store.add_view(scope.tx, scope.project, made):
        raise Conflict(f"{made.ref} was registered meanwhile", hint="register again")
    keep_view_found(scope, view)
    scope.record(
        "feature.registered", made.ref, digest=digest, source=view.source, owner=view.owner
    )
    for each in made.inputs:
        scope.link(each, made.ref, "computed")
    return made


def keep_view_found(scope: Scope, view: FeatureView) -> None:
    """Write what can be found of a view: its features, and what they are made of."""
    scope.require(Permission.FEATURE_WRITE, Ref("feature_view", view.name))
    made = ", ".join(view.inputs)
    if view.source:
        made = f"{view.entity.name}; {data.dataset_ref(view.source).name}"
    made_of = {each.feature: each.column for each in view.aggregations}
    found = Findable(
        ref=Ref("feature_view", view.name),
        owner=view.owner,
        description=f"{view.description} ({made})" if made else view.description,
        columns=tuple(
            FoundColumn(name=name, meaning=made_of.get(name, "")) for name in view.features
        ),
    )
    put_findable(scope, found)


def definition_digest(view: FeatureView) -> str:
    """Return the digest of a definition; fields that came later count where they say something.

    So a definition that was registered by an earlier release has the digest that it had.
    """
    said = msgspec.structs.asdict(view)
    said["aggregations"] = [
        {
            name: value
            for name, value in msgspec.structs.asdict(each).items()
            if name != "k" or value != _DEFAULT_K
        }
        for each in view.aggregations
    ]
    return digest_value({name: said[name] for name in said if said[name] or name not in _LATER})


def get_view(scope: Scope, ref: Ref | str) -> RegisteredView:
    """Return a version of a view, or the newest.

    Raises:
        NotFound: there is none of that name, or not that version.
    """
    ref = Ref.parse(ref, kind="feature_view") if isinstance(ref, str) else ref
    scope.require(Permission.FEATURE_READ, ref)
    if ref.version is not None and not ref.version.isdecimal():
        raise NotFound(f"{ref} does not exist", hint="versions of views are numbers")
    number = int(ref.version[:9]) if ref.version else None
    if found := store.find_view(scope.tx, scope.project, ref.name, number):
        return found
    raise NotFound(f"{ref} does not exist", hint="bucle features list")


def find_materialization(scope: Scope, ref: Ref) -> Materialization | None:
    """Return the last materialization of a version of a view, or None."""
    scope.require(Permission.FEATURE_READ, ref)
    return store.find_materialization(scope.tx, scope.project, ref)


def list_views(scope: Scope, *, limit: int = 100, token: str | None = None) -> Page[RegisteredView]:
    """List the newest version of each view."""
    scope.require(Permission.FEATURE_READ)
    return store.list_views(scope.tx, scope.project, limit=limit, token=token)


def check_view(view: FeatureView) -> None:
    """Refuse a definition that nobody could use or answer for.

    Raises:
        Invalid: see `register_view`.
    """
    about = f"the feature view {view.name!r}"
    if not view.owner.strip() or not view.description.strip():
        lacking = "owner" if not view.owner.strip() else "description"
        raise Invalid(f"{about} has no {lacking}", hint=f'{lacking}="..."')
    if view.is_on_demand:
        check_on_demand(view)
        return
    if not view.source or not view.time:
        lacking = "source" if not view.source else "time"
        raise Invalid(
            f"{about} has no {lacking}",
            hint='source="payments", time="at"; or on_demand=(...) of inputs=("spending",)',
        )
    if not view.entity.keys:
        raise Invalid(f"{about}: entity {view.entity.name!r} has no keys", hint='keys=("id",)')
    if not view.features:
        raise Invalid(f"{about} has no features", hint='columns=("amount",) or aggregations=(...)')
    if view.transform and view.stream:
        raise Invalid(
            f"{about} shapes its rows in Python, which a stream can not",
            hint="let the sender of the events shape them, and leave the transform out",
        )
    require_judgeable(view)
    for text in filter(None, (view.ttl, view.delay, view.retention)):
        parse_duration(text)
    for each in view.aggregations:
        _check_aggregation(about, each)
    _check_names(about, (*view.entity.keys, view.time, *view.features))


def _check_names(about: str, names: tuple[str, ...]) -> None:
    if ours := [name for name in names if name.startswith("bucle_")]:
        raise Invalid(f"{about} has {ours[0]!r}: names with bucle_ are ours", hint="rename it")
    taken = Counter(map(str.lower, names))  # in SQL, Amount and amount are one name
    if twice := [name for name in names if taken[name.lower()] > 1]:
        raise Invalid(f"{about} has {twice[0]!r} twice", hint="give the aggregation a name")


def check_on_demand(view: FeatureView) -> None:
    """Refuse an on-demand definition that says nothing, or what it can not have.

    Raises:
        Invalid: with what it lacks, or has too much of.
    """
    about = f"the on-demand view {view.name!r}"
    rows = ("source", "time", "columns", "aggregations", "sql", "ttl", "delay", "created",
            "stream", "retention", "transform", "tests")  # fmt: skip
    if odd := next((name for name in rows if getattr(view, name)), ""):
        raise Invalid(
            f"{about} has {odd!r}, which is of views with rows of their own",
            hint="make a view with rows, and name it in inputs",
        )
    if view.entity.keys:
        raise Invalid(f"{about} has an entity", hint="its keys are those of its inputs")
    if not view.on_demand:
        raise Invalid(f"{about} computes nothing", hint='on_demand=(OnDemand(name="ratio", ...),)')
    if not view.inputs and not view.request:
        raise Invalid(
            f"{about} has nothing to compute from",
            hint='inputs=("spending",) or request={"amount": "float64"}',
        )
    by_function = [each.name for each in view.on_demand if not each.sql.strip()]
    if by_function and view.function is None:
        raise Invalid(
            f"{about}: nothing says how {by_function[0]!r} is computed",
            hint='sql="amount / nullif(amount_mean_7d, 0)", or a function: @bucle.on_demand(...)',
        )
    if view.function and not by_function:
        raise Invalid(f"{about} has a function, and every feature has its SQL", hint="leave one")
    _check_names(about, (*view.request, *view.features))


def _check_aggregation(about: str, each: Aggregation) -> None:
    if parse_duration(each.window).total_seconds() <= 0:
        raise Invalid(f"{about}: {each.feature} has an empty window", hint='window="7d"')
    if each.delay:
        parse_duration(each.delay)
    if each.function == "top_k" and not 1 <= each.k <= _MOST_K:
        raise Invalid(f"{about}: {each.feature} lists {each.k} values", hint=f"k=1 to {_MOST_K}")
    if each.function != "top_k" and each.k != _DEFAULT_K:
        raise Invalid(f"{about}: {each.feature} is one value, k is of top_k", hint="leave k out")
    if not each.column and each.function != "count":
        raise Invalid(f"{about}: {each.function} over {each.window} needs a column")


def _check_source(scope: Scope, view: FeatureView) -> None:
    """Refuse columns that the source has not; a source still to come is checked when used."""
    source = data.dataset_ref(view.source)
    if (
        view.sql
        or view.transform
        or source.version
        or not (head := data.find_head(scope, source.name))
    ):
        return
    wanted = [*view.entity.keys, view.time, *filter(None, [view.created]), *view.columns]
    wanted += [each.column for each in view.aggregations if each.column]
    for name in wanted:
        if name not in head.column_names:
            raise Invalid(
                f"the feature view {view.name!r} uses {name!r}, which {head.ref} has not",
                hint=f"it has {', '.join(head.column_names)}",
            )
