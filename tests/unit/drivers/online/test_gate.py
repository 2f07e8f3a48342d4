import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bucle.drivers.online.gate import Gate


def test_one_alone_waits_for_those_inside_and_keeps_others_out() -> None:
    gate, inside, leave = Gate(), threading.Event(), threading.Event()
    order: list[str] = []

    def stay() -> None:
        with gate:
            inside.set()
            leave.wait()
            order.append("left")

    def be_alone() -> None:
        with gate.alone():
            order.append("alone")

    with ThreadPoolExecutor(2) as threads:
        threads.submit(stay)
        inside.wait()
        alone = threads.submit(be_alone)
        leave.set()
        alone.result()
    assert order == ["left", "alone"]


def test_never_two_are_alone_and_never_beside_others() -> None:
    gate, lock = Gate(), threading.Lock()
    state = {"inside": 0, "alone": 0}
    broken: list[str] = []

    def change(name: str, by: int) -> None:
        with lock:
            state[name] += by
            if state["alone"] > 1 or (state["alone"] and state["inside"]):
                broken.append(str(state))

    def work(number: int) -> None:
        for turn in range(200):
            entry, name = (gate.alone(), "alone") if (turn + number) % 10 == 0 else (gate, "inside")
            with entry:
                change(name, 1)
                change(name, -1)

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(work, range(6))) == [None] * 6
    assert broken == []


def test_the_gate_opens_again_after_an_error() -> None:
    gate = Gate()
    with pytest.raises(ZeroDivisionError), gate.alone():
        1 / 0  # noqa: B018 - the error
    with gate:
        pass
