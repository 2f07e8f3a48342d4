"""What does a point-in-time join of three views take, beside `ASOF JOIN` written by hand?

    python benchmarks/point_in_time.py [--rows 1000000] [--repeat 3] [--memory 300MB]
        [--polars .venv-polars/bin/python]

The entity rows are joined with a view of as many irregular rows, one of a tenth and one of 2.4
times as many on a grid of hours, ten features each, everything from Parquet.  Beside it stand
DuckDB's `ASOF JOIN` in one statement, which knows of no ties and no time to live, and Polars'
`join_asof` (`python -m venv .venv-polars; .venv-polars/bin/pip install polars numpy`).
`to a file` is the join that need not fit in memory, under the engine's limit of `--memory`.
Every contender is a process of its own; figures are the medians of the repetitions.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from subprocess import run

from report import Figure, arguments, tell
from support.contenders import contend, median_of, require_same

HERE = Path(__file__).parent
KEYS, HOURS, FEATURES = 2_000, 1_200, 10
SOURCES = ("irregular", "sparse", "grid")


def fill(folder: Path, rows: int) -> None:
    """Commit the three sources, and lay the entity rows beside them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.data import commit_table

    rng = np.random.default_rng(7)
    hour_us, last_us = 3_600_000_000, HOURS * 3_600_000_000
    start_us = 1_767_225_600_000_000  # 2026-01-01

    def table(keys: object, micros: object, count: int, prefix: str) -> pa.Table:
        features = {f"{prefix}_{n}": rng.normal(100, 15, count) for n in range(FEATURES)}
        moments = pa.array(start_us + micros, pa.timestamp("us", "UTC"))
        return pa.table({"card": keys, "at": moments} | features)

    def scattered(count: int, prefix: str) -> pa.Table:
        keys = rng.integers(0, KEYS, count)
        return table(keys, rng.integers(0, last_us, count), count, prefix)

    hours = max(1, round(2.4 * rows / KEYS))
    grid = np.arange(KEYS * hours)
    sources = {
        "irregular": scattered(rows, "irregular"),
        "sparse": scattered(rows // 10, "sparse"),
        "grid": table(grid % KEYS, grid // KEYS * hour_us, len(grid), "grid"),
    }
    house = House(load_settings({"BUCLE_HOME": str(folder)}))
    for name, source in sources.items():
        commit_table(house.session(), name, source)
        pq.write_table(source, folder / f"{name}.parquet", compression="zstd")
    house.close()
    asked = scattered(rows, "label").select(["card", "at", "label_0"])
    pq.write_table(asked, folder / "asked.parquet", compression="zstd")


def features_of(name: str) -> tuple[str, ...]:
    """Return the names of a source's features."""
    return tuple(f"{name}_{n}" for n in range(FEATURES))


def ours(folder: Path, memory: str, *, to_file: bool) -> Callable[[], float]:
    """Make the training set with the library, in memory or from a file to a file."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.features import Entity, FeatureView, training_set, write_training_set

    card = Entity(name="card", keys=("card",))
    views = [
        FeatureView(
            name=name, entity=card, source=name, time="at", columns=features_of(name),
            owner="benchmark", description="measured",
        )
        for name in SOURCES
    ]  # fmt: skip
    settings = {"BUCLE_HOME": str(folder)}
    if memory:
        settings["BUCLE_ENGINE_URL"] = f"duckdb:?memory={memory}"
    session = House(load_settings(settings)).session()
    asked, made = folder / "asked.parquet", folder / "made.parquet"

    def write() -> float:
        reader = ds.dataset(asked).scanner(batch_size=65_536, batch_readahead=1).to_reader()
        write_training_set(session, reader, views, made)
        return sum_of(pq.read_table(made, columns=["irregular_0"])["irregular_0"].to_numpy())

    def join() -> float:
        return sum_of(training_set(session, pq.read_table(asked), views)["irregular_0"].to_numpy())

    return write if to_file else join


def by_hand(folder: Path) -> Callable[[], float]:
    """Join the same files in one statement of DuckDB."""
    import duckdb

    joins = " ".join(
        f"ASOF LEFT JOIN read_parquet('{folder}/{name}.parquet') AS {name} "
        f'ON e.card = {name}.card AND e."at" >= {name}."at"'
        for name in SOURCES
    )
    chosen = ", ".join(feature for name in SOURCES for feature in features_of(name))
    sql = f"SELECT e.*, {chosen} FROM read_parquet('{folder}/asked.parquet') AS e {joins}"
    return lambda: sum_of(duckdb.sql(sql).to_arrow_table()["irregular_0"].to_numpy())


def in_polars(folder: Path) -> Callable[[], float]:
    """Join the same files in Polars."""
    import polars as pl

    def join() -> float:
        made = pl.scan_parquet(folder / "asked.parquet").sort("at")
        for name in SOURCES:
            source = pl.scan_parquet(folder / f"{name}.parquet").sort("at")
            made = made.join_asof(source, on="at", by="card")
        return sum_of(made.collect()["irregular_0"].to_numpy())

    return join


def sum_of(values: object) -> float:
    """Return the sum of what was found, so that contenders that differ are seen."""
    import numpy as np

    return float(np.nansum(values))


def main() -> None:
    """Fill a folder, run the contenders and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", default="", help="the engine's limit; half of the machine's")
    parser.add_argument("--polars", default="", help="a Python that has Polars")
    parser.add_argument("--folder", type=Path, help="of the data, for a contender")
    parser.add_argument("--contender", default="", help="run this one here")
    asked = parser.parse_args()
    if asked.contender == "fill":
        fill(asked.folder, asked.rows)
        return
    if asked.contender:
        acts: Mapping[str, Callable[[], Callable[[], float]]] = {
            "ours": lambda: ours(asked.folder, asked.memory, to_file=False),
            "to a file": lambda: ours(asked.folder, asked.memory, to_file=True),
            "DuckDB": lambda: by_hand(asked.folder),
            "Polars": lambda: in_polars(asked.folder),
        }
        contend(acts[asked.contender]())
        return
    rows, repeat = (50_000, 1) if asked.quick else (asked.rows, asked.repeat)
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
        program = [str(HERE / "point_in_time.py"), "--folder", folder, "--rows", str(rows)]
        program += ["--memory", asked.memory]
        # Apart, too: a process starts with the most memory that its parent ever held.
        run([sys.executable, *program, "--contender", "fill"], check=True)
        pythons = dict.fromkeys(("ours", "to a file", "DuckDB"), sys.executable)
        if asked.polars:
            pythons["Polars"] = str(Path(asked.polars).absolute())
        took = {
            name: median_of(repeat, [python, *program, "--contender", name])
            for name, python in pythons.items()
        }
    require_same(took)
    tell(Figure(
        benchmark="point-in-time join", ours=took["ours"].cpu_s, beside=took["DuckDB"].cpu_s,
        against="DuckDB's ASOF JOIN by hand", unit="CPU seconds",
        details={
            "entity_rows": rows, "features": FEATURES * len(SOURCES), "memory": asked.memory,
            "contenders": {name: asdict(each) for name, each in took.items()},
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
