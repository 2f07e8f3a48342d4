"""Starting and stopping the programs that tests need beside them."""

import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

PROGRAM_FOLDERS = ("/usr/bin", "/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin", "/snap/bin")


def find_program(*names: str, folders: Sequence[Path | str] = PROGRAM_FOLDERS) -> Path | None:
    """Return the first program that exists, in the order of the names."""
    for name in names:
        for folder in folders:
            if (path := Path(folder) / name).exists():
                return path
    return None


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], *, within_s: float) -> bool:
    """Ask until the answer is yes; tell whether it came in time."""
    pause = threading.Event()
    for _ in range(int(within_s / 0.05)):
        if ready():
            return True
        pause.wait(0.05)
    return False


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask a program that we started to end; insist after five seconds."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
