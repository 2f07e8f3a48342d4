"""Find the views that an on-demand view is computed from, and check that it can be."""

from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa

from bucle.base.digest import digest_value
from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.compute.captured import isolated
from bucle.governance.scope import Scope
from bucle.lifecycle import data
from bucle.lifecycle.features import store
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from bucle.lifecycle.features.demand.compute import computed
from bucle.lifecycle.features.functions.call import TYPES, each_and_all
from bucle.lifecycle.features.online import online_view
from bucle.lifecycle.features.records import (
    FeatureView,
    OnDemand,
    OnlineView,
    RegisteredView,
)
from bucle.lifecycle.features.types import empty_of

# One of each that a function meets: missing, nothing, small and large, and what reads as false.
_SAMPLES: dict[str, tuple[object, ...]] = {
    "float64": (None, 0.0, 1.5, -2.25, 1e9, 3.0, None, 7.125),
    "int64": (None, 0, 1, -2, 10**9, 3, 4, None),
    "bool": (None, True, False, True, None, False, True, False),
    "string": (None, "", "a", "B", "ñ", "a b", "7", None),
    "timestamp": (None, 0, 1, 10**15, 10**15 + 1, None, 1_700_000_000_000_000, 5),
}
_ROWS = 8
_TRIAL_S = 20.0  # others wait to write meanwhile


def inputs_of(scope: Scope, view: FeatureView) -> tuple[RegisteredView, ...]:
    """Return the views that a definition names: the newest version where it names none.

    Raises:
        NotFound: one is not registered.
        Invalid: one is computed on demand itself, or two features have a name.
    """
    found = tuple(_registered(scope, Ref.parse(name, kind="feature_view")) for name in view.inputs)
    owner = dict.fromkeys(view.request, "the request")
    for each in found:
        if each.view.is_on_demand:
            raise Invalid(
                f"{view.name!r} is computed from {each.ref}, which is computed on demand itself",
                hint=f"name the views that {each.ref} is computed from",
            )
        for name in each.view.features:
            if name in owner:
                raise Invalid(
                    f"{view.name!r}: {owner[name]} and {each.ref} both have {name!r}",
                    hint="give the aggregation or the request's column another name",
                )
            owner[name] = str(each.ref)
    keys = {key for each in found for key in each.view.entity.keys}
    for name in view.features:
        if name in owner or name in keys:
            raise Invalid(
                f"{view.name!r} makes {name!r}, which {owner.get(name, 'an entity')} has already",
                hint="give the feature another name",
            )
    if twice := sorted(keys & set(view.request)):
        raise Invalid(f"{twice[0]!r} is a key and a column of the request of {view.name!r}")
    return found


def pinned(scope: Scope, registered: RegisteredView) -> tuple[RegisteredView, ...]:
    """Return the versions that a registered on-demand view reads."""
    return tuple(_registered(scope, ref) for ref in registered.inputs)


def reading(scope: Scope, registered: RegisteredView) -> OnlineView:
    """Return what a reader needs of a view, and of the views that it is computed from."""
    if not registered.view.is_on_demand:
        return online_view(registered.view, registered.ref, scope.project)
    return on_demand_view(
        registered.view, registered.ref, pinned(scope, registered), project=scope.project
    )


def on_demand_view(
    view: FeatureView, ref: Ref, inputs: Sequence[RegisteredView], *, project: str
) -> OnlineView:
    """Return what a reader needs of an on-demand view; its keys are those of all its inputs."""
    return OnlineView(
        ref=ref,
        table="",
        keys=tuple(dict.fromkeys(key for each in inputs for key in each.view.entity.keys)),
        columns=(),
        aggregations=(),
        counts=(),
        ttl_s=None,
        inputs=tuple(online_view(each.view, each.ref, project) for each in inputs),
        request=view.request,
        on_demand=view.on_demand,
        function=view.function,
    )


def definition_of(digest: str, inputs: Sequence[RegisteredView]) -> str:
    """Return the digest of a definition together with those that it is computed from."""
    return digest_value([digest, *(each.digest for each in inputs)]) if inputs else digest


def try_out(scope: Scope, view: FeatureView, inputs: Sequence[RegisteredView]) -> None:
    """Compute the features of made-up rows, all at once and one by one, before anybody asks.

    Where nothing was committed to a source yet, nobody knows its types, and nothing is tried.

    Raises:
        Invalid: the features can not be computed, or one of a row depends on the other rows.
    """
    types: dict[str, pa.DataType] = {name: TYPES[kind] for name, kind in view.request.items()}
    for each in inputs:
        found = _types(scope, each.view)
        if found is None:
            return
        types |= found
    rows = pa.table({name: _sample(type_, shift) for shift, (name, type_) in
                     enumerate(types.items())})  # fmt: skip
    ref = Ref("feature_view", view.name)
    online = on_demand_view(view, ref, inputs, project=scope.project)
    if view.function:
        kinds = {each.name: each.type for each in view.on_demand if not each.sql}
        run = isolated(scope.drivers.compute, timeout_s=_TRIAL_S)
        _require_same(online, *run(each_and_all, view.function, rows, kinds))
    by_sql = tuple(each for each in view.on_demand if each.sql)
    if by_sql:
        _try_sql(scope, on_demand_view(_only(view, by_sql), ref, inputs, project=""), rows)


def _only(view: FeatureView, features: tuple[OnDemand, ...]) -> FeatureView:
    return msgspec.structs.replace(view, on_demand=features, function=None)


def _try_sql(scope: Scope, online: OnlineView, rows: pa.Table) -> None:
    run = isolated(scope.drivers.compute)

    def on(some: pa.Table) -> pa.Table:
        return computed(lambda: scope.drivers.engine, run, online, some)

    on(rows.slice(0, 0))  # refuses what is wrong in itself
    try:
        together = on(rows)
        alone = pa.concat_tables(on(rows.slice(place, 1)) for place in range(rows.num_rows))
    except Invalid as error:
        if "values for" in str(error):
            raise
        return  # a made-up value that a cast refuses says nothing of the expression
    _require_same(online, together, alone)


def _require_same(online: OnlineView, together: pa.Table, alone: pa.Table) -> None:
    for name in together.column_names:
        for place, (one, other) in enumerate(
            zip(together[name].to_pylist(), alone[name].to_pylist(), strict=True)
        ):
            if one != other and not (one != one and other != other):  # noqa: PLR0124 - NaN
                raise Invalid(
                    f"{name!r} of {online.ref} is {one!r} for row {place} among others, and "
                    f"{other!r} for that row alone",
                    hint="compute each row from itself: no sums over rows, no chance, no clock",
                )


def _types(scope: Scope, view: FeatureView) -> dict[str, pa.DataType] | None:
    """Return the types of a view's features; None: they are not known yet."""
    source = data.dataset_ref(view.source)
    if not data.find_head(scope, source.name):
        return None
    rows = empty_of(data.get_version(scope, source).columns)
    names = list(view.entity.keys)
    if (
        rows is None
        or view.sql
        or view.transform
        or any(name not in rows.column_names for name in names)
    ):
        return None
    nobody = rows.select(names).append_column(AT, pa.array([], pa.int64()))
    found = features_at(scope.drivers.offline, view, rows, nobody).drop_columns([EVENT])
    return {field.name: field.type for field in found.schema}


def _sample(type_: pa.DataType, shift: int) -> pa.Array:
    for kind, values in _SAMPLES.items():
        if _is_like(type_, kind):
            turned = [*values[shift % _ROWS :], *values[: shift % _ROWS]]
            made = pa.array(turned, pa.int64() if kind == "timestamp" else TYPES[kind])
            return made.cast(type_, safe=False)
    return pa.nulls(_ROWS, type_)


def _is_like(type_: pa.DataType, kind: str) -> bool:
    tests: dict[str, Callable[[pa.DataType], bool]] = {
        "float64": pa.types.is_floating,
        "int64": lambda each: each in {pa.int64(), pa.int32()},
        "bool": pa.types.is_boolean,
        "string": lambda each: pa.types.is_string(each) or pa.types.is_large_string(each),
        "timestamp": pa.types.is_timestamp,
    }
    return tests[kind](type_)


def _registered(scope: Scope, ref: Ref) -> RegisteredView:
    number = int(ref.version) if ref.version and ref.version.isdecimal() else None
    if ref.version and number is None:
        raise NotFound(f"{ref} does not exist", hint="versions of views are numbers")
    if found := store.find_view(scope.tx, scope.project, ref.name, number):
        return found
    raise NotFound(f"{ref} does not exist", hint="register it first: bucle features list")
