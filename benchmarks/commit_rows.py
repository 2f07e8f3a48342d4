"""How many rows a second does a commit take, beside a plain write of the same table?

    python benchmarks/commit_rows.py [--rows 1000000] [--columns 10] [--repeat 3]

The plain write is pyarrow's, of a Parquet file with the same compression, and waits for the
disk as a commit does.  A commit does it too, and digests, checks a key and two expectations,
profiles every column and moves the head in the database.  Processor time is user and system, the
best of the repetitions.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import DatasetSpec, Expectation, commit_table, declare


def table_of(rows: int, columns: int) -> pa.Table:
    """Return a key, a category, whole numbers and fractions, in equal shares."""
    rng = np.random.default_rng(7)
    made: dict[str, object] = {"id": np.arange(rows)}
    for place in range(1, columns):
        kind = place % 3
        if kind == 0:
            made[f"c{place}"] = pa.array([f"city {n}" for n in rng.integers(0, 200, rows)])
        else:
            made[f"c{place}"] = (
                rng.normal(100, 15, rows) if kind == 1 else rng.integers(0, 10_000, rows)
            )
    return pa.table(made)


def plain_write(table: pa.Table, path: Path) -> None:
    """Write the table as anybody would, and wait until it is on the disk."""
    pq.write_table(table, path, compression="zstd")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def best(repeat: int, act: Callable[[int], object]) -> tuple[float, float]:
    """Return the least processor time and the least wall time, in seconds."""
    took = []
    for number in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        act(number)
        took.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(cpu for cpu, _ in took), min(wall for _, wall in took)


def main() -> None:
    """Measure both and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    rows, repeat = (100_000, 1) if asked.quick else (asked.rows, asked.repeat)
    table = table_of(rows, asked.columns)
    with tempfile.TemporaryDirectory() as folder:
        house = House(load_settings({"BUCLE_HOME": folder}))
        session = house.session()
        expectations = (Expectation(column="c1", not_null=True), Expectation(column="c2", min=0))
        plain = best(repeat, lambda _: plain_write(table, Path(folder, "plain.parquet")))

        def commit(number: int) -> None:
            # A dataset each time: a commit of what is there already would only be recognized.
            name = f"measured-{number}"
            with session.begin() as scope:
                declare(scope, DatasetSpec(name=name, key=("id",), expectations=expectations))
            commit_table(session, name, table)

        ours = best(repeat, commit)
        again = best(repeat, lambda _: commit_table(session, "measured-0", table))
        house.close()
    tell(Figure(
        benchmark="commit", ours=rows / ours[0], beside=rows / plain[0],
        against="a plain Parquet write", unit="rows per CPU second",
        details={
            "rows": rows, "columns": asked.columns,
            "commit_rows_per_s": round(rows / ours[1]),
            "plain_rows_per_s": round(rows / plain[1]),
            "identical_commit_cpu_s": round(again[0], 3),
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
