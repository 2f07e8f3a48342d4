"""A whole installation in accelerated time, as `bucle up` starts it, with nobody at it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bucle.base.clock import SharedClock
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.interfaces.cli.sign_in import owner_token
from bucle.interfaces.client import Client, connect
from bucle.interfaces.client.replay import Replay
from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Installation:
    """A home, a project's folder, a clock, and the processes that serve them."""

    folder: Path
    environ: dict[str, str]
    clock: SharedClock
    project: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def predict_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def home(self) -> Path:
        return Path(self.environ["BUCLE_HOME"])

    def house(self) -> House:
        """Open the installation in this process, beside its own."""
        return House(load_settings(self.environ))

    def client(self) -> Client:
        token = owner_token(load_settings(self.environ))
        return connect(self.url, token=token, project=self.project)

    def replay(self, client: Client, deployment: str) -> Replay:
        return Replay(client, self.clock, deployment, self.predict_url)

    def up(self) -> None:
        """Start `bucle up` in the project's folder, and wait until it answers."""
        log = self.folder.parent / "up.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bucle", "up"],
                cwd=self.folder, env=self.environ, stdout=file, stderr=file,
            )  # fmt: skip
        said = log.stat().st_size
        assert wait_until(
            lambda: (
                b"Ctrl-C stops it" in log.read_bytes()[said:] or self.process.poll() is not None
            ),
            within_s=120,
        )
        assert self.process.poll() is None, log.read_text()

    def down(self) -> None:
        """Stop as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def kill_control_plane(self) -> None:
        """Kill -9 everything but the model server, the supervisor first, so that nobody revives."""
        assert self.process is not None
        doomed = [self.process.pid, *self._pids_of(b"bucle.control"), *self._pids_of(b"server")]
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        wait_until(lambda: not self._pids_of(b"bucle.control"), within_s=10)

    def kill_model_server(self) -> None:
        """End what is left when an installation was not taken down well."""
        for pid in self._pids_of(b"bucle.interfaces.predict"):
            os.kill(pid, signal.SIGKILL)

    def _pids_of(self, module: bytes) -> list[int]:
        """Return the processes of this home that run a module, by what Linux says of them."""
        found = []
        ours = f"BUCLE_HOME={self.home}".encode()
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                mine = ours in (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mine and module in words and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        return found


@contextmanager
def installation(
    folder: Path, project: Path, name: str, start: datetime, settings: Mapping[str, str]
) -> Iterator[Installation]:
    """Copy a project, set a clock, and start everything; stop it in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(project, folder / "project", ignore=shutil.ignore_patterns("__pycache__"))
    clock = SharedClock.create(folder / "clock", start)
    port = free_ports()
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("BUCLE_")},
        "BUCLE_HOME": str(folder / "home"),
        "BUCLE_PROJECT": name,
        "BUCLE_CLOCK_URL": f"shared:{folder / 'clock'}",
        "BUCLE_PORT": str(port),
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    there = Installation(
        folder=folder / "project", environ=environ, clock=clock, project=name, port=port
    )
    there.up()
    try:
        yield there
    finally:
        there.down()
        there.kill_model_server()


def free_ports() -> int:
    """Return a port such that it and the next one are free now."""
    for _ in range(50):
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with socket.socket() as second:
                try:
                    second.bind(("127.0.0.1", port + 1))
                except (OSError, OverflowError):
                    continue
                return port
    raise AssertionError("no two free ports in a row")
