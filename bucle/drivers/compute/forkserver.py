"""The fork server: a small process that has the heavy libraries loaded and forks tasks.

Not multiprocessing's: that one imports the caller's script again for every task (in some
Python releases), tells no processor time, and lets tasks outlive a killed caller.  Here the
end of the control socket, which the system closes however the caller dies, ends every task.
"""

import ctypes
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

from bucle.base.usage import RSS_UNIT_BYTES
from bucle.drivers.compute import task, wire

_PR_SET_PDEATHSIG = 1  # prctl(2), Linux


class _Running(NamedTuple):
    number: int
    status_fd: int
    started_s: float


def main(control_fd: int, preload: Sequence[str]) -> NoReturn:
    """Serve until the control socket closes."""
    for name in preload:
        with suppress(ImportError):  # a library may be newer than what it needs; tasks will say
            importlib.import_module(name)
    # Python 3.12 warns of forking beside threads; the only ones here are idle BLAS threads,
    # whose libraries handle forks.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
    gc.collect()
    gc.freeze()  # tasks share these pages; a collection would copy them
    with socket.socket(fileno=control_fd) as control:
        _Server(control).serve()
    os._exit(0)  # not by the libraries' own ways out, which print what we froze as leaks


class _Server:
    """The loop of one fork server."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, _Running] = {}  # by process id
        self._death = prctl_of_this_system()
        self._wake, wakeup = socket.socketpair()
        self._wake.setblocking(False)
        wakeup.setblocking(False)
        self._wakeup = wakeup

    def serve(self) -> None:
        """Fork, kill and reap, until nobody is left to do it for."""
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._wake in ready:
                    self._drain()
                self._reap()
                if self._control in ready and not self._obey():
                    break
        for process in self._running:
            _kill(process)

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while self._wake.recv(1024):
                pass

    def _obey(self) -> bool:
        """Take one order; `False` when the caller is gone."""
        try:
            order, fds, _, _ = socket.recv_fds(self._control, wire.CONTROL.size, 2)
        except ConnectionResetError:
            return False
        if len(order) < wire.CONTROL.size:
            return False
        verb, number = wire.CONTROL.unpack(order)
        if verb == wire.START:
            self._start(number, *fds)
        else:
            for process, running in self._running.items():
                if running.number == number:
                    _kill(process)
        return True

    def _start(self, number: int, channel_fd: int, status_fd: int) -> None:
        server = os.getpid()
        process = os.fork()
        if process == 0:
            self._become_task(server, channel_fd, status_fd)
        with suppress(PermissionError, ProcessLookupError):  # it has done so, or is gone
            os.setpgid(process, process)
        os.close(channel_fd)
        self._running[process] = _Running(number, status_fd, time.monotonic())

    def _become_task(self, server: int, channel_fd: int, status_fd: int) -> NoReturn:
        """Leave the server behind in the forked process, and run the task."""
        os.setpgid(0, 0)
        if self._death is not None:
            self._death.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:  # it died before we asked to be told
            os._exit(1)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in (status_fd, *(running.status_fd for running in self._running.values())):
            os.close(fd)
        self._control.close()
        self._wake.close()
        self._wakeup.close()
        task.run(channel_fd)

    def _reap(self) -> None:
        """Take the figures of the tasks that ended, and kill what they left running."""
        while self._running:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            _kill(ended.si_pid)  # the group; until it is reaped its number is nobody else's
            process, status, used = os.wait4(ended.si_pid, 0)
            running = self._running.pop(process)
            final = wire.Status(
                exit_code=os.waitstatus_to_exitcode(status),
                cpu_s=used.ru_utime + used.ru_stime,
                wall_s=time.monotonic() - running.started_s,
                peak_memory_bytes=used.ru_maxrss * RSS_UNIT_BYTES,
            )
            with suppress(BrokenPipeError):
                os.write(running.status_fd, final.encode())
            os.close(running.status_fd)


def prctl_of_this_system() -> ctypes.CDLL | None:
    """Return the C library that has `prctl`; `None` where the system has none."""
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _kill(process: int) -> None:
    """Kill a task and all that it started."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)
