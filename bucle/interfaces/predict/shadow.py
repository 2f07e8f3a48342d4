"""Give copies of requests to a version in the shadow: after its caller, and never at its cost.

A thread of its own, of low priority, answers what is queued; the queue is short, and what does
not fit is dropped and counted.  What the shadow says is logged under ids of its own, with the id
that the caller got, and returned to nobody.
"""

import os
import random
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import perf_counter

import msgspec
import numpy as np

from bucle.base.errors import BucleError
from bucle.interfaces.predict.board import Loaded, Served
from bucle.interfaces.predict.codec import Column
from bucle.interfaces.predict.desks import Tools
from bucle.interfaces.predict.engines import Array, Engine, ModelError
from bucle.interfaces.predict.enrich import FeatureReader, Filler
from bucle.interfaces.predict.metrics import Counts, Metrics
from bucle.interfaces.predict.wal import LoggedField, Source
from bucle.lifecycle.serving.segments import COPY_OF

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_ROWS = 10_000  # that wait
_MOST_COPIES = 256  # of requests, or of batches of them, that wait
_NICE = 10  # less important than what callers wait for


class _Copy(msgspec.Struct, frozen=True):
    """Rows that were answered, to be answered again."""

    served: Served
    shadow: Loaded
    columns: Mapping[str, Column]
    ids: Sequence[str]  # that the callers got


class _Said(msgspec.Struct, frozen=True):
    """What a shadow said of a copy."""

    copy: _Copy
    outputs: Mapping[str, Array]
    failure: str
    spent_s: float


class Shadows:
    """The shadows of one server; used from the event loop's thread."""

    def __init__(self, tools: Tools, metrics: Metrics, features: FeatureReader) -> None:
        self.dropped_rows: dict[str, float] = {}  # by deployment
        self._tools = tools
        self._metrics = metrics
        self._features = features
        self._thread = ThreadPoolExecutor(1, "bucle-shadow", initializer=_be_nice)
        self._rng = random.Random()  # noqa: S311 - it takes samples, it keeps no secret
        self.waiting_rows = self._waiting = 0
        self._books: dict[tuple[str, str], tuple[int, Counts]] = {}

    def offer(self, served: Served, columns: Mapping[str, Column], ids: Sequence[str]) -> None:
        """Take a copy of rows that were answered just now, as far as there is room."""
        for shadow in served.shadows:
            copy = self._sampled(_Copy(served, shadow, columns, ids), shadow.variant.weight)
            if copy is None:
                continue
            rows = len(copy.ids)
            if self._waiting >= _MOST_COPIES or self.waiting_rows + rows > _MOST_ROWS:
                name = f"{served.project}.{served.name}"
                self.dropped_rows[name] = self.dropped_rows.get(name, 0.0) + rows
                continue
            self._waiting += 1
            self.waiting_rows += rows
            self._start(copy)

    def keep(self, shown: Sequence[Served]) -> None:
        """Forget where the shadows of deployments that are no longer served were logged."""
        told = {one.told for one in shown}
        self._books = {key: book for key, book in self._books.items() if key[0] in told}

    def close(self) -> None:
        """Answer no more copies."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _sampled(self, copy: _Copy, share: float) -> _Copy | None:
        if share >= 1.0:
            return copy
        rng = self._rng
        rows = [row for row in range(len(copy.ids)) if rng.random() < share]
        if not rows:
            return None
        columns = {name: _taken(values, rows) for name, values in copy.columns.items()}
        return _Copy(copy.served, copy.shadow, columns, [copy.ids[row] for row in rows])

    def _start(self, copy: _Copy) -> None:
        loop = self._tools.around.loop()
        views = copy.served.deployment.views_of.get(copy.shadow.told)
        filler = Filler(self._features, views, copy.shadow.engine.inputs) if views else None
        future = self._thread.submit(_answer, copy, filler)

        def land(done: "Future[_Said]") -> None:
            with suppress(RuntimeError):  # the loop was closed while the model worked
                loop.call_soon_threadsafe(lambda: self._land(copy, done))

        future.add_done_callback(land)

    def _land(self, copy: _Copy, done: "Future[_Said]") -> None:
        self._waiting -= 1
        self.waiting_rows -= len(copy.ids)
        if not done.cancelled():
            self._log(done.result())

    def _log(self, said: _Said) -> None:
        copy, tools = said.copy, self._tools
        count, now = len(copy.ids), tools.clock.now()
        source, counts = self._book(copy)
        outputs: dict[str, Array | Sequence[str]] = {**said.outputs, COPY_OF: list(copy.ids)}
        tools.log.append_many(
            source=source,
            epoch=tools.ids.epoch,
            ids=tools.ids.take(now, count),
            at_us=(now - _EPOCH) // _MICROSECOND,
            latency_us=[int(said.spent_s * 1e6)] * count,
            columns={},
            outputs=outputs,
            errors=[said.failure] * count if said.failure else None,
        )
        counts.note_requests(count, [said.spent_s], [], failed=bool(said.failure))

    def _book(self, copy: _Copy) -> tuple[int, Counts]:
        served, shadow = copy.served, copy.shadow
        key = (served.told, shadow.told)
        if book := self._books.get(key):
            return book
        role = shadow.variant.role
        outputs = [LoggedField(field.name, field.type) for field in shadow.engine.outputs]
        source = Source(
            number=0,
            project=served.project,
            deployment=served.told,
            model=shadow.told,
            variant=role,
            inputs=(),
            outputs=(*outputs, LoggedField(COPY_OF, "string")),
        )
        counts = self._metrics.counts(served.project, served.name, shadow.told, role)
        book = self._books[key] = (self._tools.log.source(source), counts)
        return book


def _answer(copy: _Copy, filler: Filler | None) -> _Said:
    """Let the shadow answer, in its thread; raises nothing of the model's."""
    start = perf_counter()
    try:
        columns = filler(dict(copy.columns), len(copy.ids)) if filler else copy.columns
        outputs = _called(copy.shadow.engine, columns)
    except (BucleError, ModelError) as error:
        return _Said(copy, {}, str(error), perf_counter() - start)
    spent_s = perf_counter() - start
    if any(len(values) != len(copy.ids) for values in outputs.values()):
        return _Said(copy, {}, "the model gave another number of answers than rows", spent_s)
    return _Said(copy, outputs, "", spent_s)


def _called(engine: Engine, columns: Mapping[str, Column]) -> dict[str, Array]:
    matrix = engine.matrix(columns)
    if matrix is not None:
        return engine.call_matrix(matrix)
    return engine.call_arrays(engine.checked(columns))


def _taken(values: Column, rows: Sequence[int]) -> Column:
    if isinstance(values, np.ndarray):
        return values[list(rows)]
    return [values[row] for row in rows]


def _be_nice() -> None:
    """Let the system prefer the threads that callers wait for."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
