from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.drivers.engine import Engine, open_engine
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import training_set
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from tests.unit.lifecycle.features.golden import CASES, Golden
from tests.unit.lifecycle.features.golden.shapes import LATEST
from tests.unit.lifecycle.features.oracle import by_looking, by_sql, in_micros, same_values

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
STORED = [case for case in CASES if case.stored]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine("duckdb:?memory=1GB&threads=2")
    yield engine
    engine.close()


@EACH
def test_an_engine_gives_the_golden_answers(engine: Engine, case: Golden) -> None:
    keys = case.asked.select(list(case.view.entity.keys))
    entities = keys.append_column(AT, in_micros(case.asked["at"], up=False))
    found = features_at(engine, case.view, case.source, entities, known=case.known)
    assert found.column_names == [EVENT, *case.view.features]
    for row, wanted in zip(found.drop_columns([EVENT]).to_pylist(), wanted_rows(case), strict=True):
        assert same_values(row, wanted)


@pytest.mark.parametrize("case", STORED, ids=lambda case: case.name)
def test_a_training_set_gives_the_golden_answers(session: Session, case: Golden) -> None:
    commit_table(session, "golden", case.source)
    found = training_set(session, case.asked, [case.view], known=case.known)
    assert found.select(case.asked.column_names).equals(case.asked)
    for row, wanted in zip(
        found.select(list(case.view.features)).to_pylist(), wanted_rows(case), strict=True
    ):
        assert same_values(row, wanted)


@EACH
def test_the_golden_answers_are_those_of_looking_at_every_row(case: Golden) -> None:
    found = by_looking(case.view, case.source, case.asked, known=case.known)
    for row, wanted in zip(found, wanted_rows(case), strict=True):
        assert same_values(row, wanted)


@EACH
def test_the_golden_answers_are_those_of_plain_sql(case: Golden) -> None:
    found = by_sql(case.view, case.source, case.asked, known=case.known)
    for row, wanted in zip(found, wanted_rows(case), strict=True):
        assert same_values(row, wanted)


def test_the_order_of_rows_holds_over_files_that_several_threads_read(
    engine: Engine, tmp_path: Path
) -> None:
    rows, paths = 200_000, [tmp_path / f"{place}.parquet" for place in range(3)]
    for place, path in enumerate(paths):
        number = np.arange(place * rows, (place + 1) * rows)
        at = pa.array(np.zeros(rows, np.int64), pa.timestamp("us", "UTC"))
        table = pa.table({"k": number % 10, "at": at, "v": number})
        pq.write_table(table, path, row_group_size=20_000)
    asked = pa.table({"k": np.arange(10), AT: np.zeros(10, np.int64)})
    found = features_at(engine, LATEST, paths, asked)
    assert found["v"].to_pylist() == [3 * rows - 10 + place for place in range(10)]


def test_there_are_cases_enough_and_none_twice() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40


def wanted_rows(case: Golden) -> list[dict[str, object]]:
    return [
        dict(zip(case.wanted, row, strict=True))
        for row in zip(*(case.wanted[name] for name in case.view.features), strict=True)
    ]
