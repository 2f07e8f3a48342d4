"""Eight mlflow clients at once: is anything refused, lost or doubled, and how much gets through?

    python benchmarks/mlflow_clients.py [--seconds 60] [--no-postgresql]

Each client logs to a run of its own as fast as it can: single points, and every tenth call a
batch of 100.  Then every point that was accepted is looked for.  The bars: no error, none lost,
none doubled, and together no fewer points a second than one client alone gets through (a
machine of two cores is full with two clients: theirs is most of the work).  MLflow runs with
its four workers here.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell
from support.hubs import MLFLOW_PYTHON, Hub, hub, hub_names, need_client
from support.mlflow_asks import ask
from support.processes import cpu_s


def main() -> None:
    """Measure every server and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--no-postgresql", action="store_true")
    asked = parser.parse_args()
    need_client()
    seconds = 5.0 if asked.quick else asked.seconds
    found: dict[str, dict[str, Any]] = {}
    for name in hub_names(postgresql=not asked.no_postgresql):
        with (
            tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder,
            hub(name, Path(folder), mlflow_workers=4) as running,
        ):
            one = at_once(running, 1, min(seconds, 20.0))
            found[name] = {"one": one, "eight": at_once(running, 8, seconds)}
        print(name, found[name], file=sys.stderr, flush=True)
    for name in found:
        if name.startswith("bucle"):
            tell(Figure(
                benchmark=f"eight mlflow clients at once, {name}",
                ours=found[name]["eight"]["points_per_s"],
                beside=found[name]["one"]["points_per_s"], against="one client alone",
                unit="points per second", details={"servers": found},
            ))  # fmt: skip


def at_once(running: Hub, clients: int, seconds: float) -> dict[str, Any]:
    """Let clients log for a while, all beginning together, and check what is kept."""
    told = {"pid": running.pid, "database": running.database, "seconds": seconds}
    started = [
        subprocess.Popen(
            [MLFLOW_PYTHON, "-W", "ignore", "-m", "support.scenarios", "one_client",
             json.dumps(told | {"number": number})],
            env=os.environ | running.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(clients)
    ]  # fmt: skip
    for process in started:  # wait until each is ready, then let all go
        assert process.stdout is not None
        process.stdout.readline()
    before = cpu_s(running.pid)
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate() for process in started]
    used = cpu_s(running.pid) - before
    errors = [said for process, (_, said) in zip(started, ended, strict=True) if process.returncode]
    each = [json.loads(out.splitlines()[-1]) for out, said in ended if said not in errors]
    points = sum(one["points"] for one in each)
    runs = {one["run"]: one["points"] for one in each}
    return {
        "errors": [error.strip().splitlines()[-1][:300] for error in errors],
        "points": points,
        "points_per_s": round(points / seconds),
        "calls_per_s": round(sum(one["calls"] for one in each) / seconds),
        "server_cpu_share": round(used / seconds, 2),
        **ask(running, "check_points", runs=runs),
    }


if __name__ == "__main__":
    main()
