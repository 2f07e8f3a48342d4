"""A latency gate judges the model and not the machine's other work; time is a list of numbers."""

from collections.abc import Callable

import pytest

from bucle.lifecycle.registry.latency import Latency, Moment, measure_latency, read_clocks

WARM_UP, ROUNDS, ROWS = 20, 5, 40
Row = tuple[float, float, bool]  # seconds by the clock, of CPU, and whether the thread slept


class Desk:
    """A thread whose rows take what a test says."""

    def __init__(self, cost: Callable[[int], Row], *, counted: bool = True) -> None:
        self.done: list[int] = []
        self._cost = cost
        self._counted = counted
        self._wall_s = self._cpu_s = 0.0
        self._sleeps = 0

    def predict(self, place: int) -> None:
        wall_s, cpu_s, slept = self._cost(len(self.done))
        self.done.append(place)
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        self._sleeps += slept

    def clocks(self) -> Moment:
        return Moment(self._wall_s, self._cpu_s, self._sleeps if self._counted else None)

    def measured(self, count: int = 3) -> Latency:
        return measure_latency(self.predict, count, self.clocks, lambda: (6.5, 2))


def test_rows_take_turns_and_the_warm_up_is_not_judged() -> None:
    desk = Desk(lambda turn: (0.01 if turn < WARM_UP else 0.001, 0.001, False))
    latency = desk.measured()
    assert len(desk.done) == WARM_UP + ROUNDS * ROWS
    assert desk.done[:4] == [0, 1, 2, 0]
    assert latency.wall_p95_ms == pytest.approx(1)
    assert (latency.rounds, latency.rows) == (ROUNDS, ROWS)


def test_waiting_for_a_processor_is_not_the_models_time() -> None:
    latency = Desk(lambda _turn: (0.02, 0.002, False)).measured()
    assert latency.p95_ms == pytest.approx(2)
    assert latency.wall_p95_ms == pytest.approx(20)


def test_a_row_that_sleeps_is_judged_by_the_clock() -> None:
    latency = Desk(lambda _turn: (0.02, 0.002, True)).measured()
    assert latency.p95_ms == pytest.approx(20)
    assert latency.cpu_p95_ms == pytest.approx(2)


def test_where_nobody_counts_sleeps_the_clock_decides() -> None:
    latency = Desk(lambda _turn: (0.02, 0.002, False), counted=False).measured()
    assert latency.p95_ms == pytest.approx(20)


def test_one_quiet_round_is_enough() -> None:
    quiet = range(WARM_UP + 2 * ROWS, WARM_UP + 3 * ROWS)
    latency = Desk(lambda turn: (0.001 if turn in quiet else 0.009, 0.001, True)).measured()
    assert latency.p95_ms == pytest.approx(1)


def test_a_model_that_is_slow_for_one_row_in_ten_is_slow() -> None:
    latency = Desk(lambda turn: (0.0, 0.05 if turn % 10 == 0 else 0.001, False)).measured()
    assert latency.p95_ms == pytest.approx(50)


def test_a_very_slow_model_is_judged_after_five_seconds_by_the_rows_there_are() -> None:
    desk = Desk(lambda _turn: (2.0, 2.0, False))
    latency = desk.measured()
    assert latency.p95_ms == pytest.approx(2000)
    assert (latency.rounds, latency.rows) == (1, len(desk.done) - 1)
    assert len(desk.done) == 3


def test_an_unfinished_round_does_not_count_beside_a_whole_one() -> None:
    def cost(turn: int) -> Row:
        slow = turn < WARM_UP + ROWS
        return (0.1 if slow else 0.001, 0.1 if slow else 0.001, False)

    latency = Desk(lambda turn: cost(turn) if turn < 63 else (9.0, 0.0, False)).measured()
    assert (latency.rounds, latency.rows) == (1, ROWS)
    assert latency.p95_ms == pytest.approx(100)


def test_the_clocks_of_a_thread_move_on() -> None:
    before = read_clocks()
    sum(range(10_000))
    after = read_clocks()
    assert after.wall_s > before.wall_s
    assert after.cpu_s >= before.cpu_s
