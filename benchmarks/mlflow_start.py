"""From the start of a server to its first answer, and what it holds when it idles.

    python benchmarks/mlflow_start.py

Each server starts over a store that is there already, so that making the tables is not counted;
the memory is PSS of the whole process tree, three seconds later.  The bars: 1.5 s of CPU and
150 MB.
"""

import tempfile
import time
from pathlib import Path

from report import Figure, arguments, tell
from support.hubs import Hub, hub, hub_names
from support.processes import cpu_s, pss_mb


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
            details={"servers": found},
        ))  # fmt: skip


def started(name: str, folder: Path, *, idle_s: float) -> dict[str, float]:
    """Start a server twice; tell of the second time."""

    def nothing(_: Hub) -> None:
        """Let the tables be made."""

    with hub(name, folder, before=nothing) as running:
        used = running.start_cpu_s
        time.sleep(idle_s)
        return {
            "cpu_s": round(used, 2),
            "wall_s": round(running.start_wall_s, 2),
            "pss_mb": pss_mb(running.pid),
            "cpu_s_later": cpu_s(running.pid),
        }


if __name__ == "__main__":
    main()
