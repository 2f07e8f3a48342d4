from datetime import UTC, datetime, timedelta

import pytest

from bucle.interfaces.web.formats import ago, duration, money, number, percent


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"), (0.0, "0"), (12400.0, "12,400"), (-3.0, "−3"), (0.03123, "0.031"),
        (0.0031, "0.0031"), (1.11356, "1.114"), (88.25, "88.25"), (1234.5, "1,234"),
        (12_500_000.0, "12.5M"), (float("nan"), "NaN"), (float("-inf"), "−∞"),
    ],
)  # fmt: skip
def test_a_figure_has_the_digits_that_count(value, said) -> None:
    assert number(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.34, "340 ms"), (4.2, "4.2 s"), (65, "1 min 5 s"), (7500, "2 h 5 min"), (90000, "1 d 1 h"),
     (3600, "1 h"), (None, "–")],
)  # fmt: skip
def test_a_duration_has_two_units(seconds, said) -> None:
    assert duration(seconds) == said


def test_how_long_ago_is_one_unit() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert ago(now - timedelta(hours=3, minutes=20), now) == "3 h"
    assert ago(now + timedelta(hours=1), now) == "0 s"


def test_small_costs_and_shares_do_not_look_like_nothing() -> None:
    assert money(0.0004) == "<0.001"
    assert money(12.345) == "12.35"
    assert percent(0.004) == "0.4%"
    assert percent(0.5) == "50%"
