"""`bucle up`: API and pages, control plane and model server, in one command.

This process only starts the others, starts again what dies, and stops them in order.  The
model server outlives it if it is killed, goes on answering, and is taken over by the next
`bucle up`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import click

from bucle.base.errors import BucleError, Unavailable
from bucle.base.settings import Settings, load_settings
from bucle.drivers.compute.forkserver import prctl_of_this_system
from bucle.interfaces.cli.prepare import prepare
from bucle.interfaces.cli.talk import say

_READY_S = 60.0
_STOP_S = 15.0
_CALM_S = 5.0  # a child that lives shorter than this is started again only so often
_PATIENCE = 5
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@click.command("up")
@click.option("--home", type=click.Path(path_type=Path), help="The folder of everything.")
@click.option("--host", help="The address to listen on (127.0.0.1).")
@click.option("--port", type=int, help="The port of the API and the pages (8000).")
@click.option("--apply/--no-apply", "applies", default=True, help="Apply ./bucle.yaml first.")
def up(home: Path | None, host: str | None, port: int | None, *, applies: bool) -> None:
    """Start API, pages, jobs, reconciler and model server; Ctrl-C stops them."""
    given = {
        "BUCLE_HOME": home and str(home.absolute()),
        "BUCLE_HOST": host,
        "BUCLE_PORT": port and str(port),
    }
    os.environ.update({name: value for name, value in given.items() if value})
    # The processes share the machine: a thread of OpenMP that spins while it waits for another,
    # which has no processor, makes one row of a small model cost seconds instead of milliseconds.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    ready = prepare(_project_folder() if applies else None)
    if ready.project:
        os.environ.setdefault("BUCLE_PROJECT", ready.project)
    settings, token = load_settings(), ready.token
    children = start(settings)
    say(f"bucle is up: http://{settings.host}:{settings.port}/{settings.project}")
    say(f"  sign in:      http://{settings.host}:{settings.port}/sign-in?token={token}")
    say(f"  model server: {settings.predict_url}")
    say(f"  home:         {settings.home}")
    say(
        f"  as a client:  export BUCLE_SERVER_URL=http://{settings.host}:{settings.port} "
        f"BUCLE_TOKEN={token}"
    )
    say("Ctrl-C stops it")
    try:
        children.watch()
    finally:
        children.stop()
    say("bucle is down")


class Child:
    """One process of the installation, which is started again when it dies."""

    def __init__(self, name: str, program: tuple[str, ...], log: Path, *, outlives: bool) -> None:
        self.name = name
        self._program = program
        self._log = log
        self._outlives = outlives
        self._deaths: list[float] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted = 0  # the pid of a process that an earlier `bucle up` left; 0: none

    def start(self) -> None:
        """Start the process; its talk goes to a log file under the home."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", *self._program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches only this process, which stops the others in order.
                start_new_session=True,
                preexec_fn=None if self._outlives else _die_with_parent(),  # noqa: PLW1509 - no threads here
            )

    def alive(self) -> bool:
        """Tell whether the process runs."""
        if self.adopted:
            return _runs(self.adopted)
        return self.process is not None and self.process.poll() is None

    def revive(self) -> None:
        """Start the process again after it died.

        Raises:
            Unavailable: it dies again and again; the message ends with its last words.
        """
        self.adopted = 0
        now = time.monotonic()
        self._deaths = [moment for moment in self._deaths if now - moment < _CALM_S * _PATIENCE]
        self._deaths.append(now)
        if len(self._deaths) > _PATIENCE:
            raise Unavailable(
                f"the {self.name} keeps dying: {self.last_words()}", hint=f"read {self._log}"
            )
        self.start()

    def stop(self) -> None:
        """Ask the process to stop, and make it stop if it does not."""
        pid = self.adopted or (self.process.pid if self.process else 0)
        if not pid or not self.alive():
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.alive():
            os.kill(pid, signal.SIGKILL)

    def last_words(self) -> str:
        """Return the last line that the process wrote."""
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


class Children:
    """The processes of one installation, in the order in which they start."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children
        self._over = threading.Event()

    def watch(self) -> None:
        """Revive what dies, until a signal asks to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._over.set())
        while not self._over.wait(0.3):
            for child in self._children:
                if not child.alive():
                    say(f"the {child.name} died ({child.last_words()}); starting it again")
                    child.revive()

    def stop(self) -> None:
        """Stop them, the last started first."""
        for child in reversed(self._children):
            child.stop()


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a child calls to be told of our death by the kernel; None: not on this system.

    Without it, a killed `bucle up` would leave an API behind that holds the port.
    """
    libc = prctl_of_this_system()  # loaded here: a forked child must not load anything
    if libc is None:
        return None

    def follow() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return follow


def start(settings: Settings) -> Children:
    """Start the processes and wait until they answer.

    Raises:
        Unavailable: one of them ended, or did not answer in time; with its last words.
    """
    logs = settings.home_path / "logs"
    api = Child("API", ("bucle", "server"), logs / "api.log", outlives=False)
    control = Child("control plane", ("bucle.control",), logs / "control.log", outlives=False)
    predict = Child(
        "model server", ("bucle.interfaces.predict",), logs / "predict.log", outlives=True
    )
    predict.adopted = _running_model_server(settings)
    children = Children([predict, api, control])
    started = [child for child in (predict, api, control) if not child.adopted]
    try:
        for child in started:
            child.start()
        _wait(api, f"http://{settings.host}:{settings.port}/api/health")
        _wait(predict, f"{settings.predict_url}/v2/health/live")
    except BucleError:
        children.stop()
        raise
    return children


def _wait(child: Child, url: str) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if not child.alive():
            raise Unavailable(
                f"the {child.name} ended at once: {child.last_words()}",
                hint="is another `bucle up` running, or the port taken?",
            )
        if _answers(url):
            return
        time.sleep(0.05)
    raise Unavailable(
        f"the {child.name} did not answer at {url} in {_READY_S:.0f} s",
        hint="read the logs under the home",
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return int(answer.status) < 400  # noqa: PLR2004 - HTTP's errors
    except (urllib.error.URLError, OSError):
        return False


def _running_model_server(settings: Settings) -> int:
    """Return the pid of a healthy model server of this home, or 0."""
    try:
        said = json.loads((settings.home_path / "run" / "predict.json").read_text())
        pid, port = int(said["pid"]), int(said["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    healthy = port == settings.predict_port and _answers(f"{settings.predict_url}/v2/health/live")
    return pid if healthy and _runs(pid) else 0


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _project_folder() -> Path | None:
    here = Path.cwd()
    return here if (here / "bucle.yaml").is_file() else None
