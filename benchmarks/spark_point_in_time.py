"""What does a training set take on a local Spark, beside the same one on DuckDB?

    python benchmarks/spark_point_in_time.py [--rows 1000000] [--repeat 3] [--threads 2]

The entity rows, the three views of ten columns and one view of windows are those of
`point_in_time.py`, from the same committed files.  Both engines make the training set twice in
a process of their own: the first call has Spark's start in it, the second is what is told.  CPU
seconds are those of this process and of Spark's Java together.  Every value must be the same.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from subprocess import run

from point_in_time import SOURCES, features_of, fill
from report import Figure, arguments, tell
from support.contenders import median_of

HERE = Path(__file__).parent
_TICKS_PER_S = 100


def contend(folder: Path, engine_url: str) -> None:
    """Make the training set, write it, and print what the second time took."""
    import numpy as np
    import pyarrow.parquet as pq

    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.features import Aggregation, Entity, FeatureView, training_set

    card = Entity(name="card", keys=("card",))
    said = {"entity": card, "time": "at", "owner": "benchmark", "description": "measured"}
    views = [FeatureView(name=name, source=name, columns=features_of(name), **said)
             for name in SOURCES]  # fmt: skip
    figures = tuple(
        Aggregation(function=function, column="sparse_0", window="7d")
        for function in ("count", "mean", "std", "max")
    )
    views.append(FeatureView(name="windows", source="sparse", aggregations=figures, **said))
    house = House(load_settings({"BUCLE_HOME": str(folder), "BUCLE_ENGINE_URL": engine_url}))
    asked = pq.read_table(folder / "asked.parquet")
    training_set(house.session(), asked, views)
    cpu, wall = cpu_s(), time.perf_counter()
    made = training_set(house.session(), asked, views)
    took = {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(cpu_s() - cpu, 3)}
    took["peak_mb"] = round(sum(map(peak_mb, processes())), 1)
    kind = engine_url.partition(":")[0]
    pq.write_table(made, folder / f"made_{kind}.parquet")
    took["answer"] = float(np.nansum(made["irregular_0"].to_numpy()))
    house.close()
    print(json.dumps(took), flush=True)


def processes() -> list[str]:
    """Return this process, and Spark's Java where it runs."""
    found = ["self"]
    if "pyspark" in sys.modules:
        from pyspark import SparkContext

        found.append(str(SparkContext._gateway.proc.pid))  # noqa: SLF001 - told nowhere else
    return found


def cpu_s() -> float:
    """Return the processor seconds of these processes so far."""
    ticks = 0
    for process in processes():
        told = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()
        ticks += int(told[11]) + int(told[12])
    return ticks / _TICKS_PER_S


def peak_mb(process: str) -> float:
    """Return the most memory that a process ever held."""
    told = Path("/proc", process, "status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def require_equal(folder: Path) -> int:
    """Stop where the two differ in a value; return how many were compared."""
    import numpy as np
    import pyarrow.parquet as pq

    first, second = (pq.read_table(folder / f"made_{kind}.parquet") for kind in ("duckdb", "spark"))
    if first.schema.types != second.schema.types or first.num_rows != second.num_rows:
        raise SystemExit(f"the shapes differ: {first.schema}\n{second.schema}")
    for name in first.column_names:
        left, right = first[name].to_pandas(), second[name].to_pandas()
        same = left.equals(right) or np.allclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True)
        if not same:
            raise SystemExit(f"{name} differs")
    return first.num_rows * first.num_columns


def main() -> None:
    """Fill a folder, run both engines and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="of the data, for a contender")
    parser.add_argument("--contender", default="", help="run this one here: an engine's URL")
    asked = parser.parse_args()
    if asked.contender == "fill":
        fill(asked.folder, asked.rows)
        return
    if asked.contender:
        contend(asked.folder, asked.contender)
        return
    rows, repeat = (20_000, 1) if asked.quick else (asked.rows, asked.repeat)
    urls = {
        "DuckDB": f"duckdb:?threads={asked.threads}",
        "Spark": f"spark://local[{asked.threads}]",
    }
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
        program = [str(HERE / "spark_point_in_time.py"), "--folder", folder, "--rows", str(rows)]
        run([sys.executable, *program, "--contender", "fill"], check=True)
        took = {
            name: median_of(repeat, [sys.executable, *program, "--contender", url])
            for name, url in urls.items()
        }
        values = require_equal(Path(folder))
    tell(Figure(
        benchmark="training set on Spark", ours=took["Spark"].cpu_s, beside=took["DuckDB"].cpu_s,
        against="the same on DuckDB", unit="CPU seconds",
        details={
            "entity_rows": rows, "views": len(SOURCES) + 1, "values_equal": values,
            "contenders": {name: vars(each) for name, each in took.items()},
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
