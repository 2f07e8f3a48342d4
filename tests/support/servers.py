"""A control-plane server in its own process, as a user starts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import stop, wait_until

_ADDRESS = re.compile(r"listening at (http://\S+)")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that takes requests: its address, a token of its owner, and what it wrote."""

    url: str
    token: str
    log: Path
    pid: int


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
