"""Run a model in a process of its own: what it takes, and how it dies, is its own affair.

The model server keeps the signature and the checks; the child loads the package and answers
columns.  A child that dies fails the requests that it had in hand and is started again for the
next; one that takes more memory than it may is ended, with the reason.  This is no sandbox: the
child runs as the same user.
"""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

import msgspec
import numpy as np

from bucle.base.errors import BucleError, Invalid, Refused
from bucle.drivers.blobs import open_blobs
from bucle.lifecycle.registry import Pickles, load_package

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_HEAD = struct.Struct("<I")
_LOOK_S = 0.05  # how often the memory of a child is looked at while it works
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_DEATHS, _WITHIN_S = 5, 60.0  # a model that dies more often than this is not started again


class Column(msgspec.Struct, array_like=True):
    """A column on its way between the processes."""

    name: str
    kind: str  # numpy's name of the type; "O": the values as they are
    shape: tuple[int, ...]
    content: bytes | list[Any]


class Task(msgspec.Struct, array_like=True):
    """Which package a child is to load."""

    folder: str
    manifest: str
    signature: str
    public_hex: str
    pickles: Pickles


class Answer(msgspec.Struct, array_like=True):
    """What a child says: columns, or what went wrong."""

    columns: list[Column]
    error: str = ""  # "": nothing
    hint: str = ""
    is_callers: bool = False  # whether the caller can mend it


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """How models are kept apart."""

    memory_bytes: int = 0  # that one may take; 0: any


class IsolatedRunner:
    """A model in a child; see `registry.Runner`."""

    def __init__(self, task: Task, isolation: Isolation) -> None:
        """Start the child and wait until it has loaded the package.

        Raises:
            Refused: it can not load it, or takes more memory than it may.
        """
        self._task = task
        self._limit = isolation.memory_bytes
        self._lock = threading.Lock()
        self._deaths: list[float] = []
        self._child: _Child | None = None
        with self._lock:
            self._start()

    def run(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Let the child predict.

        Raises:
            Invalid: the rows are not what the model takes.
            RuntimeError: the model failed, or its process ended.
        """
        with self._lock:
            if self._child is None:
                self._start()
            child = self._child
            assert child is not None
            try:
                answer = child.ask(msgspec.msgpack.encode(_packed(columns)), self._limit)
            except EOFError as error:
                self._child = None
                self._deaths.append(monotonic())
                raise RuntimeError(str(error)) from error
        if answer.error:
            if answer.is_callers:
                raise Invalid(answer.error, hint=answer.hint)
            raise RuntimeError(answer.error)
        return _unpacked(answer.columns)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._child is not None:
                self._child.end()
                self._child = None

    def _start(self) -> None:
        self._deaths = [at for at in self._deaths if monotonic() - at < _WITHIN_S]
        if len(self._deaths) >= _DEATHS:
            raise RuntimeError(
                f"the model's process ended {len(self._deaths)} times within {_WITHIN_S:g} s"
            )
        child = _Child()
        try:
            answer = child.ask(msgspec.msgpack.encode(self._task), self._limit)
        except EOFError as error:
            raise Refused(f"the package can not be loaded on its own: {error}") from error
        if answer.error:
            child.end()
            raise Refused(answer.error, hint=answer.hint)
        self._child = child


class _Child:
    """A process that has one package."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "bucle.interfaces.predict.isolated", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._socket = ours
        # An engine that nobody asks for any more is forgotten, and its process with it.
        self._ending = weakref.finalize(self, _end, self._process, ours)

    def ask(self, content: bytes, limit_bytes: int) -> Answer:
        """Send a message and return the answer.

        Raises:
            EOFError: the process ended, or was ended for the memory that it took.
        """
        try:
            _send(self._socket, content)
            while not select.select([self._socket], [], [], _LOOK_S)[0]:
                self._watch(limit_bytes)
            answer = msgspec.msgpack.decode(_receive(self._socket), type=Answer)
        except (OSError, EOFError) as error:
            self.end()
            raise EOFError(self._told(error)) from error
        self._watch(limit_bytes)
        return answer

    def end(self) -> None:
        """End it."""
        self._ending()

    def _watch(self, limit_bytes: int) -> None:
        used = _resident_bytes(self._process.pid) if limit_bytes else 0
        if used > limit_bytes:
            self.end()
            raise EOFError(
                f"the model's process took {used >> 20} MB of the {limit_bytes >> 20} MB "
                "that it may take, and was ended"
            )

    def _told(self, error: BaseException) -> str:
        if str(error).startswith("the model's"):
            return str(error)
        code = self._process.returncode
        if code is not None and code < 0:
            return f"the model's process was ended by {signal.Signals(-code).name}"
        return f"the model's process ended with code {code}"


def _end(process: "subprocess.Popen[bytes]", line: socket.socket) -> None:
    line.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_LOOK_S)  # it may have died of itself: its own code is told then
    process.kill()
    process.wait()


def main() -> int:
    """Be a child: load a package, then answer until the other end is closed."""
    line = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the model server
    task = msgspec.msgpack.decode(_receive(line), type=Task)
    folder = Path(task.folder)
    try:
        predictor = load_package(
            open_blobs(f"file://{folder}"),
            task.manifest,
            task.signature,
            task.public_hex,
            folder,
            pickles=task.pickles,
        )
    except BucleError as error:
        _send(line, msgspec.msgpack.encode(Answer([], error.message, error.hint)))
        return 1
    _send(line, msgspec.msgpack.encode(Answer([])))
    while True:
        try:
            columns = msgspec.msgpack.decode(_receive(line), type=list[Column])
        except EOFError:
            return 0
        try:
            answer = Answer(_packed(predictor.predict_checked(_unpacked(columns))))
        except BucleError as error:
            answer = Answer([], error.message, error.hint, is_callers=True)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            told = (str(error).strip().splitlines() or [""])[0][:300]
            answer = Answer([], f"{type(error).__name__}: {told}")
        _send(line, msgspec.msgpack.encode(answer))


def _packed(columns: Mapping[str, Array]) -> list[Column]:
    return [
        Column(name, "O", array.shape, array.tolist())
        if array.dtype.kind == "O"
        else Column(name, array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())
        for name, array in columns.items()
    ]


def _unpacked(columns: list[Column]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for column in columns:
        if isinstance(column.content, bytes):
            array = np.frombuffer(column.content, np.dtype(column.kind)).reshape(column.shape)
        else:
            array = np.array(column.content, object)
        found[column.name] = array
    return found


def _send(line: socket.socket, content: bytes) -> None:
    line.sendall(_HEAD.pack(len(content)) + content)


def _receive(line: socket.socket) -> bytes:
    (length,) = _HEAD.unpack(_exactly(line, _HEAD.size))
    return _exactly(line, length)


def _exactly(line: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = line.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EOFError("closed")
        content += part
    return bytes(content)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):  # it is gone, or this system has no /proc
        return 0


if __name__ == "__main__":
    sys.exit(main())
