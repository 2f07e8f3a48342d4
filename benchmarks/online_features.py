"""How long does a model server take to read ten features of an entity, and of a hundred?

    python benchmarks/online_features.py [--entities 100000] [--redis URL]

`read_online` is what a model server calls in its process: keys to bytes, one read of the store,
rows to values, time to live.  Half of the features are of the latest row, half are windows.  The
figures are medians of wall time in microseconds; the processor time of a call stands beside them.
The limit is the store's own read of as many rows of that length.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    materialize,
    online_view,
    read_online,
    register_view,
)
from bucle.lifecycle.features.online import key_bytes

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=1)
TIMES = 5_000
VIEW = FeatureView(
    name="spending",
    entity=Entity(name="card", keys=("card",)),
    source="payments",
    time="at",
    columns=("amount", "city", "fraud", "shop", "limit"),
    aggregations=tuple(
        Aggregation(function=function, column="amount", window="1d")
        for function in ("count", "sum", "mean", "min", "max")
    ),
    ttl="30d",
    owner="benchmark",
    description="What a card did lately",
)


def payments(entities: int) -> pa.Table:
    """Return a payment per card."""
    rng = np.random.default_rng(7)
    return pa.table({
        "card": rng.permutation(entities),
        "at": pa.array(
            rng.integers(0, 86_400_000_000, entities) + int(START.timestamp() * 1e6)
        ).cast(pa.timestamp("us", "UTC")),
        "amount": rng.gamma(2.0, 20.0, entities),
        "city": pa.array([f"city {number}" for number in rng.integers(0, 200, entities)]),
        "fraud": rng.random(entities) < 0.01,
        "shop": rng.integers(0, 10_000, entities),
        "limit": rng.normal(1_000, 100, entities),
    })  # fmt: skip


def measured(act: Callable[[int], object], times: int) -> dict[str, float]:
    """Return the median and the 99th percentile of wall time, and the mean processor time."""
    taken, cpu = [], time.process_time()
    for number in range(times):
        started = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - started)
    cpu = time.process_time() - cpu
    return {
        "p50_us": round(statistics.median(taken) * 1e6, 2),
        "p99_us": round(sorted(taken)[int(0.99 * times)] * 1e6, 2),
        "cpu_us": round(cpu / times * 1e6, 2),
    }


def measure(url: str, table: pa.Table) -> dict[str, Any]:
    """Fill one store and read it."""
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
        online_url = {"BUCLE_ONLINE_URL": url} if url else {}
        house = House(load_settings({"BUCLE_HOME": folder} | online_url))
        session = house.session()
        commit_table(session, "payments", table)
        with session.begin() as scope:
            ref = register_view(scope, VIEW).ref
        materialize(session, "spending", NOW)
        view, online = online_view(VIEW, ref, session.project), session.drivers.online
        rng = random.Random(1)
        keys = [(rng.randrange(table.num_rows),) for _ in range(TIMES)]
        hundreds = [rng.choices(keys, k=100) for _ in range(TIMES // 10)]
        if None in read_online(online, view, keys[:1], NOW)[0].values():
            raise SystemExit("a feature is missing")
        bare = [key_bytes(view.keys, key) for key in keys]
        bare_hundreds = [[key_bytes(view.keys, key) for key in some] for some in hundreds]
        found = {
            "read_1": measured(
                lambda number: read_online(online, view, [keys[number]], NOW), TIMES
            ),
            "read_100": measured(
                lambda number: read_online(online, view, hundreds[number], NOW), len(hundreds)
            ),
            "limit_1": measured(lambda number: online.read(view.table, [bare[number]]), TIMES),
            "limit_100": measured(
                lambda number: online.read(view.table, bare_hundreds[number]), len(hundreds)
            ),
        }
        if url:
            online.clear(view.table)
        house.close()
    return found


def main() -> None:
    """Measure the embedded store, and Redis if one is given."""
    parser = arguments(__doc__)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--redis", default="", help="an EMPTY database of a Redis")
    given = parser.parse_args()
    table = payments(10_000 if given.quick else given.entities)
    details: dict[str, Any] = {"entities": table.num_rows, "features": len(VIEW.features)}
    details["lmdb"] = measure("", table)
    if given.redis:
        details["redis"] = measure(given.redis, table)
    lmdb = details["lmdb"]
    tell(Figure(
        benchmark="online read of ten features", ours=lmdb["read_1"]["p50_us"],
        beside=lmdb["limit_1"]["p50_us"], against="the store's own read", unit="us, median",
        details=details,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
