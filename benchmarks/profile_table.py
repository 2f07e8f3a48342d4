"""How long does a full profile of a Parquet file take, and how much memory, beside SUMMARIZE?

    python benchmarks/profile_table.py [--rows 1000000] [--repeat 3]

Twenty columns of numbers and words.  `SUMMARIZE` is DuckDB's own: count, missing, distinct,
minimum, maximum, mean, deviation and quartiles; a profile has the distribution in bins and the most
frequent values as well.  Each runs in a process of its own, which reads the file and nothing else;
memory is that process's largest, less what it had before.  Processor time is user and system, the
best of the repetitions.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from expectations import COLUMNS, table_of
from report import Figure, arguments, tell

from bucle.drivers.engine import open_engine
from bucle.lifecycle.data import profile_table


def profiled(path: str) -> None:
    """Profile the file as a commit does."""
    engine = open_engine("duckdb:")
    assert len(profile_table(engine, [path]).columns) == COLUMNS
    engine.close()


def summarized(path: str) -> None:
    """Let DuckDB summarize the file."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SUMMARIZE SELECT * FROM read_parquet('{path}')").fetchall()


def measured(act: Callable[[str], None], path: str) -> tuple[float, float, float]:
    """Run in this process; return processor seconds, seconds, and megabytes that it grew by."""
    before = megabytes("VmRSS")
    cpu, wall = time.process_time(), time.perf_counter()
    act(path)
    took = time.process_time() - cpu, time.perf_counter() - wall
    return *took, megabytes("VmHWM") - before


def megabytes(figure: str) -> float:
    """Return what Linux says of this process's memory; `ru_maxrss` is the parent's before exec."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{figure}:"))


def best(repeat: int, act: Callable[[str], None], path: str) -> tuple[float, float, float]:
    """Return the least of each figure, each time in a new process."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found = [pool.apply(measured, (act, path)) for _ in range(repeat)]
    return tuple(map(min, zip(*found, strict=True)))


def main() -> None:
    """Measure both and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    rows, repeat = (50_000, 1) if asked.quick else (asked.rows, asked.repeat)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "measured.parquet"))
        pq.write_table(table_of(rows), path, compression="zstd")
        ours, beside = best(repeat, profiled, path), best(repeat, summarized, path)
    tell(Figure(
        benchmark="profile", ours=ours[0], beside=beside[0], against="DuckDB's SUMMARIZE",
        unit="CPU seconds",
        details={
            "rows": rows, "columns": COLUMNS,
            "wall_s": round(ours[1], 3), "grew_mb": round(ours[2]),
            "summarize_wall_s": round(beside[1], 3), "summarize_grew_mb": round(beside[2]),
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
