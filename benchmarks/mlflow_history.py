"""What does it cost to read a metric of a million points, whole and thinned out for a chart?

    python benchmarks/mlflow_history.py [--points 1000000] [--no-postgresql]

Whole in one answer (`metrics/get-history`, as it streams), whole through the mlflow client,
which asks for 25,000 a page, and 1,000 points of it (`get-history-bulk-interval`, which the
client has no function for: plain HTTP).  The bars: 3 s of server CPU for the whole, in constant
memory; 100 ms thinned out.  `more_memory_mb` is what the server held more than before.  Ours is
logged a thousand points at a time through the verb, a peer's is written into its tables.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell
from support.fill import fill_series
from support.hubs import Hub, hub, hub_names, need_client
from support.mlflow_asks import ask

LIMITS_MS = {"in one answer": 3000.0, "by the client": 3000.0, "thinned to 1,000": 100.0}


def main() -> None:
    """Measure every server and print a figure for each way of reading."""
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--no-postgresql", action="store_true")
    asked = parser.parse_args()
    need_client()
    points = 50_000 if asked.quick else asked.points
    found: dict[str, dict[str, Any]] = {}
    for name in hub_names(postgresql=not asked.no_postgresql):
        found[name] = measured(name, points)
        print(name, found[name], file=sys.stderr, flush=True)
    for way, limit in LIMITS_MS.items():
        tell(Figure(
            benchmark=f"history of {points:,} points, {way}",
            ours=found["bucle"][way]["server_cpu_ms"], beside=limit, against="the limit",
            unit="ms of server CPU",
            details={"servers": {name: one.get(way) for name, one in found.items()}},
        ))  # fmt: skip


def measured(name: str, points: int) -> dict[str, Any]:
    """Fill a server and read the series in each way."""
    made: list[str] = []

    def fill(empty: Hub) -> None:
        made.append(fill_series(empty, points))

    with (
        tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder,
        hub(name, Path(folder), before=fill) as running,
    ):
        found: dict[str, Any] = ask(running, "history", run=made[0], points=points)
    return found


if __name__ == "__main__":
    main()
