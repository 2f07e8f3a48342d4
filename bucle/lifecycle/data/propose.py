"""Propose expectations from what a version holds; a person decides which of them are meant.

Each holds of the version that it was read from: what does not is not proposed.
"""

from collections.abc import Iterator

import msgspec
import pyarrow as pa

from bucle.base.refs import Ref
from bucle.drivers.engine import Engine, TableSource
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.check import check_table
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.profiled import get_profile
from bucle.lifecycle.data.read import get_version, quoted, rows_of
from bucle.lifecycle.data.records import (
    Column,
    ColumnProfile,
    DatasetSpec,
    DatasetVersion,
    Expectation,
    Profile,
)

_FEWEST_ROWS = 20  # fewer rows say nothing of what is usual
_MOST_VALUES = 12
_REPEATS = 10  # how often each value of a set comes up at least, on average
_NEARLY_ALL = 0.9  # of the rows
_LEAST_SHARE = 0.5  # of the rows that the next version should have


def propose(session: Session, ref: Ref | str) -> DatasetSpec:
    """Return a declaration with what is declared, and what the version lets one expect.

    Proposed are types, values that are always there, signs of numbers, sets of few values, unique
    columns and a number of rows.  Nothing is declared: that is `declare`'s.

    Raises:
        NotFound: there is no such version.
    """
    with session.begin(write=False) as scope:
        version = get_version(scope, ref)
        spec = store.find_spec(scope.tx, scope.project, version.ref.name)
    spec = spec or DatasetSpec(name=version.ref.name)
    profile = get_profile(session, version)
    table = rows_of(session.drivers, version.files)
    unique = _unique(session.drivers.engine, table, profile)
    said = {(each.column, name) for each in spec.expectations for name in _given(each)}
    fresh = [
        each
        for each in _proposed(version, profile, unique)
        if not any((each.column, name) in said for name in _given(each))
    ]
    return msgspec.structs.replace(
        spec, expectations=(*spec.expectations, *_holding(session, spec, table, fresh))
    )


def _proposed(version: DatasetVersion, profile: Profile, unique: set[str]) -> Iterator[Expectation]:
    if profile.rows >= _FEWEST_ROWS:
        yield Expectation(min_rows=int(profile.rows * _LEAST_SHARE))
    for column in version.columns:
        yield Expectation(column=column.name, type=column.type)
        found = profile.column(column.name)
        if found is not None and profile.rows >= _FEWEST_ROWS:
            yield from _of_column(column, found, is_unique=column.name in unique)


def _of_column(column: Column, found: ColumnProfile, *, is_unique: bool) -> Iterator[Expectation]:
    name = column.name
    if found.count and not found.nulls:
        yield Expectation(column=name, not_null=True)
    if found.kind == "number" and found.minimum is not None and found.maximum is not None:
        if found.minimum >= 0:
            yield Expectation(column=name, min=0)
        if found.maximum <= 1 and found.minimum >= 0 and column.type == "double":
            yield Expectation(column=name, max=1)
    few = 1 < len(found.top) <= _MOST_VALUES and found.count >= _REPEATS * len(found.top)
    if found.kind == "category" and not found.other and few:
        yield Expectation(column=name, among=tuple(value for value, _ in found.top))
    if is_unique:
        yield Expectation(column=name, unique=True)


def _unique(engine: Engine, table: TableSource, profile: Profile) -> set[str]:
    """Return the columns without a repeated value, of those that may be such, in one scan."""
    # A fraction that never repeats is chance; the profile's number of values is approximate.
    fractions = {f.name for f in schema_of(table) if pa.types.is_floating(f.type)}
    likely = [
        column.name
        for column in profile.columns
        if column.count == profile.rows >= _FEWEST_ROWS
        and column.distinct > _NEARLY_ALL * column.count
        and column.kind in {"number", "category"}
        and column.name not in fractions
    ]
    if not likely:
        return set()
    chosen = ", ".join(
        f"count(*) = count(DISTINCT {quoted(name)}) AS c{place}"
        for place, name in enumerate(likely)
    )
    (row,) = engine.query(f"SELECT {chosen} FROM dataset", tables={"dataset": table}).to_pylist()
    return {name for place, name in enumerate(likely) if row[f"c{place}"]}


def _holding(
    session: Session, spec: DatasetSpec, table: TableSource, fresh: list[Expectation]
) -> list[Expectation]:
    """Leave out what does not hold: a profile's figures leave out infinities."""
    named = [msgspec.structs.replace(each, name=str(place)) for place, each in enumerate(fresh)]
    report = check_table(
        session.drivers.engine,
        table,
        spec=DatasetSpec(name=spec.name, expectations=tuple(named)),
        types={field.name: field.type for field in schema_of(table)},
        now=session.drivers.clock.now(),
    )
    broken = {verdict.name for verdict in report.verdicts if not verdict.ok}
    return [each for place, each in enumerate(fresh) if str(place) not in broken]


def _given(each: Expectation) -> list[str]:
    empty = Expectation()
    wanted = [name for name in Expectation.__struct_fields__ if name not in {"column", "name"}]
    return [name for name in wanted if getattr(each, name) != getattr(empty, name)]
