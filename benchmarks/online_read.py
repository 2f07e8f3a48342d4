"""Which embedded online store: LMDB (through our driver) or SQLite (as fast as it is written)?

    python benchmarks/online_read.py [--rows 200000] [--redis redis://127.0.0.1:6379/0]

Figures are microseconds of processor time, user and system, so that a busy machine does not
change them; Redis' own processor time is not ours, so that its reads are given in wall
time as well.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from report import Figure, arguments, tell

from bucle.drivers.online import OnlineStore, open_online

ROW_BYTES = 200
BATCH_ROWS = 1_000
TABLE = "customer_spend"
# A second process that writes batches until its input closes.
WRITER = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from online_read import batch, open_store
store = open_store(sys.argv[1])
stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
print("writing", flush=True)
while not stopped.is_set():
    store.write("customer_spend", batch(0))
"""


class SqliteOnline:
    """The five methods over one WITHOUT ROWID table: WAL, NORMAL, a 256 MB map."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite://{path}"
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "mmap_size=268435456",
                       "busy_timeout=30000"):  # fmt: skip
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {TABLE} (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
        )

    def write(self, _table: str, rows: Mapping[bytes, bytes]) -> None:
        """Upsert rows in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {TABLE} VALUES (?, ?)", sorted(rows.items())
        )
        self._connection.execute("COMMIT")

    def read(self, _table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read by one statement: equality for one key, IN for several."""
        if len(keys) == 1:
            found = self._connection.execute(f"SELECT value FROM {TABLE} WHERE key = ?", keys)
            row = found.fetchone()
            return [row[0] if row else None]
        marks = ",".join("?" * len(keys))
        statement = f"SELECT key, value FROM {TABLE} WHERE key IN ({marks})"
        rows = dict(self._connection.execute(statement, keys))
        return [rows.get(key) for key in keys]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def open_store(url: str) -> "OnlineStore | SqliteOnline":
    """Open ours or the peer."""
    if url.startswith("sqlite://"):
        return SqliteOnline(Path(url.removeprefix("sqlite://")))
    return open_online(url)


def key(number: int) -> bytes:
    """Return the key of a row, spread as ids are."""
    return b"customer-%09d" % (number * 7919 % 1_000_000_007)


def batch(start: int) -> dict[bytes, bytes]:
    """Return a thousand rows."""
    return {key(number): os.urandom(ROW_BYTES) for number in range(start, start + BATCH_ROWS)}


def microseconds(act: Callable[[int], object], times: int) -> dict[str, float]:
    """Run an act many times: processor microseconds each, and wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(times):
        act(number)
    return {
        "cpu_us": round((time.process_time() - cpu) / times * 1e6, 2),
        "wall_us": round((time.perf_counter() - wall) / times * 1e6, 2),
    }


def percentile_us(act: Callable[[int], object], times: int, share: float) -> float:
    """Return a percentile of the wall microseconds of an act."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - started)
    return round(sorted(taken)[int(share * times)] * 1e6, 1)


def measure(url: str, rows: int) -> dict[str, Any]:
    """Fill a store, read it, and read it again while another process writes."""
    store = open_store(url)
    batches = [batch(start) for start in range(0, rows, BATCH_ROWS)]
    filled = microseconds(lambda number: store.write(TABLE, batches[number]), len(batches))
    rng = random.Random(1)
    keys = [key(rng.randrange(rows)) for _ in range(20_000)]
    hundreds = [keys[start : start + 100] for start in range(0, len(keys), 100)]
    if None in store.read(TABLE, keys[:100]):
        raise SystemExit(f"{url} lost rows")
    single = microseconds(lambda number: store.read(TABLE, [keys[number]]), len(keys))
    hundred = microseconds(lambda number: store.read(TABLE, hundreds[number]), len(hundreds))
    one_row = microseconds(lambda number: store.write(TABLE, {keys[number]: b"x" * 200}), 300)
    command = [sys.executable, "-c", WRITER, url, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()  # type: ignore[union-attr]  # asked for above
        busy = percentile_us(lambda number: store.read(TABLE, [keys[number]]), 10_000, 0.99)
        writer.stdin.close()  # type: ignore[union-attr]
    store.close()
    return {
        "read_1": single,
        "read_100": hundred,
        "read_1_p99_wall_us_beside_a_writer": busy,
        "rows_per_cpu_second_in_batches": round(BATCH_ROWS / filled["cpu_us"] * 1e6),
        "rows_per_second_in_batches": round(BATCH_ROWS / filled["wall_us"] * 1e6),
        "write_1": one_row,
    }


def main() -> None:
    """Measure each store in a new folder."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--redis", default="", help="an EMPTY database of a Redis to compare")
    given = parser.parse_args()
    rows = 20_000 if given.quick else given.rows
    results = {}
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
        urls = {"lmdb": f"lmdb://{folder}/lmdb", "sqlite": f"sqlite://{folder}/online.db"}
        if given.redis:
            urls["redis"] = given.redis
        for name, url in urls.items():
            results[name] = found = measure(url, rows)
            print(f"{name}: {json.dumps(found)}", file=sys.stderr)
    if given.redis:
        open_online(given.redis).clear(TABLE)
    tell(Figure(
        benchmark="online read of one row", ours=results["lmdb"]["read_1"]["cpu_us"],
        beside=results["sqlite"]["read_1"]["cpu_us"], against="SQLite", unit="us of CPU",
        details={"rows": rows, "row_bytes": ROW_BYTES, "stores": results},
    ))  # fmt: skip


if __name__ == "__main__":
    main()
