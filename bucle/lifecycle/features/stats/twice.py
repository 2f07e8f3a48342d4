"""Find features that are there twice: defined the same, or the same for nearly every entity."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bucle.base.errors import NotFound
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features import store as views
from bucle.lifecycle.features.compute import AT, affected_keys, features_at
from bucle.lifecycle.features.records import Aggregation, FeatureView, RegisteredView
from bucle.lifecycle.features.source import source_rows
from bucle.lifecycle.features.stats.records import Duplicate

NEARLY = 0.98
_BEGINNING = -(2**62)
_MANY_VIEWS = 1_000
_MOST_ENTITIES = 2_000
_FEWEST_ROWS = 30  # with fewer entities two features are alike by chance


def find_duplicates(session: Session, *, at_least: float = NEARLY) -> tuple[Duplicate, ...]:
    """Return pairs of features of the newest views that say the same, or nearly.

    Definitions are compared without their names; figures of views with the same keys by their
    correlation over a draw of entities as of now.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.FEATURE_READ)
        page = views.list_views(scope.tx, scope.project, limit=_MANY_VIEWS, token=None)
    registered = [each for each in page.items if not each.view.is_on_demand]
    same = list(_defined_twice(page.items))
    known = {frozenset((each.feature, each.same_as)) for each in same}
    alike = [
        each
        for group in _by_keys(registered)
        for each in _alike(session, group, at_least)
        if frozenset((each.feature, each.same_as)) not in known
    ]
    return (*same, *alike)


def _defined_twice(registered: Sequence[RegisteredView]) -> Iterator[Duplicate]:
    meant: dict[tuple[object, ...], str] = {}
    for each in registered:
        for feature, meaning in meanings(each.view, each.inputs):
            name = f"{each.ref.name}.{feature}"
            if meaning in meant:
                yield Duplicate(feature=name, same_as=meant[meaning], why="definition")
            meant.setdefault(meaning, name)


def meanings(
    view: FeatureView, inputs: Sequence[Ref] = ()
) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield each feature with all that its values depend on, and nothing of what it is called."""
    source = (
        view.source,
        view.sql,
        view.transform,
        view.time,
        view.created,
        tuple(sorted(view.entity.keys)),
    )
    for name in view.columns:
        yield name, ("column", *source, name, _micros(view.ttl), _micros(view.delay))
    for each in view.aggregations:
        yield each.feature, (*_meaning(each), *source, _micros(each.delay or view.delay))
    for each_computed in view.on_demand:
        how = each_computed.sql or view.function
        request = tuple(sorted(view.request.items()))
        own = each_computed.name if not each_computed.sql else ""
        yield each_computed.name, ("computed", tuple(inputs), request, how, own, each_computed.type)


def _meaning(each: Aggregation) -> tuple[object, ...]:
    k = each.k if each.function == "top_k" else 0
    return (each.function, each.column, _micros(each.window), k)


def _micros(text: str) -> float:
    return parse_duration(text).total_seconds() if text else -1.0


def _by_keys(registered: Sequence[RegisteredView]) -> list[list[RegisteredView]]:
    groups: dict[tuple[str, ...], list[RegisteredView]] = defaultdict(list)
    for each in registered:
        groups[tuple(sorted(each.view.entity.keys))].append(each)
    return list(groups.values())


def _alike(
    session: Session, group: Sequence[RegisteredView], at_least: float
) -> Iterator[Duplicate]:
    """Yield pairs of numbers of these views that move together."""
    columns = _drawn(session, group)
    for (name, one), (other_name, other) in combinations(columns.items(), 2):
        both = np.isfinite(one) & np.isfinite(other)
        rows = int(both.sum())
        if rows < _FEWEST_ROWS or not one[both].std() or not other[both].std():
            continue
        correlation = float(np.corrcoef(one[both], other[both])[0, 1])
        if abs(correlation) >= at_least:
            yield Duplicate(
                feature=other_name, same_as=name, why="correlation", correlation=correlation,
                rows=rows,
            )  # fmt: skip


def _drawn(session: Session, group: Sequence[RegisteredView]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the numbers of these views for the same entities at the same moment."""
    engine = session.drivers.engine
    until = int(session.drivers.clock.now().timestamp() * 1_000_000)
    names = sorted(group[0].view.entity.keys)
    asked: pa.Table | None = None
    found: dict[str, npt.NDArray[np.float64]] = {}
    for each in group:
        try:
            with session.begin(write=False) as scope:
                source = data.get_version(scope, each.view.source)
        except NotFound:
            continue  # nothing was committed to it: its features have no values
        rows = source_rows(session.drivers, each.view, source.files)
        if asked is None:
            keys = affected_keys(engine, each.view, {"fresh": rows}, _BEGINNING, until)
            keys = keys.select(names).sort_by([(name, "ascending") for name in names])
            step = max(1, keys.num_rows // _MOST_ENTITIES)
            asked = keys.take(pa.array(range(0, keys.num_rows, step), pa.int64()))
        entities = asked.append_column(AT, pa.array([until] * asked.num_rows, pa.int64()))
        made = features_at(engine, each.view, rows, entities)
        for name in each.view.features:
            kind = made.schema.field(name).type
            if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
                values = made[name].cast(pa.float64(), safe=False).to_numpy()
                found[f"{each.ref.name}.{name}"] = values.astype(np.float64)
    return found
