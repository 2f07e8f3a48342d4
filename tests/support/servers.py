"""A control-plane server in its own process, as a user starts it."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import free_port, stop, wait_until

_ADDRESS = re.compile(r"listening at (http://\S+)")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that takes requests: its address, a token of its owner, and what it wrote."""

    url: str
    token: str
    log: Path
    pid: int

    @property
    def purge(self) -> str:
        """The command that forgets for good what was deleted here."""
        ours = [f"BUCLE_SERVER_URL={self.url}", f"BUCLE_TOKEN={self.token}"]
        return shlex.join(["env", *ours, sys.executable, "-m", "bucle", "tracking", "purge"])


class Killable:
    """A server on one port that a test may kill and start again."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        ours = {f"BUCLE_{name.upper()}": value for name, value in settings.items()}
        self.environ = {**os.environ, "BUCLE_HOME": str(home), **ours}
        self._command = [sys.executable, "-m", "bucle", "server", "--port", str(port)]
        self._log = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it, and wait until it takes requests."""
        self._log.unlink(missing_ok=True)
        with self._log.open("wb") as file:
            self._process = subprocess.Popen(self._command, env=self.environ, stderr=file)
        assert wait_until(lambda: bool(_said(self._log)), within_s=60), self._log.read_text()

    def kill(self) -> None:
        """Kill it as nothing can be caught: -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def token(self) -> str:
        """Make a token of the owner."""
        command = [sys.executable, "-m", "bucle", "access", "create-token"]
        done = subprocess.run(command, env=self.environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()


@contextmanager
def killable_server(home: Path, **settings: str) -> Iterator[Killable]:
    """Yield a server that was not started yet; it is stopped in the end."""
    running = Killable(home, **settings)
    try:
        yield running
    finally:
        if running._process is not None:
            stop(running._process)


@contextmanager
def server(home: Path, **settings: str) -> Iterator[Running]:
    """Start `bucle server` on a free port over a home, and stop it in the end."""
    ours = {f"BUCLE_{name.upper()}": value for name, value in settings.items()}
    environ = {**os.environ, "BUCLE_HOME": str(home), **ours}
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    bucle = [sys.executable, "-m", "bucle"]
    with log.open("wb") as file:
        process = subprocess.Popen([*bucle, "server", "--port", "0"], env=environ, stderr=file)
    try:
        assert wait_until(lambda: _said(log) or process.poll() is not None, within_s=60)
        address = _said(log)
        assert address, f"the server did not start:\n{log.read_text(encoding='utf-8')}"
        token = subprocess.run([*bucle, "access", "create-token"], env=environ, check=True,
                               capture_output=True, text=True).stdout.strip()  # fmt: skip
        yield Running(url=address, token=token, log=log, pid=process.pid)
    finally:
        stop(process)


def _said(log: Path) -> str:
    found = _ADDRESS.search(log.read_text(encoding="utf-8"))
    return found.group(1) if found else ""
