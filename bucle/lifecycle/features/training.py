"""Training sets: what was known of each entity at its moment, and nothing that came later."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.codec import decode, encode
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.compute.captured import isolated
from bucle.drivers.house import Drivers
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from bucle.lifecycle.features.demand.compute import computed, request_columns
from bucle.lifecycle.features.demand.inputs import inputs_of as inputs_of_view
from bucle.lifecycle.features.demand.inputs import on_demand_view, pinned
from bucle.lifecycle.features.records import FeatureView, OnlineView
from bucle.lifecycle.features.register import check_view, get_view
from bucle.lifecycle.features.source import source_rows

_INPUTS = b"bucle.inputs"
_ROWS_AT_ONCE = 131_072  # of on-demand features: a function is given so many at most


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A view and the version of its source, or the views, that it is computed from."""

    view: FeatureView
    ref: Ref | None  # None: it is not registered
    source: data.DatasetVersion | None  # None: it is computed on demand
    online: OnlineView | None = None  # None: it has rows of its own
    inputs: "tuple[Joined, ...]" = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that identify an entity."""
        return self.online.keys if self.online else self.view.entity.keys

    @property
    def name(self) -> str:
        """What tells it from the others of a training set: two versions may be in it."""
        return str(self.ref or self.view.name)


def training_set(
    session: Session,
    entities: pa.Table,
    views: Sequence[FeatureView | Ref | str],
    *,
    at: str = "at",
    known: bool = True,
) -> pa.Table:
    """Add the views' features to each entity row, as they were known at its moment.

    `entities` has the views' keys, the time column `at` and whatever else (labels): all rows
    and columns stay, in their order.  A missing key has no features.  Of a view that says since
    when a row was known (`created`), rows are seen from then on; without `known` from their
    time on, as is known today.  `inputs_of` tells which versions went in.

    Raises:
        Invalid: a key or the time is missing or of the wrong type, or two features have a name.
    """
    joined = resolved(session, views)
    check_names(entities.column_names, joined, at)
    moments = moments_of(entities, at)
    found = {}
    for each in with_rows(joined):
        assert each.source is not None
        keys = entities.select(list(each.keys)).append_column(AT, moments)
        rows = source_rows(session.drivers, each.view, each.source.files)
        made = features_at(session.drivers.offline, each.view, rows, keys, known=known)
        found[each.name] = made.drop_columns([EVENT])
    result = entities
    for each in joined:
        made = features_of(session.drivers, each, found, entities)
        for name in each.view.features:
            result = result.append_column(name, made[name])
    return result.replace_schema_metadata(noted(entities.schema, joined))


def with_rows(joined: Sequence[Joined]) -> list[Joined]:
    """Return the views with rows of their own, asked for or as inputs of others, each once."""
    several = [one for each in joined for one in (each.inputs if each.online else (each,))]
    return list({each.name: each for each in several}.values())


def features_of(
    drivers: Drivers, each: Joined, found: Mapping[str, pa.Table], entities: pa.Table
) -> pa.Table:
    """Return a view's features of some entity rows, from those of the views with rows."""
    if each.online is None:
        return found[each.name]
    inputs = {name: found[one.name][name] for one in each.inputs for name in one.view.features}
    request = request_columns(str(each.name), each.view.request, entities)
    columns = inputs | {name: request[name] for name in request.column_names}
    parts = [
        computed(lambda: drivers.engine, isolated(drivers.compute), each.online, stretch)
        for stretch in _stretches(pa.table(columns))
    ]
    return pa.concat_tables(parts)


def _stretches(rows: pa.Table) -> Iterator[pa.Table]:
    """Yield rows in pieces, and one piece at least."""
    for start in range(0, max(rows.num_rows, 1), _ROWS_AT_ONCE):
        yield rows.slice(start, _ROWS_AT_ONCE)


def inputs_of(table: pa.Table) -> tuple[Ref, ...]:
    """Return the dataset versions and registered views that a training set was made of."""
    written = (table.schema.metadata or {}).get(_INPUTS, b"[]")
    return decode(written, tuple[Ref, ...])


def resolved(session: Session, views: Sequence[FeatureView | Ref | str]) -> list[Joined]:
    """Return the views with the versions of their sources."""
    with session.begin(write=False) as scope:
        scope.require(Permission.FEATURE_READ)
        return [_resolved(scope, view) for view in views]


def noted(schema: pa.Schema, joined: Sequence[Joined]) -> dict[bytes, bytes]:
    """Return a schema's metadata with what goes into the training set."""
    return (schema.metadata or {}) | {_INPUTS: encode(inputs_in(joined))}


def inputs_in(joined: Sequence[Joined]) -> tuple[Ref, ...]:
    """Return the versions and registered views among them, each once."""
    several = [
        ref
        for each in joined
        for one in (*each.inputs, each)
        for ref in (one.source and one.source.ref, one.ref)
        if ref
    ]
    return tuple(dict.fromkeys(several))


def _resolved(scope: Scope, asked: FeatureView | Ref | str) -> Joined:
    if isinstance(asked, FeatureView):
        check_view(asked)
        ref, view = None, asked
        inputs = inputs_of_view(scope, view)
    else:
        registered = get_view(scope, asked)
        ref, view = registered.ref, registered.view
        inputs = pinned(scope, registered)
    if not view.is_on_demand:
        return Joined(view=view, ref=ref, source=data.get_version(scope, view.source))
    name = ref or Ref("feature_view", view.name)
    return Joined(
        view=view,
        ref=ref,
        source=None,
        online=on_demand_view(view, name, inputs, project=scope.project),
        inputs=tuple(
            Joined(view=each.view, ref=each.ref, source=data.get_version(scope, each.view.source))
            for each in inputs
        ),
    )


def check_names(names: Sequence[str], joined: Sequence[Joined], at: str) -> None:
    """Refuse entities without a key or the time, and a name that two would have."""
    owner = dict.fromkeys(names, "the entities")
    for each in joined:
        for name in (*each.keys, at):
            if name not in names:
                raise Invalid(
                    f"the entities have no column {name!r}, which {each.view.name!r} needs",
                    hint=f"they have {', '.join(names)}",
                )
        for name in each.view.features:
            if name in owner:
                raise Invalid(
                    f"{each.view.name!r} and {owner[name]} both have {name!r}",
                    hint="leave one of them out, or give the aggregation a name",
                )
            owner[name] = repr(each.view.name)


def moments_of(entities: pa.Table, at: str, *, rows_before: int = 0) -> pa.ChunkedArray:
    """Return the entities' moments in microseconds since 1970; nanoseconds are cut off."""
    column = entities[at] if at in entities.column_names else None
    if column is None or not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        found = "missing" if column is None else str(column.type)
        raise Invalid(f"the entities' time {at!r} is {found}", hint="give a timestamp column")
    if column.null_count:
        row = pc.index(pc.is_null(column), value=True).as_py()
        raise Invalid(
            f"row {rows_before + row + 1} of the entities has no {at!r}", hint="drop such rows"
        )
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    return column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
