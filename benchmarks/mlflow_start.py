"""From the start of a server to its first answer, and what it holds when it idles.

    python benchmarks/mlflow_start.py

Each server starts over a store that is there already, so that making the tables is not counted.
Then it answers one client's first calls, a run from its experiment to its end, and the memory is
PSS of the whole process tree, three seconds later.  The bars: 1.5 s of CPU and 150 MB.

What a server loads when it is first asked for something shows in `first_calls_cpu_s` and in
`slowest_first_call_ms`.  A Python that may not keep its bytecode (PYTHONDONTWRITEBYTECODE)
compiles all that it imports at every start: `keeps_bytecode` says which was measured.
"""

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from report import Figure, arguments, tell
from support.hubs import Hub, hub, hub_names
from support.processes import cpu_s, pss_mb, rss_mb

_API = "/api/2.0/mlflow"
_TIME_MS = 1_700_000_000_000


def main() -> None:
    """Start every server and print both figures."""
    asked = arguments(__doc__).parse_args()
    found: dict[str, dict[str, float]] = {}
    for name in hub_names(postgresql=False):
        with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
            found[name] = started(name, Path(folder), idle_s=1.0 if asked.quick else 3.0)
    for question, limit, unit in (
        ("cpu_s", 1.5, "s of CPU to the first answer"),
        ("pss_mb", 150.0, "MB when idle"),
    ):
        tell(Figure(
            benchmark="server start" if question == "cpu_s" else "idle server",
            ours=found["bucle"][question], beside=limit, against="the limit", unit=unit,
            details={"servers": found, "keeps_bytecode": not sys.dont_write_bytecode},
        ))  # fmt: skip


def started(name: str, folder: Path, *, idle_s: float) -> dict[str, float]:
    """Start a server twice; tell of the second time."""

    def nothing(_: Hub) -> None:
        """Let the tables be made."""

    with hub(name, folder, before=nothing) as running:
        used, held = running.start_cpu_s, pss_mb(running.pid)
        before = cpu_s(running.pid)
        walls = _first_calls(running)
        after = cpu_s(running.pid)
        time.sleep(idle_s)
        return {
            "cpu_s": round(used, 2),
            "wall_s": round(running.start_wall_s, 2),
            "pss_mb_at_start": held,
            "first_calls_cpu_s": round(after - before, 2),
            "slowest_first_call_ms": round(max(walls) * 1e3, 1),
            "pss_mb": pss_mb(running.pid),
            "rss_mb": rss_mb(running.pid),
        }


def _first_calls(running: Hub) -> list[float]:
    """Log one small run, look at it and end it; return the wall seconds of each call."""
    walls: list[float] = []

    def call(method: str, path: str, body: dict[str, object] | None = None) -> dict[str, dict]:
        token = running.environment.get("MLFLOW_TRACKING_TOKEN", "")
        request = urllib.request.Request(
            f"{running.url}{_API}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
            method=method,
        )
        begun = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, dict] = json.loads(answer.read() or b"{}")
        walls.append(time.perf_counter() - begun)
        return found

    experiment = call("POST", "experiments/create", {"name": "first calls"})["experiment_id"]
    begin = {"experiment_id": experiment, "start_time": _TIME_MS}
    run = call("POST", "runs/create", begin)["run"]["info"]["run_id"]
    point = {"key": "loss", "value": 0.5, "timestamp": _TIME_MS}
    call("POST", "runs/log-parameter", {"run_id": run, "key": "depth", "value": "6"})
    call("POST", "runs/log-metric", {"run_id": run, "step": 0, **point})
    points = [{**point, "step": step} for step in range(1, 101)]
    call("POST", "runs/log-batch", {"run_id": run, "metrics": points, "params": [], "tags": []})
    call("POST", "runs/set-tag", {"run_id": run, "key": "team", "value": "risk"})
    call("GET", f"runs/get?run_id={run}")
    call("GET", f"metrics/get-history?run_id={run}&metric_key=loss")
    asked = {"experiment_ids": [experiment], "filter": "metrics.loss < 1", "max_results": 100}
    call("POST", "runs/search", asked)
    end = {"run_id": run, "status": "FINISHED", "end_time": _TIME_MS + 1_000}
    call("POST", "runs/update", end)
    return walls


if __name__ == "__main__":
    main()
