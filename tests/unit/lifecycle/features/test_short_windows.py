"""Windows that are looked at in numpy are those that the engine counts."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucle.drivers.engine import Engine, TableSource, open_engine
from bucle.lifecycle.features import Aggregation, Entity, FeatureView
from bucle.lifecycle.features import short_windows as looked
from bucle.lifecycle.features.compute import AT, EVENT, ROW, features_at, source_types
from bucle.lifecycle.features.compute import _reached_events as reached
from tests.unit.lifecycle.features.golden import CASES, Golden
from tests.unit.lifecycle.features.golden.shapes import LATEST, UTC_US, view, windows
from tests.unit.lifecycle.features.oracle import in_micros, same_values
from tests.unit.lifecycle.features.test_golden import wanted_rows

FUNCTIONS = ("count", "sum", "mean", "std", "min", "max", "last")
PAIR = Entity(name="pair", keys=("k", "shop"))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine("duckdb:?memory=1GB&threads=2")
    yield engine
    engine.close()


@pytest.fixture(scope="module", autouse=True)
def however_few() -> Iterator[None]:
    """Look at windows of few entity rows, too, and at few rows at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looked, "_FEWEST", 1)
        patch.setattr(looked, "_MORE", 1000)
        patch.setattr(looked, "_SHORT", 1000)
        patch.setattr(looked, "_AT_ONCE", 5)
        yield


def looked_at(
    engine: Engine, view: FeatureView, source: TableSource, entities: pa.Table
) -> pa.Table | None:
    """Return the windows as numpy finds them, if it does."""
    numbered = entities.append_column(ROW, pa.array(np.arange(entities.num_rows)))
    types = source_types(engine, view, source)
    tables = {"source": source, "entities": numbered}
    return looked.short_windows(engine, view, types, reached(view, types), tables)


def counted(engine: Engine, view: FeatureView, source: TableSource, entities: pa.Table) -> pa.Table:
    """Return the features as the engine counts them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looked, "_FEWEST", 10**9)
        return features_at(engine, view, source, entities)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_numpy_looks_at_gives_the_golden_answers(engine: Engine, case: Golden) -> None:
    keys = case.asked.select(list(case.view.entity.keys))
    entities = keys.append_column(AT, in_micros(case.asked["at"], up=False))
    found = features_at(engine, case.view, case.source, entities, known=case.known)
    assert found.column_names == [EVENT, *case.view.features]
    for row, wanted in zip(found.drop_columns([EVENT]).to_pylist(), wanted_rows(case), strict=True):
        assert same_values(row, wanted)


STEPS = st.integers(-20, 20)
SHOPS = st.sampled_from(["", "a", "b", "ñ"])
FLOATS = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([1e9 + 1, 1e16, -1e16])
TYPES = st.sampled_from(
    [(pa.float64(), FLOATS), (pa.float32(), st.none() | st.floats(-1e3, 1e3, width=32)),
     (pa.int64(), st.none() | st.integers(-(2**46), 2**46)),
     (pa.int8(), st.none() | st.integers(-128, 127)), (pa.bool_(), st.none() | st.booleans())]
)  # fmt: skip


@st.composite
def asked_for(draw: st.DrawFn) -> tuple[FeatureView, pa.Table, pa.Table]:
    """Draw a view of figures, its source and who asks; moments are near, or centuries apart."""
    type_, values = draw(TYPES)
    seconds = draw(st.sampled_from([1, 10**10]))
    keys = st.integers(-3, 3) | st.just(2**53)
    rows = draw(st.lists(st.tuples(keys, SHOPS, STEPS, values), min_size=1, max_size=40))
    lines = st.tuples(st.none() | keys, st.none() | SHOPS, STEPS)
    asked = draw(st.lists(lines, min_size=1, max_size=30))
    if draw(st.booleans()):
        rows.sort(key=lambda row: row[2])
        asked.sort(key=lambda line: line[2])
    several = draw(
        st.lists(
            st.tuples(st.sampled_from(FUNCTIONS), st.integers(1, 15), st.integers(0, 6)),
            min_size=1, max_size=5, unique=True,
        )
    )  # fmt: skip
    figures = tuple(
        Aggregation(
            function=function, column="v", window=f"{window * seconds}s",  # type: ignore[arg-type]
            delay=f"{late * seconds}s" if late else "", name=f"f{place}",
        )
        for place, (function, window, late) in enumerate(several)
    )  # fmt: skip
    rows_of = Aggregation(function="count", window=f"{3 * seconds}s", name="rows")
    columns = draw(st.sampled_from([(), ("v",)]))
    asked_view = view(entity=draw(st.sampled_from([PAIR, LATEST.entity])), columns=columns,
                      aggregations=(*figures, rows_of))  # fmt: skip
    k, shop, at, v = zip(*rows, strict=True)
    times = pa.array([step * seconds * 1_000_000 for step in at], UTC_US)
    source = pa.table({"k": pa.array(k, pa.int64()), "shop": shop, "at": times,
                       "v": pa.array(v, type_)})  # fmt: skip
    k, shop, at = zip(*asked, strict=True)
    moments = pa.array([step * seconds * 1_000_000 for step in at], pa.int64())
    entities = pa.table({"k": pa.array(k, pa.int64()), "shop": pa.array(shop, pa.string()),
                         AT: moments})  # fmt: skip
    return asked_view, source, entities


@settings(max_examples=60, deadline=None)
@given(asked=asked_for())
def test_both_ways_give_the_same(
    engine: Engine, asked: tuple[FeatureView, pa.Table, pa.Table]
) -> None:
    view, source, entities = asked
    types = source_types(engine, view, source)
    tables = {"source": source, "entities": entities}
    some = engine.query(reached(view, types), tables=tables).num_rows > 0
    assert (looked_at(engine, view, source, entities) is not None) == some
    found = features_at(engine, view, source, entities)
    wanted = counted(engine, view, source, entities)
    assert found.schema.equals(wanted.schema)
    largest = max((abs(float(v)) for v in source["v"].to_pylist() if v is not None), default=0.0)
    for row, right in zip(found.to_pylist(), wanted.to_pylist(), strict=True):
        for name, value in row.items():
            if isinstance(value, float) and right[name] is not None:
                # Large numbers that cancel each other leave the last digits of themselves.
                assert math.isclose(
                    value, right[name], rel_tol=1e-9, abs_tol=1e-9 + 1e-14 * largest
                )
            else:
                assert value == right[name]


def of_one_key(values: list[Any], type_: pa.DataType) -> tuple[pa.Table, pa.Table]:
    """Return a source of a value per second, and who asks at each of these."""
    moments = [place * 1_000_000 for place in range(len(values))]
    keys = pa.array([1] * len(values), pa.int64())
    source = pa.table({"k": keys, "at": pa.array(moments, UTC_US), "v": pa.array(values, type_)})
    return source, pa.table({"k": keys, AT: pa.array(moments, pa.int64())})


def test_numbers_keep_their_digits_and_what_left_is_gone(engine: Engine) -> None:
    asked = windows(("sum", "3s"), ("std", "3s"), columns=())
    values = [1e16, 1e9 + 1, 1e9 + 2, 1e9 + 3, 1.0, 2.0, 3.0]
    found = looked_at(engine, asked, *of_one_key(values, pa.float64()))
    assert found is not None
    last = found.to_pylist()
    assert last[3]["v_std_3s"] == 1.0
    assert (last[6]["v_sum_3s"], last[6]["v_std_3s"]) == (6.0, 1.0)
    assert last[0]["v_std_3s"] is None


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1.0, math.nan], pa.float64()),
        ([1.0, math.inf], pa.float64()),
        ([1.0, -1e200], pa.float64()),
        ([2**62, 2**62 - 1], pa.int64()),
        ([-(2**63), 1], pa.int64()),
        ([1, 2], pa.uint64()),
    ],
)
def test_numbers_that_need_the_engines_rules_are_left_to_it(
    engine: Engine, values: list[Any], type_: pa.DataType
) -> None:
    asked = windows(("sum", "3s"), ("min", "3s"), ("max", "3s"), columns=())
    source, entities = of_one_key(values, type_)
    assert looked_at(engine, asked, source, entities) is None
    found = features_at(engine, asked, source, entities)
    for row, right in zip(found.to_pylist(), counted(engine, asked, source, entities).to_pylist(),
                          strict=True):  # fmt: skip
        assert same_values(row, right)


@pytest.mark.parametrize(("bound", "most"), [("_SHORT", 1), ("_MORE", 0), ("_MOST", 3)])
def test_long_windows_and_many_rows_are_left_to_the_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    asked = windows(("sum", "9s"), columns=())
    source, entities = of_one_key([1.0] * 9, pa.float64())
    assert looked_at(engine, asked, source, entities) is not None
    monkeypatch.setattr(looked, bound, most)
    assert looked_at(engine, asked, source, entities) is None


def test_the_last_of_equal_moments_is_the_last_of_several_files(
    engine: Engine, tmp_path: Path
) -> None:
    rows, paths = 200_000, [tmp_path / f"{place}.parquet" for place in range(3)]
    for place, path in enumerate(paths):
        number = np.arange(place * rows, (place + 1) * rows)
        at = pa.array(np.zeros(rows, np.int64), UTC_US)
        pq.write_table(pa.table({"k": number % 10, "at": at, "v": number}), path,
                       row_group_size=20_000)  # fmt: skip
    asked = pa.table({"k": np.arange(1000) % 10, AT: np.zeros(1000, np.int64)})
    found = looked_at(engine, windows(("last", "1s"), columns=()), paths, asked)
    assert found is not None
    assert found["v_last_1s"].to_pylist()[:10] == [3 * rows - 10 + place for place in range(10)]
