"""What does a search cost, among 100,000 runs of 10 metrics, 10 parameters and 5 tags?

    python benchmarks/mlflow_search.py [--runs 100000] [--peer-runs 10000] [--no-postgresql]
                                       [--no-peers]

`search_runs` of the mlflow client, a page of 100, with filters and orders; the figure of a query
is the one in the middle of seven, after a first that is not counted.  Then all of 10,000 runs, a
thousand a page.  The bars: 50 ms of server CPU for each query over 100,000 runs; 1.5 s for all
of 10,000.  A peer gets fewer runs (`--peer-runs`), because an order by a metric takes it seconds
even so.  Runs are written as rows into each server's tables, ours like a first one that the door's
verbs wrote; with `filled` the details say so, and how long it took.

Ours is asked the worst cases, too: conditions that no run or every run fulfils, patterns, an order
by what few runs have, several keys, and a page that 10,000 others come before.
"""

import sys
import tempfile
import time
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
# What ours is asked besides.
WORST: dict[str, list[Any]] = {
    "conditions of which no run fulfils both": [
        "metrics.m0 > 0.9 and metrics.m0 < 0.1", ["metrics.m3 DESC"],
    ],
    "halves that have no run in common": [
        "metrics.m0 > 0.5 and metrics.m0 < 0.4 and params.p1 != '3'", [],
    ],
    "three metrics that few runs reach": [
        "metrics.m0 > 0.9 and metrics.m1 > 0.9 and metrics.m2 > 0.9", ["metrics.m3 DESC"],
    ],
    "conditions that every run fulfils": [
        "metrics.m0 >= 0 and params.p1 LIKE '%' and tags.t0 != 'x'", ["metrics.m3 DESC"],
    ],
    "a pattern that no run fulfils": ["tags.t0 LIKE '%zzz%'", ["metrics.m3 DESC"]],
    "ILIKE, order by metric": ["tags.t0 ILIKE 'A%'", ["metrics.m3 ASC"]],
    "another parameter than, order by metric": ["params.p1 != '3'", ["metrics.m3 DESC"]],
    "no such parameter": ["params.p99 IS NULL and metrics.m0 < 0.1", ["metrics.m3 DESC"]],
    "a parameter that every run has is missing": ["params.p1 IS NULL", []],
    "order by a metric that no run has": ["", ["metrics.none DESC"]],
    "order by two metrics": ["params.p1 = '3'", ["metrics.m2 ASC", "metrics.m3 DESC"]],
    "order by parameter, then metric": ["metrics.m0 > 0.5", ["params.p2 DESC", "metrics.m3 DESC"]],
    "order by tag": ["", ["tags.t2 ASC"]],
    "order by name": ["params.p1 = '3'", ["attributes.run_name ASC"]],
    "order by status": ["", ["attributes.status ASC"]],
    "order by end": ["metrics.m0 > 0.5", ["attributes.end_time DESC"]],
    "a status that no run has, order by metric": [
        "attributes.status = 'FAILED'", ["metrics.m3 DESC"],
    ],
}  # fmt: skip
# Asked of the page that comes after 10,000 runs.
LATE: dict[str, list[Any]] = {
    "late page, newest": ["", []],
    "late page, order by metric": ["", ["metrics.m2 ASC"]],
    "late page, filter by metric, order by metric": ["metrics.m0 > 0.5", ["metrics.m3 DESC"]],
}
_LATE = 10_000


def main() -> None:
    """Measure every server and print a figure for each query."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--peer-runs", type=int, default=10_000)
    parser.add_argument("--no-postgresql", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    asked = parser.parse_args()
    need_client()
    ours = 5_000 if asked.quick else asked.runs
    found: dict[str, dict[str, Any]] = {}
    for name in hub_names(postgresql=not asked.no_postgresql):
        if asked.no_peers and not name.startswith("bucle"):
            continue
        runs = ours if name.startswith("bucle") else min(asked.peer_runs, ours)
        found[name] = measured(name, runs, paged=min(runs, 10_000))
        print(name, found[name], file=sys.stderr, flush=True)
    for query in [*QUERIES, *WORST, *LATE, "all runs, paged"]:
        if query in found["bucle"]:
            figure(query, {name: one for name, one in found.items() if query in one})


def measured(name: str, runs: int, *, paged: int) -> dict[str, Any]:
    """Fill a server and ask it everything."""
    filled: dict[str, object] = {"by": "rows written into its tables"}

    def fill(empty: Hub) -> None:
        started = time.perf_counter()
        fill_runs(empty, "filled", runs)
        filled["wall_s"] = round(time.perf_counter() - started, 1)
        fill_runs(empty, "paged", paged)

    with (
        tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder,
        hub(name, Path(folder), before=fill) as running,
    ):
        is_ours = name.startswith("bucle")
        times, queries = (7, QUERIES | WORST) if is_ours else (3, QUERIES)
        found: dict[str, Any] = ask(running, "search", queries=queries, times=times)
        if is_ours and runs > 2 * _LATE:
            found |= ask(running, "search", queries=LATE, times=times, after=_LATE)
        found["all runs, paged"] = ask(running, "page_all", runs=paged) | {"runs_read": paged}
    return found | {"runs": runs, "filled": filled}


def figure(query: str, by_hub: dict[str, dict[str, Any]]) -> None:
    """Print ours of one query beside the limit, with the peers' in the details."""
    limit = 1500.0 if query == "all runs, paged" else 50.0
    tell(Figure(
        benchmark=f"search_runs, {query}", ours=by_hub["bucle"][query]["server_cpu_ms"],
        beside=limit, against="the limit", unit="ms of server CPU",
        details={
            "servers": {
                name: one[query] | {"of_runs": one["runs"], "filled": one["filled"]}
                for name, one in by_hub.items()
            }
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
