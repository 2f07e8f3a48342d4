import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bucle.lifecycle.features.compare import compare, gap

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BIG = 2**60


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (1.0, 1.0, 0.0),
        (1.0, 1.5, 1 / 3),
        (0.0, 1e-12, 1e-12),  # of small values, the difference itself
        (1e12, 1e12 + 1, 1e-12),
        (1, 1.0, 0.0),
        (True, 1, 0.0),
        (Decimal("1.50"), Decimal("1.5"), 0.0),
        (Decimal("2.0"), 1.0, 0.5),
        (None, None, 0.0),
        (None, 0, None),
        (0.0, None, None),
        (math.nan, math.nan, 0.0),
        (math.nan, 1.0, None),
        (math.inf, math.inf, 0.0),
        (math.inf, 1e308, None),
        ("a", "a", 0.0),
        ("a", "b", None),
        ("1", 1, None),
        (NOON, NOON, 0.0),
        (date(2026, 1, 1), date(2026, 1, 2), None),
    ],
)
def test_the_gap_between_two_values(one: Any, other: Any, wanted: float | None) -> None:
    found = gap(one, other)
    assert found == (None if wanted is None else pytest.approx(wanted, abs=1e-15))
    assert gap(other, one) == found


def compared(wanted: list[Any], found: list[Any], tolerance: float = 1e-9) -> Any:
    rows = [[{"x": value} for value in values] for values in (wanted, found)]
    (one,) = compare(("x",), rows[0], rows[1], tolerance, lambda row: f"row {row}")
    return one


def test_last_digits_of_fractions_may_differ_and_are_told() -> None:
    found = compared([1.0, 2.0], [1.0, 2.0 + 1e-12])
    assert (found.different, found.example) == (0, "")
    assert 0 < found.worst < 1e-12


def test_whole_numbers_are_equal_or_not_however_large() -> None:
    found = compared([BIG], [BIG + 1])
    assert found.different == 1
    assert found.worst < 1e-15


def test_the_worst_row_is_the_example() -> None:
    found = compared([1.0, 1.0, 1.0], [1.1, 3.0, 1.0])
    assert (found.different, found.example) == (2, "row 1: 1.0 offline, 3.0 here")


def test_a_missing_value_is_worse_than_any_other() -> None:
    found = compared([1.0, 1.0, 7.0], [900.0, None, None])
    assert (found.different, found.example) == (3, "row 1: 1.0 offline, None here")
    assert found.worst == pytest.approx(899 / 900)


def test_nothing_that_can_be_subtracted_has_no_worst_gap() -> None:
    assert compared(["a"], ["b"]).worst is None
