"""One variant's queue: what is there at once goes to the model together.

The first request of an event-loop tick asks for the next one, and what the same tick read joins
it.  There is no timer, so a lone caller waits for nobody.  A model that is slow (measured) runs
in a thread; what arrives meanwhile is its next batch.  What may wait is bounded (`overload.py`),
and what its caller no longer waits for is not computed.

Used from the event loop's thread; loop and clock come in, so that tests hold both.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from time import perf_counter
from typing import Protocol

import msgspec

from bucle.interfaces.predict.engines import Engine
from bucle.interfaces.predict.overload import (
    Batching,
    Late,
    Overloaded,
    bounds,
    expected_wait_s,
)
from bucle.interfaces.predict.pace import Pace
from bucle.interfaces.predict.tickets import Outcome, Ticket, Worked
from bucle.interfaces.predict.together import Fill, work

_INLINE_LIMIT_S = 0.002  # a batch that takes longer goes to a thread: others must not wait for it
_NEVER = float("inf")


class Loop(Protocol):
    """What of an event loop is used."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call in the next step."""
        ...

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object:
        """Call in the next step; from any thread."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> object:
        """Call after so many seconds."""
        ...


class Teller(Protocol):
    """Who takes what was worked; called in the event loop's thread."""

    def outcomes(self, worked: Worked) -> list[tuple[Ticket, Outcome]]:
        """Count and log what was worked, and return what each caller is to be told."""
        ...

    def note_late(self, ticket: Ticket) -> None:
        """Count, and log if the model had begun, a request whose deadline passed."""
        ...


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a lane finds around it."""

    threads: Executor
    loop: Callable[[], Loop] = asyncio.get_running_loop
    seconds: Callable[[], float] = perf_counter
    at_once: int = 1  # batches of one variant in threads


def batches_at_once() -> int:
    """Return how many batches of one variant run in threads at a time: half of our cores.

    More would make smaller batches of models that hold Python's lock, and help nobody.
    """
    return max(len(os.sched_getaffinity(0)) // 2, 1)


class Lane:
    """The queue of one variant of one deployment's revision."""

    def __init__(
        self, engine: Engine, batching: Batching, around: Around, pace: Pace, teller: Teller
    ) -> None:
        self.fill: Fill | None = None  # reads features that requests leave out; None: none are
        self.fill_waits = False  # for something outside this process: not in the event loop
        self.queued_rows = 0
        self._engine = engine
        self._batching = batching
        self._around = around
        self._pace = pace
        self._teller = teller
        self._bounds = bounds(batching, pace, around.at_once)
        self._queue: deque[Ticket] = deque()
        self._queued_bytes = 0
        self._flying: dict[Future[list[Worked]], list[Ticket]] = {}
        self._called_by: Loop | None = None  # that will call `_run`
        self._is_timed = False  # after a while, and not at once
        self._next_deadline_s = _NEVER
        self._swept_at_s = _NEVER  # when deadlines are looked at next

    def add(self, ticket: Ticket) -> None:
        """Take a checked request.

        Raises:
            Overloaded: it would wait too long.
        """
        rows = ticket.call.count
        if self.queued_rows:  # what comes to an empty queue waits for nobody, however large it is
            self.refuse_if_full(ticket.served.told, rows, ticket.terms.size_bytes)
        self._queue.append(ticket)
        self.queued_rows += rows
        self._queued_bytes += ticket.terms.size_bytes
        self._next_deadline_s = min(self._next_deadline_s, ticket.deadline_s)
        loop = self._around.loop()
        if self._called_by is not loop or self._is_timed:
            self._call(loop)

    def _call(self, loop: Loop) -> None:
        wait_s = self._batching.max_wait_ms / 1000
        if wait_s and self.queued_rows < self._bounds.batch_rows:
            if self._called_by is not loop:
                loop.call_later(wait_s, self._run)
                self._is_timed = True
        else:
            loop.call_soon(self._run)
            self._is_timed = False
        self._called_by = loop

    def refuse_if_full(self, told: str, rows: int = 1, size_bytes: int = 0) -> None:
        """Go on only if so many more rows would not wait too long.

        Raises:
            Overloaded: they would; `told` is the deployment that is said to be full.
        """
        limits = self._bounds
        is_full = self.queued_rows and self.queued_rows + rows > limits.queue_rows
        if is_full or self._queued_bytes + size_bytes > self._batching.queue_bytes:
            at_once = self._around.at_once
            wait_s = expected_wait_s(self.queued_rows, limits, self._pace, at_once)
            raise Overloaded(
                "full",
                f"{told} has {self.queued_rows} rows waiting, about {wait_s:.2f} s of work",
                wait_s,
            )

    def _run(self) -> None:
        """Answer what has arrived, as far as there is room."""
        self._called_by, self._is_timed = None, False
        while self._queue:
            rows = min(self.queued_rows, max(self._bounds.batch_rows, self._queue[0].call.count))
            is_slow = self.fill_waits or self._pace.expect(rows) >= _INLINE_LIMIT_S
            if is_slow and len(self._flying) >= self._around.at_once:
                break
            batch = self._take()
            if not batch:
                continue
            if is_slow:
                self._start(batch)
            else:
                self._work_here(batch)
        self._watch()

    def _take(self) -> list[Ticket]:
        """Take the next batch; who went away or waited too long is left out."""
        now, room = self._around.seconds(), self._bounds.batch_rows
        batch: list[Ticket] = []
        queue = self._queue
        while queue and (not batch or queue[0].call.count <= room):
            ticket = queue.popleft()
            count = ticket.call.count
            self.queued_rows -= count
            self._queued_bytes -= ticket.terms.size_bytes
            if ticket.done is None:
                continue
            if ticket.deadline_s <= now:
                self._tell_late(ticket)
                continue
            ticket.begun_s = now
            batch.append(ticket)
            room -= count
        return batch

    def _work_here(self, batch: list[Ticket]) -> None:
        try:
            worked = work(self._engine, batch, self.fill, self._around.seconds)
        except Exception as error:
            self._spoil(batch, error)
            self._around.loop().call_soon(self._run)
            raise
        self._finish(worked)

    def _start(self, batch: list[Ticket]) -> None:
        """Let a thread work, and go on here when it has."""
        loop, seconds = self._around.loop(), self._around.seconds
        future = self._around.threads.submit(work, self._engine, batch, self.fill, seconds)
        self._flying[future] = batch

        def land(_: object) -> None:
            with suppress(RuntimeError):  # the loop was closed while the model worked
                loop.call_soon_threadsafe(lambda: self._land(future))

        future.add_done_callback(land)

    def _land(self, future: "Future[list[Worked]]") -> None:
        batch = self._flying.pop(future)
        error = future.exception()
        try:
            if error is not None:
                self._spoil(batch, error)
                raise error
            self._finish(future.result())
        finally:
            self._run()

    def _spoil(self, batch: Sequence[Ticket], error: BaseException) -> None:
        """Tell of a bug of ours: whoever asked gets an answer."""
        told = error if isinstance(error, Exception) else RuntimeError(repr(error))
        self._deliver(deque((ticket, told) for ticket in batch))

    def _finish(self, worked: Sequence[Worked]) -> None:
        """Learn from what was worked, and hand it on."""
        for one in worked:
            if one.error is None:
                self._pace.note(sum(ticket.call.count for ticket in one.tickets), one.model_s)
        self._bounds = bounds(self._batching, self._pace, self._around.at_once)
        for one in worked:
            self._deliver(deque(self._teller.outcomes(one)))

    def _deliver(self, rest: deque[tuple[Ticket, Outcome]]) -> None:
        """Tell each; a bug in one's reply keeps nobody else waiting."""
        try:
            while rest:
                ticket, outcome = rest.popleft()
                ticket.tell(outcome)
        finally:
            if rest:
                self._around.loop().call_soon(lambda: self._deliver(rest))

    def _tell_late(self, ticket: Ticket) -> None:
        if ticket.done is not None:
            self._teller.note_late(ticket)
            ticket.tell(Late())

    def _watch(self) -> None:
        """Look at deadlines when the next one passes, if anything has to wait."""
        if not self._queue and not self._flying:
            self._next_deadline_s = _NEVER
        elif self._next_deadline_s < self._swept_at_s:
            self._swept_at_s = self._next_deadline_s
            delay_s = max(self._swept_at_s - self._around.seconds(), 0.0)
            self._around.loop().call_later(delay_s, self._sweep)

    def _sweep(self) -> None:
        """Tell those whose deadline passed; the model's answer to them will be for nobody."""
        self._swept_at_s = self._next_deadline_s = _NEVER
        now = self._around.seconds()
        for ticket in [*self._queue, *(one for batch in self._flying.values() for one in batch)]:
            if ticket.deadline_s <= now:
                self._tell_late(ticket)
            elif ticket.done is not None:
                self._next_deadline_s = min(self._next_deadline_s, ticket.deadline_s)
        self._watch()
