"""A run of 12,000 metrics and a model of 1,000 versions: do answers and pages stay quick?

    python benchmarks/mlflow_wide.py [--keys 12000] [--versions 1000]

Through the mlflow client at each server; our own pages of the run and of the model, too.  The
bar: under 200 ms each, as whoever asks feels it (`wall_ms`, the client's own decoding included).
"""

import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell
from support.hubs import Hub, hub, hub_names, need_client
from support.mlflow_asks import ask
from support.processes import fine_cpu_s

LIMIT_MS = 200.0


def main() -> None:
    """Measure every server and print a figure for each question."""
    parser = arguments(__doc__)
    parser.add_argument("--keys", type=int, default=12_000)
    parser.add_argument("--versions", type=int, default=1_000)
    asked = parser.parse_args()
    need_client()
    keys, versions = (1_000, 100) if asked.quick else (asked.keys, asked.versions)
    found: dict[str, dict[str, Any]] = {}
    for name in hub_names(postgresql=False):
        with (
            tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder,
            hub(name, Path(folder)) as running,
        ):
            found[name] = ask(running, "wide", keys=keys, versions=versions)
            if name == "bucle":
                found[name] |= pages(running, found[name]["run"])
        print(name, found[name], file=sys.stderr, flush=True)
    for question, figures in found["bucle"].items():
        if question == "run":
            continue
        tell(Figure(
            benchmark=question, ours=figures["wall_ms"], beside=LIMIT_MS, against="the limit",
            unit="ms",
            details={"servers": {name: one.get(question) for name, one in found.items()}},
        ))  # fmt: skip


def pages(running: Hub, run: str) -> dict[str, dict[str, float]]:
    """Ask for our own pages of the run and of the model."""
    found = {}
    for page in (f"/default/runs/{run}", "/default/models/wide"):
        best: dict[str, float] = {}
        for _ in range(5):
            request = urllib.request.Request(f"{running.url}{page}")
            request.add_header(
                "authorization", f"Bearer {running.environment['MLFLOW_TRACKING_TOKEN']}"
            )
            cpu, started = fine_cpu_s(running.pid), time.perf_counter()
            with urllib.request.urlopen(request) as answer:
                length = len(answer.read())
            took = {
                "server_cpu_ms": round((fine_cpu_s(running.pid) - cpu) * 1e3, 3),
                "wall_ms": round((time.perf_counter() - started) * 1e3, 3),
                "bytes": length,
            }
            best = min(best, took, key=lambda one: one["wall_ms"]) if best else took
        found[f"page {page.replace(run, '...')}"] = best
    return found


if __name__ == "__main__":
    main()
