"""What does a search cost, among 100,000 runs of 10 metrics, 10 parameters and 5 tags?

    python benchmarks/mlflow_search.py [--runs 100000] [--peer-runs 10000] [--no-postgresql]

`search_runs` of the mlflow client, a page of 100, with filters and orders; the figure of a query
is the one in the middle of seven, after a first that is not counted.  Then all of 10,000 runs, a
thousand a page.  The bars: 50 ms of server CPU for each query over 100,000 runs; 1.5 s for all
of 10,000.  A peer gets fewer runs (`--peer-runs`), because an order by a metric takes it seconds
even so.  Ours are written through the verbs that the door calls, a peer's into its tables.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell
from support.fill import fill_runs
from support.hubs import Hub, hub, hub_names, need_client
from support.mlflow_asks import ask

QUERIES: dict[str, list[Any]] = {
    "newest": ["", []],
    "filter by metric, order by start": ["metrics.m0 > 0.9", ["attributes.start_time DESC"]],
    "filter by param, order by metric": ["params.p1 = '3'", ["metrics.m1 DESC"]],
    "order by metric": ["", ["metrics.m2 ASC"]],
    "order by param": ["", ["params.p2 DESC"]],
    "metric, param and tag, order by metric": [
        "metrics.m0 > 0.5 and params.p1 = '3' and tags.t0 LIKE 'a%'", ["metrics.m3 DESC"],
    ],
    "a tag that few have": ["tags.t1 = 'b42'", ["attributes.start_time DESC"]],
    "a metric that nearly none reaches": ["metrics.m4 > 0.9999", ["metrics.m4 DESC"]],
    "a name": ["attributes.run_name = 'run 77'", []],
}  # fmt: skip


def main() -> None:
    """Measure every server and print a figure for each query."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--peer-runs", type=int, default=10_000)
    parser.add_argument("--no-postgresql", action="store_true")
    asked = parser.parse_args()
    need_client()
    ours = 5_000 if asked.quick else asked.runs
    found: dict[str, dict[str, Any]] = {}
    for name in hub_names(postgresql=not asked.no_postgresql):
        runs = ours if name.startswith("bucle") else min(asked.peer_runs, ours)
        found[name] = measured(name, runs, paged=min(runs, 10_000))
        print(name, found[name], file=sys.stderr, flush=True)
    for query in [*QUERIES, "all runs, paged"]:
        figure(query, {name: one for name, one in found.items() if query in one})


def measured(name: str, runs: int, *, paged: int) -> dict[str, Any]:
    """Fill a server and ask it everything."""

    def fill(empty: Hub) -> None:
        fill_runs(empty, "filled", runs)
        fill_runs(empty, "paged", paged)

    with (
        tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder,
        hub(name, Path(folder), before=fill) as running,
    ):
        times = 7 if name.startswith("bucle") else 3
        found: dict[str, Any] = ask(running, "search", queries=QUERIES, times=times)
        found["all runs, paged"] = ask(running, "page_all", runs=paged) | {"runs_read": paged}
    return found | {"runs": runs}


def figure(query: str, by_hub: dict[str, dict[str, Any]]) -> None:
    """Print ours of one query beside the limit, with the peers' in the details."""
    limit = 1500.0 if query == "all runs, paged" else 50.0
    tell(Figure(
        benchmark=f"search_runs, {query}", ours=by_hub["bucle"][query]["server_cpu_ms"],
        beside=limit, against="the limit", unit="ms of server CPU",
        details={
            "servers": {name: one[query] | {"of_runs": one["runs"]} for name, one in by_hub.items()}
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
