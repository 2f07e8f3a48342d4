"""How long do a commit, appends and a read of an old version take, beside plain Parquet?

    python benchmarks/commit_rows.py [--rows 1000000] [--columns 10] [--repeat 3]
                                     [--appends 100] [--append-rows 10000]

Plain is pyarrow's: a write of a Parquet file with the same compression that waits for the disk
as a commit does, one such file per append, and a read of the first file.  A commit does it too,
and digests, checks a key and two expectations and moves the head in the database; a read checks
each file's digest.  The figure is of all three together.  `same_..._cpu_s` is a plain write with
our settings: files of as many rows, and dictionaries where values repeat.  Processor time is user
and system, the
best of the repetitions (appends: of one round).
"""

import argparse
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
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    commit_table,
    declare,
    get_version,
    paths,
)
from bucle.lifecycle.data.parquet import ROWS_PER_FILE, _repeating


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


def same_write(table: pa.Table, folder: Path) -> None:
    """Write the table plainly, but cut and encoded as a commit does it."""
    for place, start in enumerate(range(0, table.num_rows, ROWS_PER_FILE)):
        part = table.slice(start, ROWS_PER_FILE)
        path = folder / f"same-{place}.parquet"
        pq.write_table(part, path, compression="zstd", use_dictionary=_repeating(part))
        with path.open("rb") as file:
            os.fsync(file.fileno())


Times = dict[str, tuple[float, float]]


def plainly(
    first: pa.Table, more: list[pa.Table], folder: Path, repeat: int
) -> tuple[Times, Times]:
    """Return what plain writes and a read take, and plain writes with our settings."""

    def append(_: int) -> None:
        for place, part in enumerate(more):
            plain_write(part, folder / f"plain-{place}.parquet")

    path = folder / "plain.parquet"
    plain = {
        "commit": best(repeat, lambda _: plain_write(first, path)),
        "appends": best(1, append),
        "old_read": best(repeat, lambda _: pq.read_table(path)),
    }
    same = {
        "commit": best(repeat, lambda _: same_write(first, folder)),
        "appends": best(1, lambda _: [same_write(part, folder) for part in more]),
    }
    return plain, same


def best(repeat: int, act: Callable[[int], object]) -> tuple[float, float]:
    """Return the least processor time and the least wall time, in seconds."""
    took = []
    for number in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        act(number)
        took.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(cpu for cpu, _ in took), min(wall for _, wall in took)


def asked_for() -> argparse.Namespace:
    """Return the sizes that were asked for."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--appends", type=int, default=100)
    parser.add_argument("--append-rows", type=int, default=10_000)
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.repeat, asked.appends, asked.append_rows = 100_000, 1, 5, 1_000
    return asked


def main() -> None:
    """Measure both and print the figures."""
    asked = asked_for()
    rows, repeat = asked.rows, asked.repeat
    table = table_of(rows + asked.appends * asked.append_rows, asked.columns)
    first = table.slice(0, rows)
    more = [
        table.slice(rows + place * asked.append_rows, asked.append_rows)
        for place in range(asked.appends)
    ]
    with tempfile.TemporaryDirectory() as folder:
        house = House(load_settings({"BUCLE_HOME": folder}))
        session = house.session()
        expectations = (Expectation(column="c1", not_null=True), Expectation(column="c2", min=0))

        def commit(number: int) -> None:
            # A dataset each time: a commit of what is there already would only be recognized.
            name = f"measured-{number}"
            with session.begin() as scope:
                declare(scope, DatasetSpec(name=name, key=("id",), expectations=expectations))
            commit_table(session, name, first)

        def append(_: int) -> None:
            for part in more:
                commit_table(session, "measured-0", part, mode="append")

        plain, same = plainly(first, more, Path(folder), repeat)
        committed = best(repeat, commit)
        again = best(repeat, lambda _: commit_table(session, "measured-0", first))
        ours = {
            "commit": committed,
            "appends": best(1, append),
            "old_read": best(repeat, lambda _: read_version(session, "measured-0@1")),
        }
        house.close()
    written = rows + asked.appends * asked.append_rows
    tell(Figure(
        benchmark="commit", ours=written / sum(cpu for cpu, _ in ours.values()),
        beside=written / sum(cpu for cpu, _ in plain.values()),
        against="plain Parquet writes and a read", unit="rows per CPU second",
        details={
            "rows": rows, "columns": asked.columns, "appends": asked.appends,
            "append_rows": asked.append_rows,
            **{f"{name}_cpu_s": round(cpu, 3) for name, (cpu, _) in ours.items()},
            **{f"plain_{name}_cpu_s": round(cpu, 3) for name, (cpu, _) in plain.items()},
            **{f"same_{name}_cpu_s": round(cpu, 3) for name, (cpu, _) in same.items()},
            "commit_rows_per_s": round(rows / ours["commit"][1]),
            "plain_rows_per_s": round(rows / plain["commit"][1]),
            "identical_commit_cpu_s": round(again[0], 3),
        },
    ))  # fmt: skip


def read_version(session: Session, ref: str) -> pa.Table:
    """Read all rows of a version, each file after a check of its digest."""
    with session.begin(write=False) as scope:
        version = get_version(scope, ref)
    parts = [pq.ParquetFile(path).read() for path in paths(session, version)]
    return pa.concat_tables(parts)


if __name__ == "__main__":
    main()
