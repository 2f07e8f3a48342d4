"""Tasks as processes of this machine, forked from a server that has the libraries loaded."""

import json
import multiprocessing
import os
import pickle
import queue
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from bucle.base.errors import Invalid, Unavailable
from bucle.base.quantity import format_duration
from bucle.base.usage import Usage
from bucle.drivers.compute import wire
from bucle.drivers.compute.protocol import Outcome, TaskOptions, blame

T = TypeVar("T")

# Loaded once in the fork server, as far as this process has them loaded.  Only libraries
# that a fork does not hurt, and never the user's own code, which may change.
_HEAVY = frozenset({"numpy", "pandas", "pyarrow", "scipy", "sklearn"})
_HOUSE = "bucle"
_SERVER = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path'];"
    "from bucle.drivers.compute.forkserver import main; main(given['fd'], given['preload'])"
)


class _Task(NamedTuple):
    number: int
    name: str
    request: wire.Request
    timeout_s: float | None
    future: Future[Outcome[Any]]


class ProcessCompute:
    """`process:`, or `process:?workers=2&preload=numpy,sklearn.ensemble`.

    Without `preload`, the fork server loads those of the known heavy libraries that this
    process has loaded when it submits its first task.
    """

    def __init__(self, *, workers: int, preload: Sequence[str] | None = None) -> None:
        self._workers = workers
        self._preload = preload
        self._numbers = count(1)
        self._waiting: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._server: _ForkServer | None = None  # None: not started yet
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(
        self,
        function: Callable[..., T],
        *args: object,
        timeout_s: float | None = None,
        options: TaskOptions | None = None,
    ) -> Future[Outcome[T]]:
        """Queue a call; it runs when a worker is free."""
        request = _request(function, args, options or TaskOptions())
        future: Future[Outcome[T]] = Future()
        name = _name(function)
        with self._lock:
            if self._closed:
                raise Unavailable(f"{name} cannot run: compute is closed")
            self._waiting.put(_Task(next(self._numbers), name, request, timeout_s, future))
            if len(self._threads) < self._workers:
                self._add_worker()
        return future

    def close(self) -> None:
        """Kill what is running and cancel what waits."""
        with self._lock:
            self._closed = True
            while not self._waiting.empty():
                if task := self._waiting.get():
                    task.future.cancel()
            for _ in self._threads:
                self._waiting.put(None)
            if self._server is not None:
                self._server.close()
        for thread in self._threads:
            thread.join()

    def _add_worker(self) -> None:
        # Daemons: a program that ends does not wait for tasks, and its end kills them.
        name = f"bucle-compute-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            if task.future.set_running_or_notify_cancel():
                with _Settled(task.future):
                    task.future.set_result(self._run(task))

    def _run(self, task: _Task) -> Outcome[Any]:
        with _Conversation(self._live_server(), task) as conversation:
            reply, status = conversation.wait()
        usage = Usage(
            cpu_s=status.cpu_s,
            wall_s=status.wall_s,
            peak_memory_bytes=status.peak_memory_bytes,
            gpu_s=reply.gpu_s if reply else None,
        )
        if reply and reply.value is not None:
            return Outcome(value=pickle.loads(reply.value), usage=usage)  # noqa: S301 - our own task
        timed_out = conversation.timed_out
        error = _remote_error(task, reply) if reply else _death(task, status, timed_out=timed_out)
        blame(error, usage)
        raise error

    def _live_server(self) -> "_ForkServer":
        """Return the fork server, started now if there is none or if it was killed."""
        with self._lock:
            if self._closed:
                raise Unavailable("compute is closed")
            if self._server is None or not self._server.is_alive():
                loaded = _loaded_heavy_modules() if self._preload is None else self._preload
                self._server = _ForkServer(loaded)
            return self._server


class _ForkServer:
    """The fork server's process, as seen from here."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        given = {"path": _absolute_path(), "fd": theirs.fileno(), "preload": list(preload)}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-c", _SERVER, json.dumps(given)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; we tell the tasks
            )

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def start(self, number: int, fds: Sequence[int]) -> None:
        """Fork a task that holds these file descriptors."""
        self._send(wire.START, number, fds)

    def kill(self, number: int) -> None:
        """Kill a task, if it still runs."""
        self._send(wire.KILL, number, ())

    def close(self) -> None:
        """End the server, which ends its tasks."""
        with self._lock:
            self._control.close()
        self._process.wait()

    def _send(self, verb: bytes, number: int, fds: Sequence[int]) -> None:
        try:
            with self._lock:
                socket.send_fds(self._control, [wire.CONTROL.pack(verb, number)], fds)
        except OSError as error:
            raise Unavailable(f"the fork server is gone: {error}") from error


class _Conversation:
    """One task's channel and status pipe, from its start to its end."""

    def __init__(self, server: _ForkServer, task: _Task) -> None:
        self.timed_out = False
        self._server = server
        self._task = task
        self._deadline_s: float | None = None  # None: no limit, or not begun
        self._channel, theirs = socket.socketpair()
        self._status_fd, status_fd = os.pipe()
        self._answer = bytearray()
        try:
            server.start(task.number, [theirs.fileno(), status_fd])
        except Unavailable:
            self.__exit__()
            raise
        finally:
            theirs.close()
            os.close(status_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        os.close(self._status_fd)

    def wait(self) -> tuple[wire.Reply | None, wire.Status]:
        """Send the request and wait for the end; no reply means that the task died."""
        with suppress(OSError):  # it died before it read; the status will say how
            wire.send_frame(self._channel, pickle.dumps(self._task.request))
        self._channel.setblocking(False)
        status = self._listen()
        if not status:
            raise Unavailable(f"{self._task.name} was stopped: its fork server ended")
        self._receive()
        return self._reply(), wire.Status.decode(status)

    def _listen(self) -> bytes:
        """Collect the answer until the status comes; kill the task when its time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._status_fd, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select(self._left_s())}
                if not ready and not self.timed_out:
                    self.timed_out = True
                    self._server.kill(self._task.number)
                if self._channel in ready and not self._receive():
                    selector.unregister(self._channel)
                if self._status_fd in ready:
                    return os.read(self._status_fd, wire.STATUS_BYTES)

    def _left_s(self) -> float | None:
        if self._deadline_s is None or self.timed_out:
            return None
        return max(0.0, self._deadline_s - time.monotonic())

    def _begin(self) -> None:
        """Let the time run from the task's first sign of life, not from its server's start."""
        if not self._answer and self._task.timeout_s is not None:
            self._deadline_s = time.monotonic() + self._task.timeout_s

    def _receive(self) -> bool:
        """Take what has come; `False` when nothing more will."""
        try:
            while part := self._channel.recv(1 << 20):
                self._begin()
                self._answer += part
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        return False

    def _reply(self) -> wire.Reply | None:
        head = len(wire.ALIVE) + wire.LENGTH.size
        if len(self._answer) < head:
            return None
        (length,) = wire.LENGTH.unpack(self._answer[len(wire.ALIVE) : head])
        if len(self._answer) < head + length:
            return None
        reply = pickle.loads(self._answer[head:])  # noqa: S301 - our own task
        return reply if isinstance(reply, wire.Reply) else None


class _Settled:
    """Hands whatever is raised to the future: the one who waits there is the door."""

    def __init__(self, future: Future[Outcome[Any]]) -> None:
        self._future = future

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True


def _request(
    function: Callable[..., object], args: Sequence[object], options: TaskOptions
) -> wire.Request:
    """Write a call down.

    Raises:
        Invalid: the function is not importable, an argument cannot be pickled, or this is a
            script that starts tasks while a task imports it.
    """
    name = _name(function)
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise Invalid(
            f"{name} cannot be started while its script is being imported by a task",
            hint="put what starts tasks under: if __name__ == '__main__':",
        )
    try:
        call = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise Invalid(
            f"{name} cannot be sent to another process: {error}",
            hint="define the function at the top of a module (no lambda, no closure) and pass "
            "arguments that can be pickled",
        ) from error
    main = _main_module() if b"__main__" in call else {}
    if name.startswith("__main__.") and not main:
        raise Invalid(
            f"{name} is defined in a notebook or a prompt, where no other process can find it",
            hint="write it in a module (a .py file) and import it",
        )
    preparation = {"sys_path": _absolute_path(), "sys_argv": sys.argv, "dir": os.getcwd()} | main  # noqa: PTH109 - text, not a path object
    return wire.Request(call, preparation, options.output_path, dict(options.environment))


def _name(function: Callable[..., object]) -> str:
    """Return a function's full name, of its class if it is an object that can be called."""
    named = function if hasattr(function, "__qualname__") else type(function)
    module = getattr(named, "__module__", None) or "builtins"  # a method of a built-in has none
    return f"{module}.{named.__qualname__}"


def _main_module() -> dict[str, object]:
    """Say how a task finds the caller's script, in the words of `multiprocessing.spawn`."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return {"init_main_from_name": spec.name}
    file = getattr(main, "__file__", None)
    return {"init_main_from_path": os.path.abspath(file)} if file else {}  # noqa: PTH100 - text


def _absolute_path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is the current folder


def _loaded_heavy_modules() -> tuple[str, ...]:
    """Return what this process has loaded of the house, and of the heavy libraries in public."""
    return tuple(name for name in sorted(sys.modules) if _is_worth_loading(name))


def _is_worth_loading(name: str) -> bool:
    library = name.partition(".")[0]
    if library == _HOUSE:  # a step imports most of it: a third of a second each time
        return True
    return library in _HEAVY and name.count(".") <= 1 and "._" not in name


def _remote_error(task: _Task, reply: wire.Reply) -> BaseException:
    """Return what the task raised, with the traceback of its process as a note."""
    error: BaseException = Unavailable(f"{task.name} ended itself: {reply.message}")
    if reply.error is not None:
        try:
            error = pickle.loads(reply.error)  # noqa: S301 - our own task
        except (pickle.PicklingError, ImportError, AttributeError, TypeError):
            error = RuntimeError(reply.message)  # its class exists only over there
    elif not reply.message.startswith(("SystemExit", "KeyboardInterrupt", "GeneratorExit")):
        error = RuntimeError(reply.message)  # its class cannot be pickled
    error.add_note(f"In the process of {task.name}:\n{reply.traceback}")
    return error


def _death(task: _Task, status: wire.Status, *, timed_out: bool) -> Unavailable:
    """Say how a task ended that gave no answer."""
    if timed_out:
        limit = format_duration(task.timeout_s or 0.0)
        return Unavailable(f"{task.name} was stopped: it took longer than {limit}")
    if status.exit_code >= 0:
        return Unavailable(f"{task.name} ended with exit code {status.exit_code} and no answer")
    name = signal.Signals(-status.exit_code).name
    hint = "the system may have run out of memory" if name == "SIGKILL" else ""
    return Unavailable(f"{task.name} was killed by {name}", hint=hint)
