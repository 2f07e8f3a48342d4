"""The servers that speak MLflow's protocol: ours, `mlflow server` and FastTrackML.

A peer is optional: where it is not installed, the script says so and measures the others.

    BUCLE_MLFLOW_PYTHON   the Python of an environment with mlflow 3.x, which `make clients` makes:
                          it runs `mlflow server`, and its client drives all three servers
                          (default: .venv-mlflow3)
    BUCLE_FASTTRACKML     the program `fml` (default: the one in .venv-fasttrackml)
    BUCLE_BENCH_POSTGRESQL_URL  a server where databases may be made (default: 127.0.0.1:5432)

FastTrackML is pinned in `peers.txt` beside this file, with how to install it.
"""

import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.processes import cpu_s

ROOT = Path(__file__).resolve().parents[2]
MLFLOW_PYTHON = os.environ.get("BUCLE_MLFLOW_PYTHON", str(ROOT / ".venv-mlflow3/bin/python"))
FASTTRACKML = os.environ.get("BUCLE_FASTTRACKML", str(ROOT / ".venv-fasttrackml/bin/fml"))
POSTGRESQL = os.environ.get("BUCLE_BENCH_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432")
_LIMIT_S = 180
_QUIET_CPU_S = 0.2  # of a second
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A server that runs."""

    name: str
    url: str
    pid: int
    database: str  # "": SQLite; otherwise the name of its database on PostgreSQL
    store: str  # the file of SQLite, or the URL
    start_wall_s: float  # from the start to the first answer
    start_cpu_s: float
    environment: dict[str, str] = field(default_factory=dict)  # what a client needs
    settings: dict[str, str] = field(default_factory=dict)  # ours: what BUCLE_... says

    @property
    def kind(self) -> str:
        """`bucle`, `mlflow` or `fasttrackml`."""
        return _kind(self.name)


AS_IT_COMES = "mlflow as it comes"  # with its four workers and its job runner


def hub_names(*, postgresql: bool = True) -> list[str]:
    """Return the servers that can be started here, and say which can not and why."""
    names = ["bucle"]
    if Path(MLFLOW_PYTHON).exists():
        names.append("mlflow")
    else:
        _say(f"no mlflow at {MLFLOW_PYTHON}: type `make clients`, or set BUCLE_MLFLOW_PYTHON")
    if Path(FASTTRACKML).exists():
        names.append("fasttrackml")
    else:
        _say(
            f"no fasttrackml at {FASTTRACKML}: see benchmarks/support/peers.txt, "
            "or set BUCLE_FASTTRACKML"
        )
    if postgresql and _has_postgresql():
        names += [f"{name} on postgresql" for name in names if name in {"bucle", "mlflow"}]
    elif postgresql:
        _say(f"no PostgreSQL at {POSTGRESQL}: set BUCLE_BENCH_POSTGRESQL_URL")
    return names


def need_client() -> None:
    """End with a sentence if there is no mlflow client to drive the servers with."""
    if not Path(MLFLOW_PYTHON).exists():
        _say(
            f"there is no mlflow at {MLFLOW_PYTHON}, whose client drives every server: "
            "type `make clients`, or set BUCLE_MLFLOW_PYTHON; nothing was measured"
        )
        sys.exit(0)


@contextmanager
def hub(
    name: str, folder: Path, *, mlflow_workers: int = 1, before: Callable[[Hub], None] | None = None
) -> Iterator[Hub]:
    """Start a server by its name over a folder, yield it once it answers, and stop it.

    `before` is called when the tables are there and the server is stopped again: it may fill
    them; then the server starts, and is the one that is measured.

    The folder may hold what an earlier hub of the same name left there (SQLite).  MLflow gets
    one worker unless asked otherwise, and neither telemetry nor its job runner: idle processes
    would be counted as the cost of its calls.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _database(name.partition(" on ")[2]) as database:
        if before is not None:
            with _running(name, folder, database, mlflow_workers) as made:
                pass
            before(made)
        with _running(name, folder, database, mlflow_workers) as running:
            yield running


@contextmanager
def _running(name: str, folder: Path, database: str, mlflow_workers: int) -> Iterator[Hub]:
    kind = _kind(name)
    if name == AS_IT_COMES:
        command, _, port = _command(kind, folder, database, 4)
        environment = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    else:
        command, environment, port = _command(kind, folder, database, mlflow_workers)
    log = folder / "server.log"
    started = time.perf_counter()
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, env=os.environ | environment, stdin=subprocess.DEVNULL,
            stdout=file, stderr=file, cwd=folder, start_new_session=True,
        )  # fmt: skip
    try:
        url = _answering(kind, server, log, port)
        wall_s, used_s = time.perf_counter() - started, cpu_s(server.pid)
        if name == AS_IT_COMES:
            _settle(server.pid)
        yield Hub(
            name=name, url=url, pid=server.pid, database=database.rpartition("/")[2],
            store=database or str(folder / _FILES[kind]), start_wall_s=wall_s, start_cpu_s=used_s,
            environment=_client_environment(kind, url, environment), settings=environment,
        )  # fmt: skip
    finally:
        _stop(server)


def _kind(name: str) -> str:
    return name.split(maxsplit=1)[0]


_FILES = {"bucle": "bucle.db", "mlflow": "mlflow.db", "fasttrackml": "fasttrackml.db"}


def _command(
    kind: str, folder: Path, database: str, workers: int
) -> tuple[list[str], dict[str, str], int]:
    if kind == "bucle":
        ours = {"BUCLE_HOME": str(folder), "BUCLE_DATABASE_URL": database}
        return [sys.executable, "-m", "bucle", "server", "--port", "0"], ours, 0
    port = _free_port()
    if kind == "fasttrackml":
        return [
            FASTTRACKML, "server", "-d", f"sqlite://{folder / _FILES[kind]}", "-l", "warn",
            "-a", f"127.0.0.1:{port}", "--default-artifact-root", str(folder / "artifacts"),
        ], {}, port  # fmt: skip
    return [
        MLFLOW_PYTHON, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--artifacts-destination", str(folder / "artifacts"),
        "--backend-store-uri", database or f"sqlite:///{folder / _FILES[kind]}",
    ], _QUIET, port  # fmt: skip


def _answering(kind: str, server: "subprocess.Popen[bytes]", log: Path, port: int) -> str:
    """Return the address at which the server answers to a request for the experiments."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"{kind} did not start:\n{log.read_text()[-2000:]}")
        said = re.search(r"listening at (http://\S+)", log.read_text()) if kind == "bucle" else None
        url = said.group(1) if said else f"http://127.0.0.1:{port}"
        if (said or port) and _has_answered(f"{url}/health"):
            return url
        time.sleep(0.02)
    sys.exit(f"{kind} did not answer within {_LIMIT_S} s")


def _settle(pid: int) -> None:
    """Wait until what goes on starting after the first answer is over: workers, the job runner."""
    for _ in range(_LIMIT_S):
        before = cpu_s(pid)
        time.sleep(1)
        if cpu_s(pid) - before < _QUIET_CPU_S:
            return


def _has_answered(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _client_environment(kind: str, url: str, server: dict[str, str]) -> dict[str, str]:
    environment = {"MLFLOW_TRACKING_URI": url, "PYTHONPATH": str(ROOT / "benchmarks")} | _QUIET
    if kind == "bucle":
        create = [sys.executable, "-m", "bucle", "access", "create-token"]
        made = subprocess.run(
            create, env=os.environ | server, check=True, capture_output=True, text=True
        )
        environment["MLFLOW_TRACKING_TOKEN"] = made.stdout.strip()
    return environment


@contextmanager
def _database(kind: str) -> Iterator[str]:
    """Make a database on PostgreSQL, yield its URL, and drop it; "" for SQLite."""
    if not kind:
        yield ""
        return
    import psycopg

    name = f"bucle_bench_{secrets.token_hex(4)}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        try:
            yield f"{POSTGRESQL}/{name}"
        finally:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def _has_postgresql() -> bool:
    import psycopg

    try:
        psycopg.connect(f"{POSTGRESQL}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
