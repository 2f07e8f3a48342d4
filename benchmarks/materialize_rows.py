"""How many entities a second does a materialization bring online, and how much memory has it?

    python benchmarks/materialize_rows.py [--entities 1000000] [--features 10] [--redis URL]

A row per entity with ten features, the latest of which are brought online by the whole verb: the
rows are read from the committed files, the latest is chosen, and each entity is packed and
written.  Beside it stands the limit: the same number of rows of the same length written to the
same store in batches of the same size, with nothing computed.  Each store is measured in a process
of its own, so that the memory is that of one materialization; the rows are committed by another.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.drivers.online import OnlineStore
from bucle.governance.session import House
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import Entity, FeatureView, materialize, online_view, register_view

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 20_000


def view_of(features: int) -> FeatureView:
    """Return a view of the latest values."""
    return FeatureView(
        name="latest",
        entity=Entity(name="customer", keys=("customer",)),
        source="facts",
        time="at",
        columns=tuple(f"f{place}" for place in range(features)),
        owner="benchmark",
        description="The latest facts of a customer",
    )


def facts(entities: int, features: int) -> pa.Table:
    """Return a row per entity: fractions and whole numbers in turn."""
    rng = np.random.default_rng(7)
    made: dict[str, object] = {
        "customer": rng.permutation(entities),
        "at": pa.array(
            rng.integers(0, 86_400_000_000, entities) + int(START.timestamp() * 1e6)
        ).cast(pa.timestamp("us", "UTC")),
    }
    for place in range(features):
        made[f"f{place}"] = (
            rng.integers(0, 10_000, entities) if place % 2 else rng.normal(100, 15, entities)
        )
    return pa.table(made)


def house_of(folder: Path, redis: str) -> House:
    """Open an installation with the embedded store, or with Redis."""
    return House(
        load_settings({"BUCLE_HOME": str(folder)} | ({"BUCLE_ONLINE_URL": redis} if redis else {}))
    )


def spend(act: Callable[[], object]) -> tuple[float, float]:
    """Return the processor seconds and the wall seconds of an act."""
    cpu, wall = time.process_time(), time.perf_counter()
    act()
    return time.process_time() - cpu, time.perf_counter() - wall


def mapped_mb() -> float:
    """Return how much of this process's memory is pages of files: LMDB's map, libraries."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("RssFile"))
    return int(line.split()[1]) / 1024


def fill(store: OnlineStore, entities: int, row_bytes: int) -> None:
    """Write rows as they are."""
    value = bytes(row_bytes)
    for start in range(0, entities, BATCH):
        end = min(start + BATCH, entities)
        store.write("limit", {b"%010d" % number: value for number in range(start, end)})


def measure(folder: Path, redis: str, entities: int) -> dict[str, float]:
    """Materialize what was committed, and again after a day in which nothing came."""
    house = house_of(folder, redis)
    session = house.session()
    cpu, wall = spend(lambda: materialize(session, "latest", START + timedelta(days=1)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    mapped = mapped_mb()
    again, _ = spend(lambda: materialize(session, "latest", START + timedelta(days=2)))
    online = session.drivers.online
    limit, limit_wall = spend(lambda: fill(online, entities, 90))
    online.clear("limit")
    if redis:
        with session.begin(write=False) as scope:
            made = register_view(scope, view_of(10))
        online.clear(online_view(made.view, made.ref, session.project).table)
    house.close()
    return {
        "rows_per_cpu_s": round(entities / cpu),
        "rows_per_s": round(entities / wall),
        "peak_mb": round(peak),
        "of_which_mapped_mb": round(mapped),
        "nothing_new_cpu_s": round(again, 3),
        "limit_rows_per_cpu_s": round(entities / limit),
        "limit_rows_per_s": round(entities / limit_wall),
    }


def main() -> None:
    """Commit once, and measure each store in a process of its own."""
    parser = arguments(__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--redis", default="", help="an EMPTY database of a Redis")
    parser.add_argument("--home", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    entities = 50_000 if given.quick else given.entities
    if given.home:
        print(json.dumps(measure(Path(given.home), given.redis, given.entities)))
        return
    details: dict[str, object] = {"entities": entities, "features": given.features}
    for name, url in {"lmdb": "", "redis": given.redis}.items():
        if name == "redis" and not url:
            continue
        with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
            house = house_of(Path(folder), url)
            session = house.session()
            commit_table(session, "facts", facts(entities, given.features))
            with session.begin() as scope:
                register_view(scope, view_of(given.features))
            house.close()
            command = [sys.executable, __file__, "--home", folder, "--entities", str(entities),
                       "--features", str(given.features), "--redis", url]  # fmt: skip
            ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            details[name] = json.loads(ran.stdout)
    lmdb = details["lmdb"]
    tell(Figure(
        benchmark="materialize", ours=lmdb["rows_per_cpu_s"], beside=lmdb["limit_rows_per_cpu_s"],
        against="plain writes to LMDB", unit="entities per CPU second", details=details,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
