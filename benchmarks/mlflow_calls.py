"""What does one call of the mlflow client cost the server?  Ours, `mlflow server`, FastTrackML.

    python benchmarks/mlflow_calls.py [--calls 400] [--no-postgresql]

The same unmodified client makes the same calls to each server, one after another, on this
machine, in this run; warmed up by ten calls each.  `server_cpu_ms` is the user and system time
of the server's whole process tree for one call; on PostgreSQL the backends of its database are
told apart.  MLflow's server is measured twice: as lean as it can be (one worker, no job runner),
which sets the bar, and as it comes.  The bars: at most a tenth of MLflow's, and no more than
FastTrackML's; a batch of 1,000 metrics at most a fifth of FastTrackML's.  Peers: see
benchmarks/support/hubs.py.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell
from support.hubs import AS_IT_COMES, hub, hub_names, need_client
from support.mlflow_asks import ask

BATCH = "log_batch of 1,000 metrics"


def main() -> None:
    """Measure every server and print a figure for each call."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--no-postgresql", action="store_true")
    asked = parser.parse_args()
    need_client()
    count = 60 if asked.quick else asked.calls
    found: dict[str, dict[str, Any]] = {}
    names = hub_names(postgresql=not asked.no_postgresql)
    if "mlflow" in names:
        names.insert(names.index("mlflow") + 1, AS_IT_COMES)
    for name in names:
        with (
            tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder,
            hub(name, Path(folder)) as running,
        ):
            found[name] = ask(running, "calls", count=count)
        print(name, found[name], file=sys.stderr, flush=True)
    for call in found["bucle"]:
        figure(call, {name: calls[call] for name, calls in found.items()})


def figure(call: str, by_hub: dict[str, dict[str, float]]) -> None:
    """Print ours of one call beside the lowest bar that a peer sets."""
    ours = by_hub["bucle"]["server_cpu_ms"]
    bars = {}
    if "mlflow" in by_hub and call != BATCH:
        bars["a tenth of MLflow's"] = by_hub["mlflow"]["server_cpu_ms"] / 10
    if "fasttrackml" in by_hub:
        share = 5 if call == BATCH else 1
        words = "a fifth of FastTrackML's" if call == BATCH else "FastTrackML's"
        bars[words] = by_hub["fasttrackml"]["server_cpu_ms"] / share
    against = min(bars, key=lambda name: bars[name], default="")
    tell(Figure(
        benchmark=f"mlflow client, {call}", ours=ours, beside=bars.get(against, ours),
        against=against or "no peer here", unit="ms of server CPU per call",
        details={"servers": by_hub},
    ))  # fmt: skip


if __name__ == "__main__":
    main()
