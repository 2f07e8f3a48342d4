"""The hours of a café: made from their seed, a day at a time; the project stays small."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import bucle
from bucle.control.spec.project import load_project

FOLDER = Path(bucle.__file__).parent / "templates" / "demand"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_data_of_the_template", FOLDER / "make_data.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_day_depends_on_the_seed_and_itself_alone(maker: ModuleType) -> None:
    assert list(maker.hours_of(40, 7)) == list(maker.hours_of(40, 7))
    assert list(maker.hours_of(40, 7)) != list(maker.hours_of(40, 8))
    assert list(maker.hours_of(40, 7)) != list(maker.hours_of(47, 7))


def test_days_follow_each_other_hour_by_hour(maker: ModuleType) -> None:
    moments = [row[0] for day in (0, 1) for row in maker.hours_of(day, 7)]
    assert moments == sorted(set(moments))
    assert (moments[0], moments[-1]) == ("2026-01-05T00:00:00Z", "2026-01-06T23:00:00Z")


def test_what_is_made_holds_what_the_project_expects(maker: ModuleType) -> None:
    hours = load_project(FOLDER).datasets["hours"]
    rows = [
        dict(zip(maker.COLUMNS, row, strict=True))
        for day in range(0, 365, 5)
        for row in maker.hours_of(day, 7)
    ]
    for expected in hours.expectations:
        values = [row[expected.column] for row in rows]
        assert expected.min is None or min(values) >= expected.min
        assert expected.max is None or max(values) <= expected.max


def test_the_mornings_of_working_days_are_the_rush(maker: ModuleType) -> None:
    cups = [row[-1] for row in maker.hours_of(1, 7)]
    assert max(range(24), key=cups.__getitem__) in {7, 8}


def test_the_project_is_under_150_lines_of_python() -> None:
    lines = [line for file in FOLDER.glob("*.py") for line in file.read_text().splitlines()]
    assert len(lines) < 150
