"""A model server's queue in a time of its own: an event loop, threads and a model by hand."""

import heapq
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bucle.base.refs import Ref
from bucle.interfaces.predict.batcher import Around, Lane
from bucle.interfaces.predict.board import Loaded, Served
from bucle.interfaces.predict.codec import Answer, Call
from bucle.interfaces.predict.engines import Array, Engine
from bucle.interfaces.predict.overload import Batching
from bucle.interfaces.predict.pace import Pace
from bucle.interfaces.predict.tickets import Outcome, Terms, Ticket, Worked
from bucle.interfaces.predict.together import Checker
from bucle.lifecycle.registry import Field, Signature
from bucle.lifecycle.serving import PlannedDeployment, Variant

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNATURE = Signature(
    inputs=(Field(name="heat", type="float64"),),
    outputs=(Field(name="prediction", type="float64"),),
)


class HandLoop:
    """An event loop whose time is moved by `run_until`."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.ahead_s = 0.0  # what the code that runs has spent of the time after now
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0

    def seconds(self) -> float:
        """Return the time."""
        return self.now_s + self.ahead_s

    def call_soon(self, callback: Callable[[], object], /) -> None:
        """Call in the next step."""
        self.call_later(0.0, callback)

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> None:
        """Call in the next step."""
        self.call_later(0.0, callback)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> None:
        """Call after so many seconds."""
        self._number += 1
        heapq.heappush(self._due, (self.now_s + max(delay, 0.0), self._number, callback))

    def run_until(self, moment_s: float) -> None:
        """Call what is due until then."""
        while self._due and self._due[0][0] <= moment_s:
            due_s, _, callback = heapq.heappop(self._due)
            self.now_s = max(self.now_s, due_s)
            callback()
            self.now_s, self.ahead_s = self.now_s + self.ahead_s, 0.0  # the loop was busy
        self.now_s = max(self.now_s, moment_s)

    def step(self) -> None:
        """Call what is due now."""
        self.run_until(self.now_s)


class HandThreads(Executor):
    """Threads that work beside the loop: their result comes when their time has passed."""

    def __init__(self, loop: HandLoop) -> None:
        self._loop = loop
        self.submitted = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Work at once, and give the result after what it took."""
        self.submitted += 1
        future: Future[Any] = Future()
        loop = self._loop
        before_s, loop.ahead_s = loop.ahead_s, 0.0
        result = fn(*args, **kwargs)
        took_s, loop.ahead_s = loop.ahead_s, before_s
        loop.call_later(took_s, lambda: future.set_result(result))
        return future


class HandModel:
    """A model that takes time by the call and by the row, and fails on 666."""

    takes_matrix = False
    flavor = "linear"
    signature = SIGNATURE

    def __init__(self, loop: HandLoop, per_call_s: float, per_row_s: float) -> None:
        self._loop = loop
        self._per_call_s = per_call_s
        self._per_row_s = per_row_s
        self.calls: list[list[float]] = []

    def predict_checked(self, columns: dict[str, Array]) -> dict[str, Array]:
        """Return each row's heat, twice."""
        heat = columns["heat"]
        self.calls.append(heat.tolist())
        self._loop.ahead_s += self._per_call_s + self._per_row_s * len(heat)
        if 666.0 in heat:
            raise RuntimeError("that is too hot")
        if 13.0 in heat:
            return {"prediction": np.array([1.0])[:0]}
        return {"prediction": heat * 2}


class Queue:
    """A lane with everything around it, and what its callers were told."""

    def __init__(
        self, *, per_call_s: float = 1e-5, per_row_s: float = 1e-6, at_once: int = 1,
        batching: Batching | None = None,
    ) -> None:  # fmt: skip
        self.loop = HandLoop()
        self.threads = HandThreads(self.loop)
        self.model = HandModel(self.loop, per_call_s, per_row_s)
        engine = Engine(self.model)  # type: ignore[arg-type]
        around = Around(threads=self.threads, loop=lambda: self.loop, seconds=self.loop.seconds,
                        at_once=at_once)  # fmt: skip
        self.lane = Lane(engine, batching or Batching(), around, Pace(), self)
        self._checker = Checker(SIGNATURE.inputs)
        self._served = served(engine)
        self.told: dict[float, Outcome] = {}  # by the first row's heat
        self.told_at_s: dict[float, float] = {}
        self.late: list[float] = []

    def ask(
        self, *heat: float, deadline_s: float = 60.0, done: Callable[[Outcome], None] | None = None
    ) -> Ticket:
        """Ask for rows."""
        key = heat[0]

        def tell(outcome: Outcome) -> None:
            assert key not in self.told
            self.told[key], self.told_at_s[key] = outcome, self.loop.seconds()

        now_s = self.loop.seconds()
        call = Call(columns={"heat": list(heat)}, count=len(heat))
        loaded = self._served.loaded[0]
        ticket = Ticket(
            self._served, loaded, call, done or tell, now_s, now_s + deadline_s, Terms()
        )
        ticket.layout, ticket.arrays = self._checker.check(call)
        self.lane.add(ticket)
        return ticket

    def answer(self, key: float) -> list[Any]:
        """Return what was predicted."""
        outcome = self.told[key]
        assert isinstance(outcome, Answer), outcome
        return list(outcome.outputs["prediction"])

    def outcomes(self, worked: Worked) -> list[tuple[Ticket, Outcome]]:
        """Return what each is told, without a log."""
        if worked.error is not None:
            return [(ticket, worked.error) for ticket in worked.tickets]
        values, start = worked.outputs["prediction"].tolist(), 0
        found: list[tuple[Ticket, Outcome]] = []
        for ticket in worked.tickets:
            stop = start + ticket.call.count
            found.append((ticket, Answer("", "", "", [], {"prediction": values[start:stop]})))
            start = stop
        return found

    def note_late(self, ticket: Ticket) -> None:
        """Remember who was too late."""
        self.late.append(ticket.call.columns["heat"][0])


def served(engine: Engine) -> Served:
    """Return a deployment with one variant."""
    variant = Variant(role="champion", model=Ref("model", "demand", 1), manifest="", signature="",
                      weight=1.0)  # fmt: skip
    planned = PlannedDeployment(ref=Ref("deployment", "demand", 1), target="", p95_ms=None,
                                variants=(variant,))  # fmt: skip
    return Served(
        "default", planned, (Loaded(variant, engine, "model:demand@1"),), "deployment:demand@1"
    )
