import msgspec
import pytest

from bucle.interfaces.predict.engines import ModelError
from bucle.interfaces.predict.overload import Batching, Late, Overloaded
from bucle.interfaces.predict.tickets import Outcome, Ticket
from tests.support.lanes import Queue

SLOW_S = 0.01


def test_what_arrives_in_one_step_goes_to_the_model_together() -> None:
    queue = Queue()
    queue.ask(1.0)
    queue.ask(2.0, 3.0)
    queue.ask(4.0)
    assert queue.model.calls == []
    queue.loop.step()
    assert queue.model.calls == [[1.0, 2.0, 3.0, 4.0]]
    assert [queue.answer(key) for key in (1.0, 2.0, 4.0)] == [[2.0], [4.0, 6.0], [8.0]]


def test_a_lone_request_waits_for_nobody() -> None:
    queue = Queue(per_call_s=0.0, per_row_s=0.0)
    queue.ask(1.0)
    queue.loop.step()
    assert queue.told_at_s == {1.0: 0.0}


def test_a_row_that_the_model_fails_on_harms_no_other() -> None:
    queue = Queue()
    for heat in (1.0, 2.0, 666.0, 4.0, 5.0):
        queue.ask(heat)
    queue.loop.step()
    assert isinstance(queue.told[666.0], ModelError)
    assert [queue.answer(key) for key in (1.0, 2.0, 4.0, 5.0)] == [[2.0], [4.0], [8.0], [10.0]]


def test_answers_that_can_not_be_told_apart_are_nobodys() -> None:
    queue = Queue()
    queue.ask(1.0)
    queue.ask(13.0)
    queue.loop.step()
    assert "0 values of 'prediction' for 1 rows" in str(queue.told[13.0])
    assert queue.answer(1.0) == [2.0]


def test_requests_of_another_layout_go_by_themselves() -> None:
    queue = Queue()
    queue.ask(1.0)
    odd = queue.ask(2.0)
    odd.layout = "another"
    queue.loop.step()
    assert queue.model.calls == [[1.0], [2.0]]


def test_a_slow_model_works_in_a_thread_while_its_next_batch_gathers() -> None:
    queue = Queue(per_call_s=SLOW_S)
    queue.ask(1.0)
    queue.loop.step()  # nothing is known of it yet
    queue.ask(2.0)
    queue.loop.step()
    assert queue.threads.submitted == 1
    for heat in (3.0, 4.0, 5.0):
        queue.loop.run_until(queue.loop.now_s + SLOW_S / 10)
        queue.ask(heat)
    queue.loop.run_until(queue.loop.now_s + 3 * SLOW_S)
    assert queue.model.calls == [[1.0], [2.0], [3.0, 4.0, 5.0]]
    assert queue.answer(5.0) == [10.0]


def test_a_batch_is_no_larger_than_it_may_be_but_a_request_is_never_parted() -> None:
    queue = Queue(batching=Batching(max_rows=2))
    queue.ask(1.0, 1.1, 1.2)
    for heat in (2.0, 3.0, 4.0):
        queue.ask(heat)
    queue.loop.step()
    assert queue.model.calls == [[1.0, 1.1, 1.2], [2.0, 3.0], [4.0]]


def test_a_deployment_may_wait_a_moment_for_company() -> None:
    queue = Queue(batching=Batching(max_rows=3, max_wait_ms=2.0))
    queue.ask(1.0)
    queue.loop.run_until(0.001)
    assert queue.told == {}
    queue.ask(2.0)
    queue.loop.run_until(0.002)
    assert queue.model.calls == [[1.0, 2.0]]
    for heat in (3.0, 4.0, 5.0):  # as many as go together: nothing more is waited for
        queue.ask(heat)
    queue.loop.step()
    assert queue.model.calls[1:] == [[3.0, 4.0, 5.0]]


def test_what_would_wait_too_long_is_refused_and_told_when_to_ask_again() -> None:
    queue = Queue(per_call_s=0.0, per_row_s=0.5)
    queue.ask(1.0)
    queue.loop.step()
    queue.loop.run_until(1.0)
    queue.ask(2.0)
    queue.loop.step()
    queue.ask(3.0)
    queue.ask(4.0)
    with pytest.raises(Overloaded, match="2 rows waiting") as refused:
        queue.ask(5.0)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 1)
    queue.loop.run_until(9.0)
    assert {2.0, 3.0, 4.0} <= set(queue.told)


def test_bytes_that_wait_are_bounded_too() -> None:
    queue = Queue(batching=Batching(queue_bytes=0))
    queue.ask(1.0)
    ticket = queue.ask(2.0)
    with pytest.raises(Overloaded):
        queue.lane.add(_of_size(ticket, 1))


def test_what_comes_to_an_empty_queue_is_never_too_much() -> None:
    queue = Queue(batching=Batching(queue_rows=1))
    queue.ask(*map(float, range(100, 199)))
    queue.loop.step()
    assert len(queue.answer(100.0)) == 99


def test_what_waited_past_its_deadline_is_told_so_and_not_computed() -> None:
    queue = Queue(per_call_s=SLOW_S)
    queue.ask(1.0)
    queue.loop.step()
    queue.ask(2.0)
    queue.loop.step()
    asked_s = queue.loop.now_s
    queue.ask(3.0, deadline_s=SLOW_S / 2)
    queue.ask(4.0)
    queue.loop.run_until(asked_s + 5 * SLOW_S)
    assert isinstance(queue.told[3.0], Late)
    assert queue.told_at_s[3.0] == pytest.approx(asked_s + SLOW_S / 2)  # when it passed, not later
    assert queue.model.calls == [[1.0], [2.0], [4.0]]


def test_a_model_that_takes_longer_than_a_deadline_is_not_waited_for() -> None:
    queue = Queue(per_call_s=SLOW_S)
    queue.ask(1.0)
    queue.loop.step()
    queue.ask(2.0, deadline_s=SLOW_S / 2)
    queue.ask(3.0)
    queue.loop.run_until(queue.loop.now_s + 2 * SLOW_S)
    assert isinstance(queue.told[2.0], Late)
    assert (queue.late, queue.answer(3.0)) == ([2.0], [6.0])


def test_a_caller_who_went_away_is_not_computed_for() -> None:
    queue = Queue()
    queue.ask(1.0)
    queue.ask(2.0).forget()
    queue.loop.step()
    assert (queue.model.calls, queue.told.keys()) == ([[1.0]], {1.0})


def test_a_reply_that_fails_keeps_nobody_else_waiting() -> None:
    queue = Queue()

    def broken(_: Outcome) -> None:
        raise ValueError("a bug of a front")

    queue.ask(1.0, done=broken)
    queue.ask(2.0)
    with pytest.raises(ValueError, match="a bug"):
        queue.loop.step()
    queue.loop.step()
    assert queue.answer(2.0) == [4.0]


def test_a_bug_on_the_way_to_the_model_is_told_to_all_and_holds_up_nobody() -> None:
    queue = Queue()

    def broken(*_: object) -> dict[str, list[float]]:
        raise ZeroDivisionError

    queue.lane.fill = broken  # type: ignore[assignment]
    queue.ask(1.0)
    queue.ask(2.0)
    with pytest.raises(ZeroDivisionError):
        queue.loop.step()
    assert [type(queue.told[key]) for key in (1.0, 2.0)] == [ZeroDivisionError] * 2
    queue.lane.fill = None
    queue.ask(3.0)
    queue.loop.step()
    assert queue.answer(3.0) == [6.0]


def test_at_ten_times_the_load_what_is_accepted_is_answered_in_time() -> None:
    objective_s = 0.05
    per_call_s, per_row_s = 0.004, 0.001
    queue = Queue(per_call_s=per_call_s, per_row_s=per_row_s,
                  batching=Batching(objective_s=objective_s))  # fmt: skip
    rows = queue_rows = 0
    refused: list[float] = []
    asked_s: dict[float, float] = {}
    capacity = 1 / per_row_s  # an upper bound: no batch is that large
    for number in range(20_000):
        key = float(number + 1000)
        queue.loop.run_until(number / (10 * capacity))
        try:
            queue.ask(key)
        except Overloaded:
            refused.append(key)
        else:
            asked_s[key] = queue.loop.now_s
            queue_rows = max(queue_rows, queue.lane.queued_rows)
            rows += 1
    end_s = queue.loop.now_s
    queue.loop.run_until(end_s + 1)
    waits = sorted(queue.told_at_s[key] - at for key, at in asked_s.items())
    assert waits[int(len(waits) * 0.99)] < 3 * objective_s
    best = max(n / (per_call_s + n * per_row_s) for n in range(1, int(objective_s / 3 / per_row_s)))
    assert rows / end_s > 0.9 * best  # of what batches of that size can do
    assert queue_rows < 100
    assert len(refused) > 15_000


def _of_size(ticket: Ticket, size_bytes: int) -> Ticket:
    terms = msgspec.structs.replace(ticket.terms, size_bytes=size_bytes)
    return msgspec.structs.replace(ticket, terms=terms)
