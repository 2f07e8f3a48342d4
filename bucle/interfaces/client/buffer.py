"""`PointBuffer`: metric points on their way to a run, sent in batches and never dropped.

A batch bears an id, so that sending it again after a lost answer counts it once.  A server
that does not answer only delays points; what was refused is told at the next call.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from bucle.base.errors import BucleError, Unavailable
from bucle.base.figure import plain_figure
from bucle.lifecycle.tracking import MetricPoints

MOST_POINTS = 1_000  # a full batch goes at once
OLDEST_S = 1.0  # a batch that is not full goes after this
SIGN_OF_LIFE_S = 60.0

Send = Callable[[MetricPoints], None]


class Point(NamedTuple):
    """One point of one series, at a time in milliseconds since 1970."""

    name: str
    step: int
    at_ms: int
    value: float


class PointBuffer:
    """Points of one run; any thread may add, one at a time sends."""

    def __init__(self, send: Send, new_id: Callable[[], str]) -> None:
        self._send = send
        self._new_id = new_id
        self._points: list[Point] = []
        self._unsent: MetricPoints | None = None  # None: the last batch arrived
        self._refusal: BucleError | None = None  # None: nothing was refused
        self._adding = threading.Lock()
        self._sending = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None  # None: nothing was added yet

    def add(self, points: list[Point]) -> None:
        """Add points; a full buffer is sent by the caller, who so feels a slow server.

        Raises:
            BucleError: an earlier batch was refused.
        """
        self._complain()
        with self._adding:
            self._points.extend(points)
            full = len(self._points) >= MOST_POINTS
            self._start_thread()
        if full:
            self._try_sending()

    def flush(self) -> None:
        """Send everything now.

        Raises:
            BucleError: the run has ended, or the server did not answer.
        """
        self._complain()
        with self._sending:
            while self._next_batch():
                self._send_batch()

    def close(self) -> None:
        """Stop the thread and send what is left.

        Raises:
            BucleError: as for `flush`.
        """
        self._closed.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()
        self.flush()

    def _start_thread(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._thread = threading.Thread(target=self._tick, name="bucle-points", daemon=True)
            self._thread.start()

    def _tick(self) -> None:
        heard_at = time.monotonic()
        while not self._closed.wait(OLDEST_S):
            silent_s = time.monotonic() - heard_at
            if self._points or self._unsent or silent_s > SIGN_OF_LIFE_S:
                heard_at = time.monotonic()
                self._try_sending(sign_of_life=True)

    def _try_sending(self, *, sign_of_life: bool = False) -> None:
        try:
            with self._sending:
                if not self._next_batch() and sign_of_life:
                    self._send(MetricPoints())
                while self._next_batch():
                    self._send_batch()
        except Unavailable:
            pass  # the batch stays; the next tick, or the end of the run, sends it again
        except BucleError as error:
            self._refusal = error

    def _next_batch(self) -> bool:
        """Make the batch that is to be sent next; tell whether there is one."""
        if self._unsent is None:
            with self._adding:
                points, self._points = self._points[:MOST_POINTS], self._points[MOST_POINTS:]
            if points:
                self._unsent = _batch(points, self._new_id())
        return self._unsent is not None

    def _send_batch(self) -> None:
        assert self._unsent is not None
        self._send(self._unsent)
        self._unsent = None

    def _complain(self) -> None:
        if self._refusal is not None:
            raise self._refusal


def _batch(points: list[Point], batch: str) -> MetricPoints:
    names, steps, times, values = zip(*points, strict=True)
    return MetricPoints(
        names=names,
        steps=steps,
        times=times,
        values=tuple(plain_figure(value) for value in values),
        batch=batch,
    )
