"""What travels between this process, the fork server and a task: three small formats.

- control: nine bytes, a verb and the task's number; `START` carries two file descriptors.
- channel: a length and a pickle, the request one way; a byte as a sign of life, a length and
  a pickle, the reply the other way.
- status: one fixed struct, written by the fork server when the task is gone.
"""

import socket
import struct
from typing import NamedTuple

START, KILL = b"s", b"k"
ALIVE = b"!"
CONTROL = struct.Struct("!cQ")
LENGTH = struct.Struct("!Q")
_STATUS = struct.Struct("!iddQ")
STATUS_BYTES = _STATUS.size


class Request(NamedTuple):
    """What a task is to do, sent to its process."""

    call: bytes  # the pickled function and its arguments
    preparation: dict[str, object]  # for multiprocessing.spawn.prepare
    output_path: str
    environment: dict[str, str]


class Reply(NamedTuple):
    """What a task answers."""

    value: bytes | None  # the pickled value; None: it failed
    error: bytes | None  # the pickled exception; None: it succeeded or cannot be pickled
    message: str  # the exception in words, "" if it succeeded
    traceback: str
    gpu_s: float | None  # see Usage


class Status(NamedTuple):
    """How a process ended and what it used."""

    exit_code: int  # negative: the signal that killed it
    cpu_s: float
    wall_s: float
    peak_memory_bytes: int

    def encode(self) -> bytes:
        """Write the fixed struct."""
        return _STATUS.pack(*self)

    @classmethod
    def decode(cls, content: bytes) -> "Status":
        """Read the fixed struct."""
        return cls(*_STATUS.unpack(content))


def send_frame(channel: socket.socket, content: bytes) -> None:
    """Send a length and that many bytes."""
    channel.sendall(LENGTH.pack(len(content)))
    channel.sendall(content)


def receive_frame(channel: socket.socket) -> bytes:
    """Wait for a length and that many bytes.

    Raises:
        EOFError: the other side is gone.
    """
    (length,) = LENGTH.unpack(_receive(channel, LENGTH.size))
    return _receive(channel, length)


def _receive(channel: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = channel.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EOFError("the other side is gone")
        content += part
    return bytes(content)
