"""Sockets to listen on: a port, a port that several processes share, or a path."""

import asyncio
import fcntl
import os
import socket
import stat
import termios
from array import array
from contextlib import suppress
from pathlib import Path

from bucle.base.errors import Unavailable

_BACKLOG = 2048


def listen_tcp(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Listen on a port; 0 takes a free one.

    `shared`: several processes each listen on it, and the kernel deals connections out to them
    (Linux and the BSDs; elsewhere let the workers inherit one socket).

    Raises:
        Unavailable: the address is taken or not ours, or this system has no shared ports.
    """
    listening = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
    )
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A caller whose machine is gone says nothing; the kernel asks it every now and then.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if shared:
            _share(listening)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"{host}:{port} can not be listened on: {error.strerror or error}",
            hint="another program has the port: set another one (BUCLE_PREDICT_PORT)",
        ) from error
    return listening


def listen_unix(path: Path, *, mode: int = 0o600) -> socket.socket:
    """Listen on a path of this machine, which this user alone may open unless `mode` says more.

    Raises:
        Unavailable: something else has the path, or it can not be made.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _is_answering(path):
            path.unlink()  # left by a process that was killed
        before = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        path.chmod(mode)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unavailable(f"{path} can not be listened on: {error.strerror or error}") from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the address that callers write."""
    if listening.family not in {socket.AF_INET, socket.AF_INET6}:
        return f"unix:{listening.getsockname()}"
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def in_kernel(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes were sent and not taken by the other side; 0 where nobody tells."""
    connected = transport.get_extra_info("socket")
    count = array("i", [0])
    with suppress(OSError):
        fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, count)
    return count[0]


def _share(listening: socket.socket) -> None:
    option = getattr(socket, "SO_REUSEPORT", None)
    if option is None:
        raise Unavailable("several processes can not share a port on this system")
    listening.setsockopt(socket.SOL_SOCKET, option, 1)


def _is_answering(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0
