"""How many metric points a second into a durable store, beside the limit of rows?

    python benchmarks/metric_points.py [--points 500000] [--postgresql postgresql://...]

The limit is what a row per point can be at best: raw `sqlite3` `executemany`, and PostgreSQL's
COPY, one transaction per batch, with nothing else done.  Ours does all that a run needs: it
checks, summarises, counts a batch once and chains an event.  Each figure is the best of two
passes; `bytes` is what lies in the database when all is written.
"""

import math
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import Figure, arguments, tell

from bucle.governance.session import House, Session
from bucle.interfaces.client import Client
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle import tracking
from bucle.testing.houses import open_test_house

SERIES = 10
PASSES = 2
BATCHES = (10_000, 1_000, 100)
ROWS_TABLE = """
CREATE TABLE {name} (project text, run text, name text, step bigint, at_ms bigint,
    value double precision, PRIMARY KEY (project, run, name, step, at_ms))
"""
Batch = list[tuple[str, int, int, float]]


def main() -> None:
    """Measure every way and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, default=500_000)
    parser.add_argument("--postgresql", default="", help="a database for scratch tables")
    asked = parser.parse_args()
    points = 50_000 if asked.quick else asked.points
    figures = [
        measure(way, batch, points, asked.postgresql)
        for batch in BATCHES
        for way in WAYS
        if asked.postgresql or "postgresql" not in way
    ]
    figures.append(one_by_one(min(points, 200_000)))
    ours, limit = (figure for figure in figures if figure["batch"] == BATCHES[0]
                   and "sqlite" in str(figure["way"]))  # fmt: skip
    tell(Figure(
        benchmark="metric points", ours=float(str(ours["points_per_cpu_s"])),
        beside=float(str(limit["points_per_cpu_s"])), against="raw sqlite3 executemany",
        unit="points per CPU second",
        details={"points": points, "series": SERIES, "figures": figures},
    ))  # fmt: skip


def measure(way: str, size: int, count: int, postgresql: str) -> dict[str, object]:
    """Return the best of two passes of one way at one size of batch."""
    best: dict[str, object] = {}
    for _ in range(PASSES):
        with tempfile.TemporaryDirectory() as folder:
            took_s, cpu_s, stored = WAYS[way](Path(folder), batches(count, size), postgresql)
        if not best or took_s < count / float(str(best["points_per_s"])):
            best = figure(way, size, count, took_s, cpu_s) | {"bytes": stored}
    print(f"{way:20} batch {size:6}: {best['points_per_s']:>9} points/s, "
          f"{int(str(best['bytes'])) / count:5.1f} bytes a point", file=sys.stderr)  # fmt: skip
    return best


def figure(way: str, size: int, count: int, took_s: float, cpu_s: float) -> dict[str, object]:
    """Return one line of the answer."""
    return {
        "way": way,
        "batch": size,
        "points_per_s": round(count / took_s),
        "points_per_cpu_s": round(count / cpu_s),
    }


def batches(count: int, size: int) -> list[Batch]:
    """Return loss curves with noise, as a training would log them."""
    rng = random.Random(0)
    points = [
        (f"m{place % SERIES}", place // SERIES, 1_790_000_000_000 + place,
         math.exp(-place / count) + rng.gauss(0, 0.01))
        for place in range(count)
    ]  # fmt: skip
    return [points[start : start + size] for start in range(0, count, size)]


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return wall and processor seconds."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def ours_sqlite(folder: Path, parts: list[Batch], _: str) -> tuple[float, float, int]:
    """Log into a run of an installation on SQLite."""
    house = open_test_house(folder)
    took = timed(lambda: log(house.session(), parts))
    house.close()
    return *took, stored_in_file(folder / "bucle.db")


def limit_sqlite(folder: Path, parts: list[Batch], _: str) -> tuple[float, float, int]:
    """Insert rows with the standard library, in the same mode."""
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(ROWS_TABLE.format(name="points") + "WITHOUT ROWID")

    def write() -> None:
        for part in parts:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO points VALUES ('p', 'run', ?, ?, ?, ?)", part)
            connection.execute("COMMIT")

    took = timed(write)
    connection.close()
    return *took, stored_in_file(folder / "rows.db")


def ours_postgresql(folder: Path, parts: list[Batch], url: str) -> tuple[float, float, int]:
    """Log into a run of an installation on PostgreSQL."""
    house = open_test_house(folder, database_url=url)
    before = table_bytes(house, "metric_segments")
    took = timed(lambda: log(house.session(), parts))
    stored = table_bytes(house, "metric_segments") - before
    house.close()
    return *took, stored


def limit_postgresql(_: Path, parts: list[Batch], url: str) -> tuple[float, float, int]:
    """Copy rows, as text that is made in one go."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_points")
        connection.execute(ROWS_TABLE.format(name="bench_points").encode())

        def write() -> None:
            for part in parts:
                text = "".join(f"p\trun\t{n}\t{s}\t{at}\t{v!r}\n" for n, s, at, v in part)
                with connection.cursor().copy("COPY bench_points FROM STDIN") as copy:
                    copy.write(text)

        took = timed(write)
        row = connection.execute("SELECT pg_total_relation_size('bench_points')").fetchone()
        connection.execute("DROP TABLE bench_points")
    assert row is not None
    return *took, int(row[0])


def log(session: Session, parts: list[Batch]) -> None:
    """Log batches into a new run, one transaction each, and read back how many arrived."""
    with session.begin() as scope:
        ref = tracking.start_run(scope, tracking.RunStart(name="bench")).ref
    for part in parts:
        with session.begin() as scope:
            tracking.log_points(scope, ref, tracking.metric_points(part))
    with session.begin(write=False) as scope:
        arrived = sum(series.count for series in tracking.list_metrics(scope, ref))
    assert arrived == sum(map(len, parts))


def one_by_one(count: int) -> dict[str, object]:
    """Call `run.log_metric` for each point: what a training loop feels."""
    with tempfile.TemporaryDirectory() as folder:
        house = open_test_house(Path(folder))
        client = Client(InProcess(house.session()))

        def train() -> None:
            with sdk.run("bench", client=client) as run:
                for step in range(count):
                    run.log_metric("loss", 1.0, step=step)

        took_s, cpu_s = timed(train)
        house.close()
    best = figure("run.log_metric", 1, count, took_s, cpu_s)
    print(
        f"{'run.log_metric':20} one by one  : {best['points_per_s']:>9} points/s", file=sys.stderr
    )
    return best


def stored_in_file(path: Path) -> int:
    """Return the size of a database once its log is folded in."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def table_bytes(house: House, table: str) -> int:
    """Return what a table of PostgreSQL takes, its indices and long values included."""
    with house.session().begin(write=False) as scope:
        answer = scope.tx.exec_driver_sql(f"SELECT pg_total_relation_size('{table}')")
        return int(answer.scalar_one())


WAYS: dict[str, Callable[[Path, list[Batch], str], tuple[float, float, int]]] = {
    "ours, sqlite": ours_sqlite,
    "limit, sqlite": limit_sqlite,
    "ours, postgresql": ours_postgresql,
    "limit, postgresql": limit_postgresql,
}


if __name__ == "__main__":
    main()
