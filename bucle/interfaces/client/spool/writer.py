"""`SpoolWriter`: what a run says is kept on this machine first, and delivered by a thread.

What a call that returned has said outlives the process: words are appended to a file, points
stand in mapped memory that the kernel holds.  A loop never waits for the network.
"""

import logging
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bucle.base.codec import to_builtins
from bucle.base.errors import BucleError, Conflict, Denied, Invalid, Unavailable
from bucle.base.ids import new_id
from bucle.base.refs import Ref, check_name
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.spool.courier import PARCEL_POINTS, Courier
from bucle.interfaces.client.spool.folder import Spool, new_spool, no_room
from bucle.interfaces.client.spool.journal import Call, Content, Journal, Series
from bucle.interfaces.client.spool.points import PointWriter
from bucle.interfaces.client.spool.sync import sync

_LOG = logging.getLogger("bucle.spool")
TICK_S = 1.0  # what is not a full parcel goes after this
_LONGEST_PAUSE_S = 15.0  # between attempts at a server that does not answer
_SIGN_OF_LIFE_S = 60.0


class SpoolWriter:
    """What one process says of one run; any thread may say it.

    Args:
        client: where it is delivered to.
        run: the run.
        now_ms: the time of points, in milliseconds since 1970.
        after: what the run's parent says through, which arrives first; None: it is no part.
        at_once: words are delivered before a call returns, as there is no network in between,
            and what is refused is raised by the call.
    """

    def __init__(
        self,
        client: Client,
        run: Ref,
        now_ms: Callable[[], int],
        *,
        after: "SpoolWriter | None",
        at_once: bool,
    ) -> None:
        self._client = client
        self._run = run
        self._now_ms = now_ms
        self._after = after
        self._at_once = at_once
        self._forked = False
        self._open()
        os.register_at_fork(after_in_child=partial(_fork_off, weakref.ref(self)))

    def _open(self) -> None:
        """Begin a spool; in a forked child too, whose parent goes on with its own.

        A child delivers nothing: connections do not outlive a fork.  Its parent does, before it
        ends the run, or the next `sync`.
        """
        self._is_forked_off = False  # whether this is a child, and the spool its parent's
        self._lock = threading.Lock()
        self._series: dict[str, list[int]] = {}  # name -> its code, its next step
        self._closed = False
        self._full_at = PARCEL_POINTS
        place = self._client.transport.spool_path
        self._spool: Spool = new_spool(place, self._run.name, new_id_at(self._now_ms()))
        self._journal = Journal(self._spool.journal)
        self._points = PointWriter(self._spool.path)
        self._courier = Courier(
            self._client, self._spool, lambda: self._points.count, self._push_parent
        )
        self._delivery = Delivery(self._courier, self._secure, partial(sync, self._client))
        if self._forked:
            self._delivery.close()

    @property
    def folder(self) -> Path:
        """The spool's folder, for what is captured beside; removed when all is delivered."""
        self._renew_in_child()
        return self._spool.path

    def say(self, operation: str, fields: Mapping[str, Any]) -> None:
        """Say that an operation is to be called.

        Raises:
            BucleError: what was said before was refused; or this was, where it goes at once.
            Conflict: the run has ended.
        """
        self._renew_in_child()
        with self._lock:
            self._append(Call(operation=operation, fields=to_builtins(dict(fields))))
        if not self._at_once:
            self._delivery.wake()
        elif not self._forked:
            try:
                self._courier.deliver(strict=True)
            except Unavailable:
                self._delivery.wake()  # it is kept, and told when the database answers

    def keep(self, content: bytes | Path) -> str:
        """Keep content that a call names, and return its digest."""
        self._renew_in_child()
        if self._at_once and not self._forked:
            return self._client.put_content(content)
        digest = self._spool.keep(content)
        with self._lock:
            self._append(Content(digest=digest))
        return digest

    def point(self, name: str, step: int | None, value: object) -> None:
        """Add a point; without a step, the one after the last.

        Raises:
            BucleError: what was said before was refused.
            Invalid: the value is no number, or the step no whole number of 64 bits.
        """
        if self._is_forked_off:
            self._renew_in_child()
        with self._lock:
            series = self._series.get(name) or self._new_series(name)
            if step is None:
                step = series[1]
            try:
                count = self._points.add_one(series[0], step, self._now_ms(), value)  # type: ignore[arg-type]
            except struct.error as error:
                raise _wrong(name, step, value) from error
            except OSError as error:
                raise no_room(self._spool.path, error) from error
            series[1] = step + 1
            if count >= self._full_at:
                self._full()

    def points(self, metrics: Mapping[str, object], step: int | None) -> None:
        """Add a point to each of some series: all of them, or none."""
        self._renew_in_child()
        with self._lock:
            now_ms, known = self._now_ms(), []
            cells: list[Any] = []
            for name, value in metrics.items():
                series = self._series.get(name) or self._new_series(name)
                known.append(series)
                cells += (series[0], series[1] if step is None else step, now_ms, value)
            try:
                self._points.add(*cells)
            except struct.error as error:
                raise _first_wrong(metrics, step) from error
            except OSError as error:
                raise no_room(self._spool.path, error) from error
            for series in known:
                series[1] = (series[1] if step is None else step) + 1
            if self._points.count >= self._full_at:
                self._full()

    def column(self, name: str, values: Sequence[float], steps: Sequence[int] | None) -> None:
        """Add many points of one series at once.

        Raises:
            Invalid: they are no numbers, or not as many steps as values.
        """
        import numpy as np

        self._renew_in_child()
        with self._lock:
            series = self._series.get(name) or self._new_series(name)
            try:
                numbers = np.ascontiguousarray(values, np.float64)
                first = series[1]
                places = (
                    np.arange(first, first + len(numbers))
                    if steps is None
                    else np.asarray(steps).astype(np.int64, casting="same_kind")
                )
            except (TypeError, ValueError, OverflowError) as error:
                raise Invalid(
                    f"the points of {name!r} are no columns of numbers: {error}"
                ) from error
            if numbers.ndim != 1 or numbers.shape != places.shape:
                raise Invalid(
                    f"{name!r} got values of shape {numbers.shape} and steps of {places.shape}",
                    hint="give one step for each value, or none",
                )
            try:
                self._points.add_columns(series[0], places, self._now_ms(), numbers)
            except OSError as error:
                raise no_room(self._spool.path, error) from error
            if len(places):
                series[1] = int(places[-1]) + 1
            if self._points.count >= self._full_at:
                self._full()

    def flush(self) -> None:
        """Deliver everything now.

        Raises:
            BucleError: something was refused, or the server does not answer.
        """
        self._renew_in_child()
        self.push()
        self._complain()

    def push(self) -> None:
        """Deliver everything now, and leave it to others to complain.

        Raises:
            Unavailable: the server does not answer.
        """
        if not self._closed and not self._forked:
            self._courier.deliver()

    def deliver_neighbours(self) -> None:
        """Have what earlier processes left delivered too, as soon as something of ours was."""
        self._delivery.neighbours_due = True
        if len(list(self._spool.path.parent.glob("[!.]*.*"))) > 1:
            self._delivery.wake()

    def forget(self) -> None:
        """Remove the spool of a run that could not begin."""
        self._closed = True
        self._delivery.close()
        self._journal.close()
        self._points.close()
        self._spool.remove()

    def close(self, last: Mapping[str, Any] | None = None) -> BucleError | None:
        """Say the last word, deliver what is left and remove the spool.

        Args:
            last: how the run ended; None: it goes on without this writer.

        Returns:
            Why the spool stays, for the next run or `bucle tracking sync` to deliver; None: it
            was delivered.

        Raises:
            BucleError: something was refused.
        """
        self._renew_in_child()
        refused = self._courier.refusal
        with self._lock:  # what another thread says from now on is refused, and not lost
            self._closed = True
            self._series.clear()
            if last is not None and not self._forked:
                last_word = Call(operation="tracking.finish", fields=to_builtins(dict(last)))
                self._write(last_word)
        self._delivery.close()
        left = self._deliver_last()
        self._journal.close()
        self._points.close()
        if left is None:
            self._spool.remove()
        else:
            self._spool.close()
        if refused := refused or self._courier.refusal:
            raise refused
        return left

    def _push_parent(self) -> None:
        if self._after is not None:
            self._after.push()

    def _deliver_last(self) -> BucleError | None:
        if self._forked:
            return Unavailable("a forked child leaves its points to its parent")
        try:
            self._courier.deliver()
        except (Unavailable, Denied) as error:
            self._secure()
            return error
        return None

    def _write(self, word: Call | Content | Series) -> None:
        try:
            self._journal.append(word)
        except OSError as error:
            raise no_room(self._spool.path, error) from error

    def _append(self, word: Call | Content | Series) -> None:
        self._complain()
        if self._closed:
            raise Conflict(f"{self._run} has ended", hint="start a new run")
        self._write(word)

    def _new_series(self, name: str) -> list[int]:
        """Name a series before its first point; the time to complain costs nothing here."""
        series = [len(self._series) + 1, 0]
        self._append(Series(code=series[0], name=check_name(name)))
        self._series[name] = series
        self._delivery.start()
        return series

    def _full(self) -> None:
        """Have a full parcel delivered; and say so if an earlier one was refused."""
        self._full_at = self._points.count + PARCEL_POINTS
        self._delivery.wake()
        self._complain()

    def _complain(self) -> None:
        if self._courier.refusal is not None:
            raise self._courier.refusal

    def _secure(self) -> None:
        """Have it all on the disk, where a power cut does not reach it, if the disk can."""
        try:
            self._journal.sync()
            self._points.sync()
        except OSError as error:
            _LOG.warning("%s is not on the disk yet: %s", self._spool.path, error)

    def _renew_in_child(self) -> None:
        if self._is_forked_off:
            self._forked = True
            self._open()


class Delivery:
    """The thread that delivers while a run goes on; begun when there is something to deliver."""

    def __init__(
        self, courier: Courier, secure: Callable[[], None], sync_others: Callable[[], object]
    ) -> None:
        self._courier = courier
        self._secure = secure  # what is to happen when nothing can be delivered
        self._sync_others = sync_others
        self.neighbours_due = False  # whether other spools are to be delivered too
        self._awake = threading.Event()
        self._closed = threading.Event()
        self._begin = threading.Lock()
        self._thread: threading.Thread | None = None  # None: not begun

    def start(self) -> None:
        """Begin to deliver, unless it has begun."""
        with self._begin:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="bucle-spool", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Deliver soon."""
        self.start()
        self._awake.set()

    def close(self) -> None:
        """Stop; what is under way is waited for."""
        self._closed.set()
        self._awake.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        heard_at, pause_s = time.monotonic(), 0.0
        while not self._closed.is_set():
            if pause_s:
                self._closed.wait(pause_s)
            else:
                self._awake.wait(TICK_S)
            self._awake.clear()
            if self._closed.is_set():
                return
            try:
                told = self._courier.deliver()
                if not told and time.monotonic() - heard_at > _SIGN_OF_LIFE_S:
                    self._courier.give_sign_of_life()
                    told = True
                heard_at = time.monotonic() if told else heard_at
                if self.neighbours_due:
                    self.neighbours_due = False
                    self._sync_others()
                pause_s = 0.0
            except (Unavailable, Denied):
                self._secure()
                pause_s = min(max(2 * pause_s, TICK_S), _LONGEST_PAUSE_S)


def _fork_off(writer: "weakref.ref[SpoolWriter]") -> None:
    if found := writer():
        found._is_forked_off = True  # noqa: SLF001 - of this file


def _wrong(name: str, step: int, value: object) -> Invalid:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):  # a tensor of many raises the last
        return Invalid(f"metric {name!r} is no number: {value!r}", hint="give it a float")
    return Invalid(f"step {step!r} of metric {name!r} is no whole number of 64 bits")


def _first_wrong(metrics: Mapping[str, object], step: int | None) -> Invalid:
    for name, value in metrics.items():
        try:
            struct.pack("d", value)
        except struct.error:
            return _wrong(name, 0, value)
    return Invalid(f"step {step!r} is no whole number of 64 bits", hint="give it an int")


def new_id_at(at_ms: int) -> str:
    """Return a new id of a moment in milliseconds since 1970."""
    return new_id(datetime.fromtimestamp(at_ms / 1000, UTC))
