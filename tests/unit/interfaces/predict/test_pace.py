import pytest

from bucle.interfaces.predict.overload import (
    Batching,
    Bounds,
    bounds,
    expected_wait_s,
)
from bucle.interfaces.predict.pace import Pace


def paced(per_call_s: float, per_row_s: float, *rows: int) -> Pace:
    """Return a pace that was learned from calls of so many rows."""
    pace = Pace()
    for count in rows:
        pace.note(count, per_call_s + count * per_row_s)
    return pace


def test_what_a_call_costs_is_told_from_what_its_rows_cost() -> None:
    pace = paced(0.004, 0.001, 1, 8, 3)
    assert pace.per_call_s == pytest.approx(0.004)
    assert pace.per_row_s == pytest.approx(0.001)
    assert pace.expect(32) == pytest.approx(0.036)


def test_calls_of_one_size_say_what_that_size_takes() -> None:
    pace = paced(0.004, 0.001, 4, 4, 4)
    assert pace.expect(4) == pytest.approx(0.008)
    assert pace.expect(8) == pytest.approx(0.016)  # too much, until a larger one was tried


def test_a_model_that_becomes_slower_is_believed_soon() -> None:
    pace = paced(0.001, 0.0, 1, 2, 1, 2)
    for _ in range(30):
        pace.note(1, 0.1)
    assert pace.expect(1) > 0.09


def test_a_call_that_was_interrupted_is_not_believed_at_once() -> None:
    pace = paced(0.0, 0.00001, *[1] * 10)
    pace.note(1, 5.0)
    assert pace.expect(1) < 0.0005


def test_neither_part_of_a_pace_is_below_nothing() -> None:
    pace = Pace()
    pace.note(1, 0.02)
    pace.note(100, 0.01)
    assert pace.per_row_s == 0.0
    assert pace.per_call_s > 0


@pytest.mark.parametrize(
    ("batching", "pace", "at_once", "expected"),
    [
        (Batching(), Pace(), 1, Bounds(1024, 100_000)),  # nothing is known yet
        (Batching(max_rows=64), paced(0.0, 1e-6, 1, 8), 1, Bounds(64, 100_000)),
        (Batching(), paced(0.0, 0.01, 1, 8), 1, Bounds(33, 100)),
        (Batching(), paced(0.0, 0.01, 1, 8), 4, Bounds(33, 400)),
        (Batching(objective_s=0.06), paced(0.004, 0.001, 1, 8), 1, Bounds(16, 48)),
        (Batching(objective_s=0.01), paced(0.0, 1.0, 1, 8), 1, Bounds(1, 1)),
    ],
)
def test_a_batch_takes_a_third_of_the_objective_and_the_queue_all_of_it(
    batching: Batching, pace: Pace, at_once: int, expected: Bounds
) -> None:
    found = bounds(batching, pace, at_once)
    assert (found.batch_rows, found.queue_rows) == (
        pytest.approx(expected.batch_rows, abs=1), pytest.approx(expected.queue_rows, abs=3),
    )  # fmt: skip


def test_a_queue_waits_as_long_as_its_batches_take() -> None:
    pace = paced(0.004, 0.001, 1, 8)
    assert expected_wait_s(40, Bounds(16, 48), pace, 1) == pytest.approx(3 * 0.02)
    assert expected_wait_s(40, Bounds(16, 48), pace, 3) == pytest.approx(0.02)
