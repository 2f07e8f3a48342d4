"""Where requests to one variant are checked, queued, counted and logged.

The log is written before any answer leaves, once for all rows that were answered together.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import numpy as np

from bucle.base.clock import Clock
from bucle.base.errors import BucleError, Invalid
from bucle.interfaces.predict.batcher import Around, Lane
from bucle.interfaces.predict.board import Loaded, Served
from bucle.interfaces.predict.codec import Answer, Column
from bucle.interfaces.predict.engines import Array, ModelError
from bucle.interfaces.predict.enrich import Filler
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import Counts
from bucle.interfaces.predict.overload import Batching, Overloaded
from bucle.interfaces.predict.pace import Pace
from bucle.interfaces.predict.tickets import FailedPrediction, Outcome, Ticket, Worked
from bucle.interfaces.predict.together import Checker, work

T = TypeVar("T")
Offer = Callable[[Served, Mapping[str, Column], list[str]], None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MANY = 16  # rows of a request; fewer are quicker as Python's values
_LATE = "the model did not answer in time"


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What the desks of one server share."""

    clock: Clock
    ids: PredictionIds
    log: PredictionLog
    around: Around
    # Takes copies of what was answered, for versions in the shadow; None: nobody does.
    offer: Offer | None = None


class Book(msgspec.Struct, frozen=True):
    """Where a variant of a deployment's revision is logged and counted."""

    source: int
    counts: Counts


class Desk:
    """One variant of one deployment's revision."""

    def __init__(
        self, served: Served, loaded: Loaded, tools: Tools, book: Book, filler: Filler | None
    ) -> None:
        self.served = served
        self.loaded = loaded
        self.lane: Lane
        self.deadline_s = 0.0
        self._tools = tools
        self._book = book
        self._filler = filler
        self._checker = Checker(loaded.engine.inputs, filler.names if filler else frozenset())
        # Who answers where this variant can not; None: nobody does.
        self._rescuer: Callable[[], Desk] | None = None
        # Who answers where the model fails or is late, and nobody above can; None: nobody does.
        self._fallback: Callable[[], Desk] | None = None

    def open(
        self,
        batching: Batching,
        pace: Pace,
        rescuer: "Callable[[], Desk] | None",
        fallback: "Callable[[], Desk] | None" = None,
    ) -> "Desk":
        """Open the queue."""
        lane = Lane(self.loaded.engine, batching, self._tools.around, pace, self)
        if self._filler is not None:
            lane.fill, lane.fill_waits = self._filler, not self._filler.is_quick
        self.lane, self._rescuer, self._fallback = lane, rescuer, fallback
        self.deadline_s = batching.deadline_s
        return self

    def take(self, ticket: Ticket) -> None:
        """Check a request and let it wait for its batch.

        Raises:
            Invalid: the request's own mistake.
            Overloaded: it would wait too long.
        """
        try:
            if self._filler is not None:
                self._filler.check(ticket.call.columns)
            ticket.layout, ticket.arrays = self._checker.check(ticket.call)
        except Invalid as error:
            # What the champion's signature allows is no mistake of the caller's.
            if self._rescuer is None or ticket.terms.pinned:
                raise
            self._note_failures([ticket], str(error))
            if refusal := self._hand_on(ticket, self._rescuer()):
                ticket.tell(refusal)
            return
        self.lane.add(ticket)

    def outcomes(self, worked: Worked) -> list[tuple[Ticket, Outcome]]:
        """Count and log what was worked, and return what each caller is to be told."""
        if worked.error is not None:
            return [
                (ticket, outcome)
                for ticket in worked.tickets
                if (outcome := self._failed(ticket, worked, worked.error)) is not None
            ]
        if any(ticket.is_late for ticket in worked.tickets):  # logged as failures already
            worked = _without_late(worked)
            if not worked.tickets:
                return []
        ids = self._log(worked.tickets, worked.columns, worked.outputs)
        self._book.counts.note_batch(len(ids), worked.model_s)
        if self.served.shadows and self._tools.offer is not None:
            self._tools.offer(self.served, worked.columns, ids)
        return self._answers(worked, ids)

    def note_late(self, ticket: Ticket) -> None:
        """Count, and log if the model had begun, a request whose deadline passed."""
        self._book.counts.late += 1
        if ticket.begun_s:
            ticket.is_late = True
            self._note_failures([ticket], _LATE)
        if self._fallback is not None and not ticket.terms.pinned:
            outcome = self._fallback().rescue(ticket)
            if isinstance(outcome, Answer):
                ticket.tell(outcome)

    def rescue(self, ticket: Ticket) -> Outcome:
        """Answer now what a model could not, in place of it: a fallback does so at once."""
        around = self._tools.around
        copy = Ticket(
            ticket.served, self.loaded, ticket.call, None, ticket.at_s, ticket.deadline_s,
            ticket.terms,
        )  # fmt: skip
        fill = self._filler if self._filler and self._filler.is_quick else None
        try:
            if fill is not None:
                fill.check(copy.call.columns)
            copy.layout, copy.arrays = self._checker.check(copy.call)
        except Invalid as error:
            return error
        copy.begun_s = around.seconds()
        (worked,) = work(self.loaded.engine, [copy], fill, around.seconds)
        ((_, outcome),) = self.outcomes(worked)
        return outcome

    def _failed(self, ticket: Ticket, worked: Worked, error: Exception) -> Outcome | None:
        """Return what is told of a failure; None: another variant answers.

        A canary's failure is logged under the canary, so that its rollout sees it, and hurts
        no caller who did not ask for that very version.
        """
        columns = worked.columns if len(worked.tickets) == 1 else None
        if self._rescuer is not None and not ticket.terms.pinned and _is_its_own(error):
            self._note_failures([ticket], str(error), columns)
            return self._hand_on(ticket, self._rescuer())
        if isinstance(error, BucleError):
            return error
        ids = self._note_failures([ticket], str(error), columns)
        if self._fallback is not None and not ticket.terms.pinned:
            outcome = self._fallback().rescue(ticket)
            if isinstance(outcome, Answer):
                return outcome
        return FailedPrediction(str(error), self.answer(ids, {}))

    def _hand_on(self, ticket: Ticket, desk: "Desk") -> Outcome | None:
        ticket.loaded = desk.loaded
        ticket.at_s, ticket.begun_s = self._tools.around.seconds(), 0.0
        try:
            desk.take(ticket)
        except (BucleError, Overloaded) as refusal:
            return refusal
        return None

    def answer(self, ids: list[str], outputs: dict[str, Column]) -> Answer:
        """Return what is said of rows."""
        variant = self.loaded.variant.role
        return Answer(self.served.told, self.loaded.told, variant, ids, outputs)

    def _note_failures(
        self, tickets: Sequence[Ticket], failure: str, columns: Mapping[str, Column] | None = None
    ) -> list[str]:
        ids: list[str] = []
        for ticket in tickets:
            told = ticket.call.columns if columns is None else columns
            ids += self._log([ticket], told, {}, failure=failure)
        return ids

    def _log(
        self,
        tickets: Sequence[Ticket],
        columns: Mapping[str, Column],
        outputs: Mapping[str, Array],
        failure: str = "",
    ) -> list[str]:
        """Write the rows of tickets down, count them, and return their ids."""
        tools = self._tools
        now, end_s = tools.clock.now(), tools.around.seconds()
        spent_s = [end_s - ticket.at_s for ticket in tickets]
        waited_s = [ticket.begun_s - ticket.at_s for ticket in tickets if ticket.begun_s]
        latency_us = [int(spent * 1e6) for spent in spent_s]
        counts = [ticket.call.count for ticket in tickets]
        rows = sum(counts)
        keys: Sequence[str] = [ticket.call.routing_key for ticket in tickets]
        if rows != len(tickets):
            latency_us = _spread(latency_us, counts)
            keys = _spread(keys, counts)
        ids = tools.ids.take(now, rows)
        tools.log.append_many(
            source=self._book.source,
            epoch=tools.ids.epoch,
            ids=ids,
            at_us=(now - _EPOCH) // _MICROSECOND,
            latency_us=latency_us,
            columns=columns,
            outputs=outputs,
            errors=[failure] * rows if failure else None,
            keys=keys,
        )
        self._book.counts.note_requests(rows, spent_s, waited_s, failed=bool(failure))
        return ids

    def _answers(self, worked: Worked, ids: list[str]) -> list[tuple[Ticket, Outcome]]:
        """Return each ticket's part of what was worked."""
        tickets = worked.tickets
        # Many rows are not made into Python's values before somebody asks for text.
        are_few = len(ids) < _MANY * len(tickets)
        lists: dict[str, Column] = {
            name: column.tolist() if are_few or column.dtype.kind == "O" else column
            for name, column in worked.outputs.items()
        }
        if len(tickets) == 1:
            return [(tickets[0], self.answer(ids, lists))]
        told: list[tuple[Ticket, Outcome]] = []
        start = 0
        for ticket in tickets:
            stop = start + ticket.call.count
            outputs = {name: values[start:stop] for name, values in lists.items()}
            told.append((ticket, self.answer(ids[start:stop], outputs)))
            start = stop
        return told


def _is_its_own(error: Exception) -> bool:
    """Tell whether another variant might do better."""
    return isinstance(error, ModelError | Invalid)


def _spread(values: Sequence[T], counts: Sequence[int]) -> list[T]:
    """Return each value as often as its request has rows."""
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]


def _without_late(worked: Worked) -> Worked:
    """Return what was worked for those who still wait for it."""
    keep = np.array(_spread([not t.is_late for t in worked.tickets],
                            [t.call.count for t in worked.tickets]))  # fmt: skip
    return Worked(
        [ticket for ticket in worked.tickets if not ticket.is_late],
        {name: _kept(column, keep) for name, column in worked.columns.items()},
        {name: column[keep] for name, column in worked.outputs.items()},
        model_s=worked.model_s,
    )


def _kept(column: Column, keep: Array) -> Column:
    if isinstance(column, np.ndarray):
        return column[keep]
    return [value for value, is_kept in zip(column, keep.tolist(), strict=True) if is_kept]
