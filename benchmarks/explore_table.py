"""What does exploring a version take, beside DuckDB's SUMMARIZE and beside ydata-profiling?

    python benchmarks/explore_table.py [--rows 1000000] [--repeat 3] [--ydata ENV/bin/python]

Twenty columns of numbers and words with a target.  Ours is everything that `bucle data explore`
finds: profile, outliers, duplicates, correlations and associations of all pairs, what each column
alone knows of the target.  `SUMMARIZE` is the limit: one statement that counts, and relates
nothing.  With `--ydata`, the Python of an environment that has ydata-profiling makes its report of
the same file, with its defaults (those for large data from 100,000 rows on are `minimal`, without
correlations).  Each runs in a process of its own; memory is that process's largest, less what it
had before.  Processor time is user and system, the best of the repetitions.
"""

import subprocess
import tempfile
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
from expectations import COLUMNS, table_of
from profile_table import best, summarized
from report import Figure, arguments, tell

from bucle.lifecycle.data import Wish, commit_table, explore
from bucle.testing.houses import open_test_house

PEER = """
import resource, sys
import pandas
from ydata_profiling import ProfileReport
frame = pandas.read_parquet(sys.argv[1])
report = ProfileReport(frame, minimal=len(frame) > 100_000, progress_bar=False)
report.get_description()
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def explored(_: str, *, home: str) -> None:
    """Explore the version that is committed in a home, as somebody does who asks first."""
    house = open_test_house(Path(home))
    found = explore(house.session(), "measured", Wish(target="c2"))
    assert len(found.columns) == COLUMNS
    house.close()


def by_peer(python: str, path: str) -> tuple[float, float]:
    """Return the processor seconds and the megabytes of ydata-profiling's report."""
    ran = subprocess.run([python, "-c", PEER, path], check=True, capture_output=True, text=True)
    cpu, megabytes = ran.stdout.split()[-2:]
    return float(cpu), float(megabytes)


def measured(repeat: int, home: Path, path: str) -> tuple[float, float, float]:
    """Return the least of each figure, every time of a version that nobody looked at."""
    found = []
    for _ in range(repeat):
        for kept in ("explorations", "profiles"):
            subprocess.run(["rm", "-rf", str(home / "blobs" / kept)], check=True)
        found.append(best(1, partial(explored, home=str(home)), path))
    return tuple(map(min, zip(*found, strict=True)))


def main() -> None:
    """Measure and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ydata", default="", help="a Python with ydata-profiling")
    asked = parser.parse_args()
    rows, repeat = (50_000, 1) if asked.quick else (asked.rows, asked.repeat)
    with tempfile.TemporaryDirectory() as folder:
        home, path = Path(folder, "home"), str(Path(folder, "measured.parquet"))
        pq.write_table(table_of(rows), path, compression="zstd")
        house = open_test_house(home)
        commit_table(house.session(), "measured", pq.read_table(path))
        house.close()
        ours, limit = measured(repeat, home, path), best(repeat, summarized, path)
        peer = by_peer(asked.ydata, path) if asked.ydata else None
        details = {
            "rows": rows, "columns": COLUMNS, "wall_s": round(ours[1], 2),
            "grew_mb": round(ours[2]), "summarize_grew_mb": round(limit[2]),
        }  # fmt: skip
        if peer:
            details |= {"ydata_cpu_s": round(peer[0], 1), "ydata_mb": round(peer[1])}
    tell(Figure(
        benchmark="explore", ours=ours[0], beside=limit[0], against="DuckDB's SUMMARIZE",
        unit="CPU seconds", details=details,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
