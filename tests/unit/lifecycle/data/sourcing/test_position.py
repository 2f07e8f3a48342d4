"""A watermark is kept with its type, and set back by a lag in its own measure."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.data.sourcing.position import Overlap, kept, restored, set_back

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [7, 2**70, 0.1, "2026-03-01", NOON, date(2026, 3, 1), Decimal("1.50")]
)
def test_a_watermark_comes_back_as_it_was(value: Any) -> None:
    found = restored(kept(value))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", [None, True, float("nan"), Decimal("NaN"), b"x", [1]])
def test_what_has_no_order_is_no_watermark(value: Any) -> None:
    with pytest.raises(Invalid, match="can not be a watermark"):
        kept(value)


@pytest.mark.parametrize(
    ("value", "lag", "expected"),
    [
        (NOON, "2h", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (date(2026, 3, 1), "1h", date(2026, 2, 28)),
        (100, "30", 70),
        (Decimal("1.5"), "0.5", Decimal(1)),
        ("2026-03-01 12:00:00", "2h", "2026-03-01 10:00:00"),
        ("2026-03-01T12:00:00.000500", "1s", "2026-03-01T11:59:59.000500"),
        ("2026-03-01", "1d", "2026-02-28"),
        ("anything", "", "anything"),
    ],
)
def test_a_lag_is_in_the_watermarks_own_measure(value: Any, lag: str, expected: Any) -> None:
    assert set_back(value, lag) == expected


@pytest.mark.parametrize(
    ("value", "lag"), [(1, "2h"), ("abc", "2h"), (NOON, "7 bananas"), ("2026-03-01", "7 bananas")]
)
def test_a_lag_of_another_measure_is_refused(value: Any, lag: str) -> None:
    with pytest.raises(Invalid, match=r"lag|not a duration"):
        set_back(value, lag)


def test_rows_that_were_deleted_upstream_do_not_bring_others_twice() -> None:
    first = Overlap(0, None, b"", "10")
    assert first.new_of([(90,), (95,), (100,)]) == [(90,), (95,), (100,)]
    # The row of 100 is gone: the position stays, and so do the rows within its lag.
    second = Overlap(0, 100, first.ties(), "10")
    assert (second.new_of([(90,), (95,)]), second.last) == ([], 100)
    third = Overlap(0, 100, second.ties(), "10")
    assert third.new_of([(90,), (95,), (101,)]) == [(101,)]
