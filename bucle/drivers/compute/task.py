"""The life of one task, in its own process."""

import atexit
import io
import multiprocessing
import os
import pickle
import socket
import sys
import traceback
from multiprocessing import spawn
from types import TracebackType
from typing import NoReturn, Self, cast

from bucle.base.errors import Invalid
from bucle.base.usage import Meter, measure
from bucle.drivers.compute import wire


def run(channel_fd: int) -> NoReturn:
    """Read the request, do it, answer, and end the process."""
    with socket.socket(fileno=channel_fd) as channel:
        request = cast("wire.Request", pickle.loads(wire.receive_frame(channel)))  # noqa: S301 - from our own caller
        channel.sendall(wire.ALIVE)
        with measure() as meter, _Answer(channel, meter) as answer:
            _redirect(request.output_path)
            os.environ.update(request.environment)
            _prepare(request)
            function, args = pickle.loads(request.call)  # noqa: S301 - from our own caller
            answer.send_value(function(*args))
    atexit._run_exitfuncs()  # noqa: SLF001 - temporary folders are removed; no threads are joined
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Answer:
    """Sends the value, or whatever was raised: this is the door of the task's process."""

    def __init__(self, channel: socket.socket, meter: Meter) -> None:
        self._channel = channel
        self._meter = meter

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self._send(_failure(error, self._meter.usage().gpu_s))
        return True

    def send_value(self, value: object) -> None:
        """Send the value back.

        Raises:
            Invalid: it cannot be pickled.
        """
        try:
            content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise Invalid(
                f"a task returned a {type(value).__name__} that cannot be sent back: {error}",
                hint="store it as a blob and return its name",
            ) from error
        self._send(
            wire.Reply(
                value=content,
                error=None,
                message="",
                traceback="",
                gpu_s=self._meter.usage().gpu_s,
            )
        )

    def _send(self, reply: wire.Reply) -> None:
        wire.send_frame(self._channel, pickle.dumps(reply))


def _failure(error: BaseException, gpu_s: float | None) -> wire.Reply:
    return wire.Reply(
        value=None,
        error=_pickled(error),
        message="".join(traceback.format_exception_only(error)).strip(),
        traceback="".join(traceback.format_exception(error)).rstrip(),
        gpu_s=gpu_s,
    )


def _pickled(error: BaseException) -> bytes | None:
    """Pickle an exception, if it survives the journey; many take other arguments than they keep."""
    if not isinstance(error, Exception):  # SystemExit must not end the caller
        return None
    try:
        content = pickle.dumps(error)
        pickle.loads(content)  # noqa: S301 - our own bytes
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, KeyError):
        return None
    return content


def _prepare(request: wire.Request) -> None:
    """Take over the caller's path and folder and, if the function lives there, its script."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # a fork would repeat the server's numbers
    # As multiprocessing does it: a script that starts tasks while it is imported is told so.
    process = multiprocessing.current_process()
    process.__dict__["_inheriting"] = True
    try:
        spawn.prepare(request.preparation)
    finally:
        del process.__dict__["_inheriting"]


def _redirect(output_path: str) -> None:
    if not output_path:
        return
    fd = os.open(output_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(fd, sys.stdout.fileno())
    os.dup2(fd, sys.stderr.fileno())
    os.close(fd)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # who follows the file sees each line
