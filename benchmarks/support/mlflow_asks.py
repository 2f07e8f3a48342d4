"""The client's side: what the `mlflow` client is made to do, in the environment that has it.

`ask` runs a scenario (`scenarios.py`) in that environment; the scenario counts what the server's
processes used meanwhile, and its answer comes back as JSON.
"""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.processes import cpu_s, database_cpu_s, fine_cpu_s

if TYPE_CHECKING:
    from support.hubs import Hub

_LIMIT_S = 3600


def ask(hub: "Hub", scenario: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    """Run a scenario with the mlflow client against a server."""
    from support.hubs import MLFLOW_PYTHON

    told = {"pid": hub.pid, "database": hub.database} | arguments
    command = [MLFLOW_PYTHON, "-W", "ignore", "-m", "support.scenarios", scenario]
    done = subprocess.run(
        [*command, json.dumps(told)], env=os.environ | hub.environment, check=False,
        capture_output=True, text=True, timeout=_LIMIT_S,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{scenario} at {hub.name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The server that is asked."""

    pid: int
    database: str

    def used(self, call: Callable[[int], object], count: int) -> dict[str, float]:
        """Make a call some times, and return what one took of the server, and of the clock."""
        cpu, backends = cpu_s(self.pid), database_cpu_s(self.database)
        started = time.perf_counter()
        for number in range(count):
            call(number)
        wall = time.perf_counter() - started
        found = {
            "server_cpu_ms": (cpu_s(self.pid) - cpu) / count * 1e3,
            "wall_ms": wall / count * 1e3,
        }
        if self.database:
            backends = database_cpu_s(self.database) - backends
            found["database_cpu_ms"] = backends / count * 1e3
        return {name: round(value, 3) for name, value in found.items()}

    def median(self, call: Callable[[int], object], count: int) -> dict[str, float]:
        """Make a slow call some times, and return what the one in the middle took."""
        cpu, wall, backends = [], [], database_cpu_s(self.database)
        for number in range(count):
            before, started = fine_cpu_s(self.pid), time.perf_counter()
            call(number)
            wall.append(time.perf_counter() - started)
            cpu.append(fine_cpu_s(self.pid) - before)
        found = {
            "server_cpu_ms": statistics.median(cpu) * 1e3,
            "wall_ms": statistics.median(wall) * 1e3,
        }
        if self.database:
            backends = database_cpu_s(self.database) - backends
            found["database_cpu_ms"] = backends / count * 1e3
        return {name: round(value, 3) for name, value in found.items()}
