"""A NATS with JetStream to test against: one of our own, in a folder that is gone afterwards."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import create_connection

from tests.support.absent import missing
from tests.support.processes import find_program, free_port, stop, wait_until


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a server that belongs to this test."""
    program = find_program("nats-server")
    if program is None:
        missing("no NATS: apt-get install nats-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bucle-nats-") as folder:
        command = [str(program), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not wait_until(lambda: _answers(port), within_s=20):
                missing(f"{program} was started and did not answer")
            yield f"nats://127.0.0.1:{port}"
        finally:
            stop(process)


def _answers(port: int) -> bool:
    with suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
