"""The client's side: what the `mlflow` client is made to do, in the environment that has it.

`ask` runs a scenario of this file in that environment; the scenario counts what the server's
processes used meanwhile, and its answer comes back as JSON.  A scenario is a function of
keyword arguments; `used` is the price of one call.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.processes import cpu_s, database_cpu_s, fine_cpu_s, pss_mb

if TYPE_CHECKING:
    from support.hubs import Hub

_LIMIT_S = 3600


def ask(hub: "Hub", scenario: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    """Run a scenario of this file with the mlflow client against a server."""
    from support.hubs import MLFLOW_PYTHON

    told = {"pid": hub.pid, "database": hub.database} | arguments
    command = [MLFLOW_PYTHON, "-W", "ignore", "-m", "support.mlflow_asks", scenario]
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


def calls(watched: Watched, count: int) -> dict[str, Any]:
    """Make the calls of a training loop, one by one."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = client.create_experiment(f"calls {time.time_ns()}")
    run = client.create_run(experiment).info.run_id
    thousand = [Metric(f"m{n % 10}", n / 7, 1_790_000_000_000 + n, n // 10) for n in range(1000)]

    def create_and_end(_: int) -> None:
        client.set_terminated(client.create_run(experiment).info.run_id)

    # The run that is got holds what a run holds: ten of each.
    full = client.create_run(experiment).info.run_id
    client.log_batch(
        full, thousand[:10], [Param(f"p{n}", "1") for n in range(10)],
        [RunTag(f"t{n}", "1") for n in range(5)],
    )  # fmt: skip
    ways: dict[str, tuple[Callable[[int], object], int]] = {
        "log_metric": (lambda n: client.log_metric(run, "loss", 1 / (n + 1), step=n), count),
        "log_param": (lambda n: client.log_param(run, f"p{n}", n), count),
        "set_tag": (lambda n: client.set_tag(run, f"t{n}", n), count),
        "get_run": (lambda _: client.get_run(full), count),
        "create and end run": (create_and_end, count),
        "log_batch of 1,000 metrics": (
            lambda n: client.log_batch(run, [moved(one, n) for one in thousand]),
            max(count // 20, 5),
        ),
    }

    def moved(one: Metric, by: int) -> Metric:
        return Metric(one.key, one.value, one.timestamp + by * 1000, one.step + (by + 1) * 100)

    found = {}
    for name, (call, times) in ways.items():
        for number in range(min(times, 10)):
            call(times + number)  # warm: connections, caches, code
        found[name] = watched.used(call, times)
    return found


def memory(watched: Watched) -> dict[str, float]:
    """Tell what the server holds, and what it has used so far."""
    return {"pss_mb": pss_mb(watched.pid), "cpu_s": cpu_s(watched.pid)}


def main() -> None:
    """Run the scenario that the command line names."""
    scenarios = {one.__name__: one for one in (calls, memory)}
    told = json.loads(sys.argv[2])
    watched = Watched(pid=told.pop("pid"), database=told.pop("database"))
    print(json.dumps(scenarios[sys.argv[1]](watched, **told)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
