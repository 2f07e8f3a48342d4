"""Several workers on one port: started, watched, started again, stopped in order.

The kernel spreads connections over the sockets that listen on the port (`SO_REUSEPORT`), so a
worker that is killed takes its own connections with it and nobody else's.  This process serves
nothing: it holds the port's number, and the workers end when it does.
"""

import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bucle.base.errors import Unavailable
from bucle.base.settings import Settings
from bucle.drivers.compute.forkserver import prctl_of_this_system

_READY_S = 60.0
_STOP_S = 15.0
_CALM_S = 5.0  # a worker that lives longer than this is started again at once
_PAUSES_S = (0.0, 0.2, 1.0, 3.0, 10.0)
_TICK_S = 0.1
_TAKEN_TRIES = 15  # workers of a supervisor that was killed let go of the port soon
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LOG = logging.getLogger("bucle.predict")


def exchange_folder(settings: Settings) -> Path:
    """Return the folder in which the workers tell each other what they counted."""
    return settings.home_path / "run" / "predict-workers"


class Worker:
    """One of them, by its number."""

    def __init__(self, number: int, port: int) -> None:
        self.number = number
        self._port = port
        self._deaths = 0
        self._started_at = 0.0
        self._again_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        command = [sys.executable, "-m", "bucle.interfaces.predict", "--worker", str(self.number)]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            env=os.environ | {"BUCLE_PREDICT_PORT": str(self._port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the supervisor, which stops them in order
            preexec_fn=_end_with_parent(),  # noqa: PLW1509 - no threads here
        )
        self._started_at = time.monotonic()
        self._again_at = 0.0

    def wait_ready(self) -> None:
        """Wait until it takes connections.

        Raises:
            Unavailable: it ended, or did not come up in a minute.
        """
        process = self.process
        assert process is not None
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _READY_S)
        if not ready or not process.stdout.readline():
            raise Unavailable(
                f"worker {self.number} of the model server did not start",
                hint="its own words are above; one worker alone: BUCLE_PREDICT_WORKERS=1",
            )

    def watch(self) -> None:
        """Start it again if it died: at once the first time, later and later if it keeps dying."""
        process, now = self.process, time.monotonic()
        assert process is not None
        if process.poll() is None:
            return
        if not self._again_at:
            lived_s = now - self._started_at
            self._deaths = 1 if lived_s > _CALM_S else self._deaths + 1
            pause_s = _PAUSES_S[min(self._deaths, len(_PAUSES_S)) - 1]
            self._again_at = now + pause_s
            _LOG.error(
                "worker %d (process %d) %s; it is started again in %g s",
                self.number,
                process.pid,
                _ending(process.returncode),
                pause_s,
            )
            if process.stdout:
                process.stdout.close()
        if now >= self._again_at:
            self.start()

    def ask(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


class Supervisor:
    """The workers of one model server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: socket.socket | None = None
        self._workers: list[Worker] = []
        self._asked = 0  # how often we were asked to stop

    def run(self, on_ready: Callable[[str], None]) -> None:
        """Serve with all workers until SIGTERM or SIGINT; a second signal ends at once.

        Raises:
            Unavailable: the port is taken, or a worker did not come up.
        """
        settings = self._settings
        folder = exchange_folder(settings)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._held, port = hold_port(settings.host, settings.predict_port)
        self._workers = [Worker(number, port) for number in range(settings.predict_workers)]
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._note)
        try:
            for worker in self._workers:
                worker.start()
            for worker in self._workers:
                worker.wait_ready()
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            on_ready(f"http://{host}:{port}")
            while not self._asked:
                time.sleep(_TICK_S)
                for worker in self._workers:
                    if not self._asked:
                        worker.watch()
        finally:
            self._stop()

    def _note(self, _number: int, _frame: object) -> None:
        self._asked += 1

    def _stop(self) -> None:
        for worker in self._workers:
            worker.ask(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        processes = [worker.process for worker in self._workers if worker.process is not None]
        while any(process.poll() is None for process in processes):
            if time.monotonic() > deadline or self._asked > 1:
                for worker in self._workers:
                    worker.ask(signal.SIGKILL)
            time.sleep(_TICK_S / 4)
        for process in processes:
            if process.stdout:
                process.stdout.close()
        if self._held is not None:
            self._held.close()


def hold_port(host: str, port: int) -> tuple[socket.socket, int]:
    """Take a port for workers that will listen on it; return a socket that holds its number.

    The socket does not listen, so that the kernel gives it no connections.

    Raises:
        Unavailable: somebody else listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for left in reversed(range(_TAKEN_TRIES)):
        try:
            number = _try_alone(family, host, port)
            break
        except OSError as error:
            if not left:
                raise Unavailable(
                    f"{host}:{port} can not be listened on: {error.strerror or error}",
                    hint="another program has the port: set another one (BUCLE_PREDICT_PORT)",
                ) from error
            time.sleep(_TICK_S)
    else:
        raise AssertionError("the last try returns or raises")
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, number))
    return held, number


def _try_alone(family: int, host: str, port: int) -> int:
    """Listen for a moment, as nobody else may: with SO_REUSEPORT, others would not be noticed."""
    with socket.socket(family, socket.SOCK_STREAM) as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind((host, port))
        alone.listen(1)
        return int(alone.getsockname()[1])


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with code {code}"


def _end_with_parent() -> Callable[[], None] | None:
    """Return what a worker calls to be stopped by the kernel when the supervisor dies."""
    libc = prctl_of_this_system()
    if libc is None:
        return None

    def follow() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return follow
