"""Thousands of model servers that follow one control plane: how long a change takes, and its cost.

    python benchmarks/fleet_followers.py [--followers 5000] [--waves 0.01 0.1 0.5 1]
        [--database-url postgresql+psycopg://...]

A real control plane (`bucle server` and `python -m bucle.control`, a process each) and followers
that are simulated in this process: each keeps one connection, asks for the plan by long poll and,
when it gets one, asks again at once to tell that it serves it, as a model server does.  The plan is
changed twice: it goes out in waves, and then a roll-back goes to everybody at once.

Beside the seconds that a change takes stands the bar of 30; processor seconds are user and system
time of both processes (and of PostgreSQL's backends) over the change, and over a quiet minute.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pyarrow as pa
from report import Figure, arguments, tell
from support.processes import cpu_s, database_cpu_s

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House
from bucle.lifecycle import registry, serving
from bucle.lifecycle.serving import fleet

BAR_S = 30.0
WAIT_S = 30
_DOORS = 100  # so many followers connect at once
_LIMIT_S = 300.0


class Fleet:
    """The followers."""

    def __init__(self, port: int, token: str, count: int) -> None:
        self._port = port
        self._token = token
        self._count = count
        self._doors = asyncio.Semaphore(_DOORS)
        self.plans = [""] * count
        self.failed = 0
        self.polls = 0
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._follow(number))

    async def all_have(self, plan: str) -> float:
        """Wait until every follower has a plan; return when that was."""
        async with asyncio.timeout(_LIMIT_S):
            while any(one != plan for one in self.plans):
                self.changed.clear()
                await self.changed.wait()
        return time.perf_counter()

    async def _follow(self, number: int) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while True:
            try:
                if streams is None:
                    async with self._doors:
                        streams = await asyncio.open_connection("127.0.0.1", self._port)
                await self._poll(number, *streams)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self.failed += 1
                streams = None
                await asyncio.sleep(1)

    async def _poll(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        path = (
            f"/api/v1/default/serving-plan/follow?follower=edge-{number}"
            f"&labels=site%3Ds{number % 50}&version=0.1.0"
            f"&healthy=true&problem=&requests=100&errors=0&wait={WAIT_S}"
        )
        writer.write(
            f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self._token}\r\n"
            f"if-none-match: {self.plans[number]}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status, headers = int(head.split(" ", 2)[1]), head.split("\r\n")
        found = dict(line.split(": ", 1) for line in headers[1:] if ": " in line)
        if length := int(found.get("content-length", "0")):
            await reader.readexactly(length)
        self.polls += 1
        if status == 200:
            self.plans[number] = found["etag"].strip('"')
            self.changed.set()
        elif status != 304:
            raise ValueError(head)


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--followers", type=int, default=5000)
    parser.add_argument("--waves", nargs="+", default=["0.01", "0.1", "0.5", "1"])
    parser.add_argument("--database-url", default="")
    parser.add_argument("--quiet-s", type=float, default=60.0)
    asked = parser.parse_args()
    if asked.quick:
        asked.followers, asked.quiet_s = min(asked.followers, 500), 10.0
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as name:
        home = Path(name)
        environ = {"BUCLE_HOME": str(home)}
        if asked.database_url:
            environ["BUCLE_DATABASE_URL"] = asked.database_url
        house = House(load_settings(environ))
        token = prepare(house, asked.waves)
        with processes(environ) as (port, pids):
            asyncio.run(measure(house, token, port, pids, asked))
        house.close()


def prepare(house: House, waves: list[str]) -> str:
    """Serve a model in its first version; return a follower's token."""
    from sklearn.linear_model import LinearRegression

    session = house.session()
    rows = np.arange(8.0)
    table = pa.table({"x": rows, "y": rows * 2})
    log = registry.ModelLog(example=table, target="y", task="regression")
    for slope in (2.0, 3.0):
        model = LinearRegression().fit(rows.reshape(-1, 1), rows * slope)
        registry.log_model(session, model, "line", log)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="line", model="line"))
        serving.serve_version(scope, "line", Ref("model", "line", 1))
        fleet.declare_fleet(scope, fleet.FleetSpec(waves=tuple(waves)))
        token = create_token(scope).bearer
    serving.publish(session)
    return token


@contextmanager
def processes(environ: dict[str, str]) -> Iterator[tuple[int, dict[str, int]]]:
    """Run the control plane's two processes; yield the API's port and the process ids."""
    port = _free_port()
    commands = {
        "api": [sys.executable, "-m", "bucle", "server", "--port", str(port)],
        "control": [sys.executable, "-m", "bucle.control"],
    }
    started = {
        name: subprocess.Popen(command, env=os.environ | environ)
        for name, command in commands.items()
    }
    try:
        _wait(f"http://127.0.0.1:{port}/api/health")
        yield port, {name: process.pid for name, process in started.items()}
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait(timeout=30)


async def measure(
    house: House, token: str, port: int, pids: dict[str, int], asked: argparse.Namespace
) -> None:
    """Change the plan twice under the followers, and leave them in peace for a while."""
    database = urlsplit(asked.database_url).path.strip("/") if asked.database_url else ""

    def spent() -> dict[str, float]:
        used = {name: cpu_s(pid) for name, pid in pids.items()}
        return used | ({"postgresql": database_cpu_s(database)} if database else {})

    session, there = house.session(), Fleet(port, token, asked.followers)
    following = asyncio.create_task(there.run())
    first = _plan(session)
    begun, before = time.perf_counter(), spent()
    joined_s = await there.all_have(first) - begun
    results = {"joined": _told(joined_s, before, spent())}
    await asyncio.sleep(3)
    for name, change in (("in waves", "serve"), ("rolled back", "roll_back")):
        before, begun = spent(), time.perf_counter()
        await asyncio.to_thread(_change, house, change)
        done = await there.all_have(_plan(session)) - begun
        await asyncio.sleep(2)
        results[name] = _told(done, before, spent(), time.perf_counter() - begun)
    before, begun, polls = spent(), time.perf_counter(), there.polls
    await asyncio.sleep(asked.quiet_s)
    quiet = time.perf_counter() - begun
    results["quiet"] = _told(quiet, before, spent()) | {"polls": there.polls - polls}
    following.cancel()
    with session.begin(write=False) as scope:
        rollouts = fleet.fleet_history(scope).items
    seconds = results["in waves"]["seconds"]
    tell(Figure(
        benchmark="a change reaches every follower in waves", ours=seconds, beside=BAR_S,
        against="the bar", unit="s",
        details={
            "followers": asked.followers, "waves": asked.waves, "failed polls": there.failed,
            "database": "postgresql" if database else "sqlite", "phases": results,
            "rollouts": [one.state for one in rollouts],
        },
    ))  # fmt: skip


def _told(
    seconds: float, before: dict[str, float], after: dict[str, float], window_s: float = 0.0
) -> dict[str, float]:
    used = {f"{name} cpu s": round(after[name] - before[name], 2) for name in before}
    cores = sum(after[name] - before[name] for name in before) / (window_s or seconds)
    return {"seconds": round(seconds, 2), "cores": round(cores, 3), **used}


def _change(house: House, how: str) -> None:
    session = house.session()
    with session.begin() as scope:
        if how == "serve":
            serving.serve_version(scope, "line", Ref("model", "line", 2))
        else:
            serving.roll_back(scope, "line", reason="benchmark")
    serving.publish(session)


def _plan(session: object) -> str:
    with session.begin(write=False) as scope:  # type: ignore[attr-defined]
        return fleet.fleet_history(scope).items[0].plan


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            with urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


if __name__ == "__main__":
    main()
