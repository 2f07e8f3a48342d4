"""Features on Spark: golden cases, ties over files, and statements of people."""

import pytest

from bucle.drivers.engine import Engine
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from tests.unit.lifecycle.features.golden import CASES, Golden
from tests.unit.lifecycle.features.oracle import in_micros, same_values
from tests.unit.lifecycle.features.test_golden import wanted_rows

pytestmark = pytest.mark.service


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spark_gives_the_golden_answers(spark_engine: Engine, case: Golden) -> None:
    keys = case.asked.select(list(case.view.entity.keys))
    entities = keys.append_column(AT, in_micros(case.asked["at"], up=False))
    found = features_at(spark_engine, case.view, case.source, entities, known=case.known)
    assert found.column_names == [EVENT, *case.view.features]
    for row, wanted in zip(found.drop_columns([EVENT]).to_pylist(), wanted_rows(case), strict=True):
        assert same_values(row, wanted)
