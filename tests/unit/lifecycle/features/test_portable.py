"""The portable SQL on DuckDB gives what the as-of join gives: golden cases and random tables."""

from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucle.drivers.engine import Engine, open_engine
from bucle.lifecycle.features import Aggregation, FeatureView
from bucle.lifecycle.features.compute import AT, EVENT, affected_keys, features_at, source_types
from bucle.lifecycle.features.portable import portable_affected_keys
from tests.unit.lifecycle.features.by_portable import portable_features_at
from tests.unit.lifecycle.features.golden import CASES, Golden
from tests.unit.lifecycle.features.golden.shapes import LATEST, rows, windows
from tests.unit.lifecycle.features.oracle import in_micros, same_values
from tests.unit.lifecycle.features.test_golden import wanted_rows
from tests.unit.lifecycle.features.test_merge_asof import (
    ASKED,
    FIGURES,
    ROWS,
    SECOND,
    asked_of,
    source_of,
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine("duckdb:?memory=1GB&threads=2")
    yield engine
    engine.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_portable_sql_gives_the_golden_answers(engine: Engine, case: Golden) -> None:
    keys = case.asked.select(list(case.view.entity.keys))
    entities = keys.append_column(AT, in_micros(case.asked["at"], up=False))
    found = portable_features_at(engine, case.view, case.source, entities, known=case.known)
    assert found.column_names == [EVENT, *case.view.features]
    for row, wanted in zip(found.drop_columns([EVENT]).to_pylist(), wanted_rows(case), strict=True):
        assert same_values(row, wanted)


def view_of(figures: list[tuple[str, int, int]], delay: int, ttl: int, created: str) -> FeatureView:
    return msgspec.structs.replace(
        LATEST,
        created=created,
        delay=f"{delay}s" if delay else "",
        ttl=f"{ttl}s" if ttl else "",
        aggregations=tuple(
            Aggregation(
                function=function, column="v", window=f"{window}s",  # type: ignore[arg-type]
                delay=f"{late}s" if late else "", name=f"f{place}",
            )
            for place, (function, window, late) in enumerate(figures)
        ),
    )  # fmt: skip


VIEWS = st.builds(
    view_of, FIGURES, st.integers(0, 5), st.integers(0, 12), st.sampled_from(["", "created"])
)


@settings(max_examples=60, deadline=None)
@given(view=VIEWS, rows=ROWS, asked=ASKED, known=st.booleans(), since=st.integers(-20, 20))
def test_portable_sql_gives_what_the_as_of_join_gives(
    engine: Engine,
    view: FeatureView,
    rows: list[tuple[int, int, int | None, int | None]],
    asked: list[tuple[int | None, int]],
    *,
    known: bool,
    since: int,
) -> None:
    small = [(key, time, None if v is None else v % 1000, c) for key, time, v, c in rows]
    source, entities = source_of(small), asked_of(asked)
    wanted = features_at(engine, view, source, entities, known=known)
    found = portable_features_at(engine, view, source, entities, known=known)
    assert found.schema.equals(wanted.schema)
    for row, right in zip(found.to_pylist(), wanted.to_pylist(), strict=True):
        assert same_values(row, right)
    span = (since * SECOND, (since + 5) * SECOND)
    tables = {"fresh": source.slice(0, 2), "kept": source.slice(2)}
    types = {name: source_types(engine, view, table) for name, table in tables.items()}
    keys = engine.query(portable_affected_keys("duckdb", view, types, *span), tables=tables)
    right_keys = affected_keys(engine, view, tables, *span)
    assert sorted(keys["k"].to_pylist()) == sorted(right_keys["k"].to_pylist())


def test_sums_of_the_greatest_whole_numbers_lose_nothing_on_the_way(engine: Engine) -> None:
    view = windows(("sum", "1d"), ("mean", "1d"))
    most = 2**63 - 1
    values = [most, most, -most, -most + 7]
    source = rows(*((1, -1, value) for value in values), value=pa.int64())
    asked = pa.table({"k": [1], AT: in_micros(rows((1, 0, None))["at"], up=False)})
    (found,) = portable_features_at(engine, view, source, asked).to_pylist()
    assert (found["v_sum_1d"], found["v_mean_1d"]) == (7, 7 / 4)


@pytest.mark.parametrize("created", ["", "created"])
def test_rows_are_shaped_by_the_views_own_statement(engine: Engine, created: str) -> None:
    sql = 'WITH doubled AS (SELECT k, "at", created, 2 * v AS w FROM source) SELECT * FROM doubled'
    view = msgspec.structs.replace(
        LATEST, columns=("w",), sql=sql, created=created,
        aggregations=(Aggregation(function="last", column="w", window="9s"),),
    )  # fmt: skip
    source = source_of([(1, 0, 1, 0), (1, 0, 3, 0), (1, 0, 2, 0), (2, 1, 5, 1)])
    asked = asked_of([(1, 0), (2, 1)])
    found = portable_features_at(engine, view, source, asked)
    assert found.drop_columns([EVENT]).to_pylist() == [
        {"w": 4, "w_last_9s": 4}, {"w": 10, "w_last_9s": 10},
    ]  # fmt: skip
