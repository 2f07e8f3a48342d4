"""How many events a second does a stream's state take, durable, in batches of a thousand?

    python benchmarks/stream_update.py [--events 400000] [--keys 1000] [--redis URL]

Count, mean and standard deviation of one column over an hour per key; events come in the order
of their time with every hundredth one late, over two hours, so that tiles expire meanwhile, too.
The whole verb is measured: permission, types, tiles with the events in them for exact edges,
and the offset in the same write, which waits for the disk.  Beside it stands the limit: the
same number of rows of the same length written to the same store in batches, with nothing
computed and nothing read.  Figures are per second of processor time, user and system; the time
from an event to its being read is wall time.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.drivers.online import open_online
from bucle.governance.session import House, Session
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    OnlineView,
    online_view,
    register_view,
)
from bucle.lifecycle.features.stream import absorb, read_stream

BATCH = 1_000
HOURS = 2
TILES = 64 * HOURS
ROW_BYTES = 150  # about what a tile of one column and a few events takes
START = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = FeatureView(
    name="spending",
    entity=Entity(name="card", keys=("card",)),
    source="payments",
    time="at",
    aggregations=tuple(
        Aggregation(function=function, column="amount", window="1h")
        for function in ("count", "mean", "std")
    ),
    stream="payments",
    owner="benchmark",
    description="Spending of a card in an hour",
)


def events_of(events: int, keys: int) -> pa.Table:
    """Return payments in the order of their time, of which each hundredth is late."""
    rng = np.random.default_rng(7)
    moments = np.linspace(0, HOURS * 3600e6, events).astype(np.int64)
    moments[::100] = np.maximum(
        moments[::100] - rng.integers(0, 600_000_000, len(moments[::100])), 0
    )
    return pa.table({
        "card": rng.integers(0, keys, events),
        "at": pa.array(moments + int(START.timestamp() * 1e6)).cast(pa.timestamp("us", "UTC")),
        "amount": rng.gamma(2.0, 20.0, events),
    })  # fmt: skip


def spend(act: Callable[[int], object], times: int) -> tuple[float, float]:
    """Run an act many times; return the processor seconds and the wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(times):
        act(number)
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(session: Session, view: OnlineView, table: pa.Table) -> dict[str, float]:
    """Absorb all events and read them."""
    batches = [table.slice(start, BATCH) for start in range(0, table.num_rows, BATCH)]
    end = START + timedelta(hours=HOURS)

    def take(number: int) -> None:
        positions = f"{number:09}-000", f"{number:09}-999"
        absorb(session, view.ref, batches[number], positions, end)

    cpu, wall = spend(take, len(batches))
    online, keys = session.drivers.online, table["card"].slice(0, 100).to_pylist()
    one, _ = spend(lambda number: read_stream(online, view, [(keys[number],)], end), 100)
    hundred, _ = spend(lambda _: read_stream(online, view, [(key,) for key in keys], end), 10)
    moment = time.perf_counter()
    absorb(session, view.ref, batches[-1], ("a", "b"), end)
    read_stream(online, view, [(keys[0],)], end)
    return {
        "events_per_cpu_s": round(table.num_rows / cpu),
        "events_per_s": round(table.num_rows / wall),
        "read_1_cpu_us": round(one / 100 * 1e6),
        "read_100_cpu_us": round(hundred / 10 * 1e6),
        "event_to_read_ms": round((time.perf_counter() - moment) * 1e3, 1),
        "rows_left": online.count(f"{view.table}/stream"),
    }


def limit(url: str, table: pa.Table) -> float:
    """Return how many rows a processor second are written as they are."""
    store = open_online(url)
    keys = [b"%012d" % key for key in table["card"].to_pylist()]
    batches = table.num_rows // BATCH
    value = bytes(ROW_BYTES)

    def write(number: int) -> None:
        tile = b"%06d" % (number * TILES // batches)
        part = keys[number * BATCH : (number + 1) * BATCH]
        store.write("limit", {tile + key: value for key in part})

    cpu, _ = spend(write, batches)
    store.clear("limit")
    store.close()
    return table.num_rows / cpu


def main() -> None:
    """Measure the embedded store, and Redis if one is given."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--redis", default="", help="an EMPTY database of a Redis")
    given = parser.parse_args()
    table = events_of(50_000 if given.quick else given.events, given.keys)
    details: dict[str, object] = {"events": table.num_rows, "keys": given.keys}
    for name in ("lmdb", "redis") if given.redis else ("lmdb",):
        with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
            url = given.redis if name == "redis" else f"lmdb://{folder}/online"
            house = House(load_settings({"BUCLE_HOME": folder, "BUCLE_ONLINE_URL": url}))
            session = house.session()
            with session.begin() as scope:
                ref = register_view(scope, VIEW).ref
            view = online_view(VIEW, ref, session.project)
            details[name] = measure(session, view, table)
            if name == "lmdb":
                beside = limit(f"lmdb://{folder}/limit", table)
            else:
                session.drivers.online.clear(f"{view.table}/stream")
            house.close()
    tell(Figure(
        benchmark="stream update", ours=details["lmdb"]["events_per_cpu_s"], beside=beside,
        against="plain writes to LMDB", unit="events per CPU second", details=details,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
