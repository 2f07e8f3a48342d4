"""The control plane's process: rounds in one thread, jobs in another, until told to stop.

All that it knows is in the database; it may be killed at any moment and started again.
"""

import logging
import os
import signal
import threading
import time
from types import FrameType

from bucle.base.errors import BucleError
from bucle.control.actions import ACTIONS
from bucle.control.jobs.worker import Worker
from bucle.control.principal import CONTROL
from bucle.control.tick import tick
from bucle.governance.audit.read import living_projects
from bucle.governance.session import House

_log = logging.getLogger(__name__)
_IDLE_S = (0.01, 0.1)  # the wait doubles from the first to the second while nothing happens
_CALM_S = 1.0  # after an error


class Plane:
    """The rounds and the worker of one installation."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._worker = Worker(house, ACTIONS)
        self.stop = threading.Event()
        # Rounds queue jobs and jobs leave facts: each wakes the other, so that nothing waits for
        # a poll but what another process did.
        self._jobs_wake = threading.Event()
        self._rounds_wake = threading.Event()

    def run(self) -> None:
        """Work until `stop` is set; the job in hand is finished first."""
        rounds = threading.Thread(target=self._rounds, name="rounds", daemon=True)
        rounds.start()
        self._worker.run(self.stop, self._jobs_wake, self._rounds_wake)
        self._rounds_wake.set()
        rounds.join()

    def _projects(self) -> tuple[str, ...]:
        with self._house.session(CONTROL).begin(write=False) as scope:
            return living_projects(scope)

    def _rounds(self) -> None:
        idle_s = _IDLE_S[0]
        while not self.stop.is_set():
            busy = False
            self._rounds_wake.clear()
            try:
                for project in self._projects():
                    busy = tick(self._house.session(CONTROL, project)) or busy
            except BucleError as error:  # a database that is away comes back
                _log.warning("a round failed: %s", error)
                self.stop.wait(_CALM_S)
            except Exception:  # noqa: BLE001 - the reconcile tick: a bug in one round must not end the loop
                _log.exception("a round failed")
                self.stop.wait(_CALM_S)
            idle_s = _IDLE_S[0] if busy else min(idle_s * 2, _IDLE_S[1])
            if busy:
                self._jobs_wake.set()
            else:
                self._rounds_wake.wait(idle_s)


def run_plane(house: House) -> None:
    """Run the control plane until SIGTERM, SIGINT or the death of the parent process."""
    plane = Plane(house)

    def leave(_signal: int, _frame: FrameType | None) -> None:
        plane.stop.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    threading.Thread(target=_follow_parent, args=(plane,), daemon=True).start()
    _log.info("control plane runs")
    plane.run()


def _follow_parent(plane: Plane) -> None:
    """Stop when the process that started us is gone: nobody would stop us later."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    plane.stop.set()
