"""The worker: lease a job, do it, end it; survive whatever a job does.

A worker that is killed leaves its lease behind, which runs out; nothing else is needed for
its job to be done by the next one.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from bucle.base.errors import BucleError, Conflict, Unavailable
from bucle.control.jobs import queue
from bucle.control.jobs.records import Job
from bucle.control.principal import CONTROL
from bucle.governance.session import House, Session

Action = Callable[[Session, Job], dict[str, Any]]

_log = logging.getLogger(__name__)
_HEARTBEAT_S = 8.0
_PASSING = (Conflict, Unavailable)  # errors that another attempt may not meet
_IDLE_S = (0.01, 0.2)  # the wait doubles from the first to the second while nothing is due


class Worker:
    """One process's hands: does one job at a time."""

    def __init__(self, house: House, actions: Mapping[str, Action]) -> None:
        self._house = house
        self._actions = actions
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    def step(self) -> bool:
        """Do the next due job, if there is one; tell whether there was."""
        job = queue.lease(self._house, self._owner)
        if job is None:
            return False
        session = self._house.session(CONTROL, job.project)
        try:
            with _Heartbeat(self._house, job):
                self._attempt(session, job)
        except Conflict as lost:
            _log.warning("%s: %s", job.ref, lost)
        return True

    def run(self, stop: threading.Event, wake: threading.Event, done: threading.Event) -> None:
        """Do jobs until asked to stop; look at once when woken, and say so after each job."""
        idle_s = _IDLE_S[0]
        while not stop.is_set():
            wake.clear()
            try:
                busy = self.step()
            except Unavailable as error:  # the database is away: it will come back
                _log.warning("worker waits: %s", error)
                busy = False
                stop.wait(1.0)
            idle_s = _IDLE_S[0] if busy else min(idle_s * 2, _IDLE_S[1])
            if busy:
                done.set()
            else:
                wake.wait(idle_s)

    def _attempt(self, session: Session, job: Job) -> None:
        action = self._actions.get(job.kind)
        if action is None:
            queue.fail(session, job, f"no worker here knows jobs of kind {job.kind!r}", retry=False)
            return
        if job.attempts > job.max_attempts:
            message = f"its worker died {job.max_attempts} times while doing it"
            queue.fail(session, job, message, retry=False)
            return
        try:
            result = action(session, job)
        except BucleError as error:
            queue.fail(session, job, _said(error), retry=isinstance(error, _PASSING))
        except Exception as error:  # noqa: BLE001 - a job may raise anything; the worker goes on
            _log.exception("%s (%s) raised", job.ref, job.kind)
            queue.fail(session, job, f"{type(error).__name__}: {error}", retry=True)
        else:
            queue.finish(session, job, result)


class _Heartbeat:
    """Keeps a lease alive while the block runs."""

    def __init__(self, house: House, job: Job) -> None:
        self._house = house
        self._job = job
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="heartbeat")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(_HEARTBEAT_S):
            try:
                held = queue.heartbeat(self._house, self._job)
            except Unavailable as error:
                _log.warning("%s: no heartbeat: %s", self._job.ref, error)
                continue
            if not held:
                return


def _said(error: BucleError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
