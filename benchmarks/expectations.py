"""How long do 22 expectations over a Parquet file take, beside the same written by hand in DuckDB?

    python benchmarks/expectations.py [--rows 1000000] [--repeat 3]

Twenty columns: missing values, ranges, sets, patterns, unique values, a row count and conditions.
Both read the file from the disk and use the threads that there are.  By hand it is one statement
that counts the same bad rows and says nothing of them.  Processor time is user and system, the
best of the repetitions.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from report import Figure, arguments, tell

from bucle.drivers.engine import open_engine
from bucle.lifecycle.data import DatasetSpec, Expectation, check_table

COLUMNS = 20


def table_of(rows: int) -> pa.Table:
    """Return a key, fractions, whole numbers and words."""
    rng = np.random.default_rng(7)
    made: dict[str, object] = {"id": np.arange(rows)}
    for place in range(1, COLUMNS):
        kind = place % 3
        if kind == 0:
            made[f"c{place}"] = pa.array([f"city {n}" for n in rng.integers(0, 20, rows)])
        else:
            made[f"c{place}"] = (
                rng.normal(100, 15, rows) if kind == 1 else rng.integers(0, 10_000, rows)
            )
    return pa.table(made)


def expected(rows: int) -> tuple[list[Expectation], list[str]]:
    """Return 22 expectations, and the aggregates that count the same by hand."""
    ours = [Expectation(column="id", unique=True), Expectation(min_rows=rows)]
    hand = ["count(id) - count(DISTINCT id)", "count(*)"]
    for place in range(1, COLUMNS):
        name = f"c{place}"
        if place % 3 == 1:
            ours.append(Expectation(column=name, min=0))
            hand.append(f"count(*) FILTER (WHERE {name} < 0 OR isnan({name}))")
        elif place % 3 == 2:
            ours.append(Expectation(column=name, max=10_000))
            hand.append(f"count(*) FILTER (WHERE {name} > 10000)")
        elif place % 2:
            among = tuple(f"city {n}" for n in range(20))
            ours.append(Expectation(column=name, among=among))
            hand.append(f"count(*) FILTER (WHERE {name} NOT IN {among})")
        else:
            ours.append(Expectation(column=name, regex="city [0-9]+"))
            hand.append(f"count(*) FILTER (WHERE NOT regexp_full_match({name}, 'city [0-9]+'))")
    ours.append(Expectation(sql="c1 + c2 > 0"))
    hand.append("count(*) FILTER (WHERE (c1 + c2 > 0) IS NOT TRUE)")
    return ours, hand


def best(repeat: int, act: Callable[[], object]) -> tuple[float, float]:
    """Return the least processor time and the least wall time, in seconds."""
    took = []
    for _ in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        act()
        took.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(cpu for cpu, _ in took), min(wall for _, wall in took)


def main() -> None:
    """Measure both and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    rows, repeat = (50_000, 1) if asked.quick else (asked.rows, asked.repeat)
    table = table_of(rows)
    ours, hand = expected(rows)
    types = {field.name: field.type for field in table.schema}
    engine = open_engine("duckdb:")
    spec = DatasetSpec(name="measured", expectations=tuple(ours))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "measured.parquet")
        pq.write_table(table, path, compression="zstd")
        del table

        def judged() -> None:
            report = check_table(engine, [path], spec=spec, types=types, now=now)
            assert report.ok, report
            assert len(report.verdicts) == len(ours)

        def by_hand() -> None:
            connection = duckdb.connect()
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"SELECT {', '.join(hand)} FROM read_parquet('{path}')").fetchall()

        mine, theirs = best(repeat, judged), best(repeat, by_hand)
    engine.close()
    tell(Figure(
        benchmark="expectations", ours=mine[0], beside=theirs[0],
        against="one statement by hand in DuckDB", unit="CPU seconds",
        details={
            "rows": rows, "columns": COLUMNS, "expectations": len(ours),
            "wall_s": round(mine[1], 3), "by_hand_wall_s": round(theirs[1], 3),
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
