"""The stream of payments: made from its seed, and from nothing else."""

import dataclasses
import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import bucle

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY_S = 86_400


@pytest.fixture(scope="module")
def stream() -> ModuleType:
    file = Path(bucle.__file__).parent / "templates" / "payments" / "payments.py"
    spec = importlib.util.spec_from_file_location("payments_of_the_template", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(stream: ModuleType) -> Any:
    return stream.Payments(stream.Plan(), START)


def test_the_same_seed_makes_the_same_payments(stream: ModuleType, made: Any) -> None:
    again = stream.Payments(stream.Plan(), START)
    assert all(np.array_equal(made.columns[name], again.columns[name]) for name in made.columns)


def test_another_seed_makes_others(stream: ModuleType, made: Any) -> None:
    other = stream.Payments(dataclasses.replace(stream.Plan(), seed=8), START)
    assert not np.array_equal(made.columns["amount"][:100], other.columns["amount"][:100])


def test_payments_are_in_the_order_of_time(made: Any) -> None:
    assert np.all(np.diff(made.seconds) >= 0)


def test_the_new_pattern_comes_when_planned_and_not_before(made: Any) -> None:
    days = made.seconds[made.columns["pattern"] == 4] // DAY_S
    assert int(days.min()) == made.plan.new_pattern_from


def test_three_patterns_are_there_from_the_first_week(made: Any) -> None:
    first = made.columns["pattern"][made.between(0, 7)]
    assert set(np.unique(first)) == {0, 1, 2, 3}


def test_people_spend_more_in_the_season(made: Any) -> None:
    season = made.plan.season_from
    honest = ~made.fraud
    amounts = [
        np.median(made.columns["amount"][places][honest[places]])
        for places in (made.between(0, season), made.between(season, made.plan.days))
    ]
    assert amounts[1] > 1.5 * amounts[0]


def test_rows_are_plain_values_in_the_models_words(stream: ModuleType, made: Any) -> None:
    (row,) = made.rows(slice(0, 1))
    assert tuple(row) == stream.SAID
    assert {type(value) for value in row.values()} == {int}
