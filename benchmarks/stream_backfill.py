"""How fast are windows of the past filled, event by event, beside Polars and DuckDB by hand?

    python benchmarks/stream_backfill.py [--rows 10000000] [--repeat 3]
        [--polars .venv-polars/bin/python]

Mean and deviation over the last hour, by key, as of each event, from Parquet: what a view with
those windows would have served at each moment.  Ours is a training set that asks for each event's
moment; Polars is `rolling_mean_by` and `rolling_std_by` over the key
(`python -m venv .venv-polars; .venv-polars/bin/pip install polars numpy`), DuckDB a window over
the events alone.  Every contender is a process of its own; figures are the medians of the
repetitions.
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
KEYS, DAYS = 10_000, 10


def fill(folder: Path, rows: int) -> None:
    """Commit the events, and lay them beside as a file."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.data import commit_table

    rng = np.random.default_rng(7)
    micros = 1_767_225_600_000_000 + np.sort(rng.integers(0, DAYS * 86_400_000_000, rows))
    events = pa.table(
        {
            "card": rng.integers(0, KEYS, rows),
            "at": pa.array(micros, pa.timestamp("us", "UTC")),
            "amount": rng.normal(100, 15, rows),
        }
    )
    house = House(load_settings({"BUCLE_HOME": str(folder)}))
    commit_table(house.session(), "events", events)
    house.close()
    pq.write_table(events, folder / "events.parquet", compression="zstd")


def ours(folder: Path) -> Callable[[], float]:
    """Ask for the features at each event's moment."""
    import pyarrow.dataset  # noqa: F401 - read_table would import it, and pandas, in what is timed
    import pyarrow.parquet as pq

    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.features import Aggregation, Entity, FeatureView, training_set

    view = FeatureView(
        name="lately", entity=Entity(name="card", keys=("card",)), source="events", time="at",
        aggregations=(
            Aggregation(function="mean", column="amount", window="1h", name="mean"),
            Aggregation(function="std", column="amount", window="1h", name="std"),
        ),
        owner="benchmark", description="measured",
    )  # fmt: skip
    session = House(load_settings({"BUCLE_HOME": str(folder)})).session()

    def fill_windows() -> float:
        asked = pq.read_table(folder / "events.parquet", columns=["card", "at"])
        made = training_set(session, asked, [view])
        return sum_of(made["mean"].to_numpy(), made["std"].to_numpy())

    return fill_windows


def by_hand(folder: Path) -> Callable[[], float]:
    """Let DuckDB count the windows of the events."""
    import duckdb

    def fill_windows() -> float:
        made = duckdb.sql(
            "SELECT avg(amount) OVER w AS mean, stddev_samp(amount) OVER w AS std "
            f"FROM read_parquet('{folder}/events.parquet') WINDOW w AS (PARTITION BY card "
            'ORDER BY epoch_us("at") RANGE BETWEEN 3599999999 PRECEDING AND CURRENT ROW)'
        ).to_arrow_table()
        return sum_of(made["mean"].to_numpy(), made["std"].to_numpy())

    return fill_windows


def in_polars(folder: Path) -> Callable[[], float]:
    """Let Polars roll over the events by key."""
    import polars as pl

    lately = pl.col("amount")

    def fill_windows() -> float:
        events = pl.scan_parquet(folder / "events.parquet").sort("at")
        made = events.select(
            lately.rolling_mean_by("at", "1h").over("card").alias("mean"),
            lately.rolling_std_by("at", "1h").over("card").alias("std"),
        ).collect()
        return sum_of(made["mean"].to_numpy(), made["std"].to_numpy())

    return fill_windows


def sum_of(means: object, deviations: object) -> float:
    """Return a sum of what was found, so that contenders that differ are seen."""
    import numpy as np

    return float(np.nansum(means) + np.nansum(deviations))


def main() -> None:
    """Fill a folder, run the contenders and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--polars", default="", help="a Python that has Polars")
    parser.add_argument("--folder", type=Path, help="of the data, for a contender")
    parser.add_argument("--contender", default="", help="run this one here")
    asked = parser.parse_args()
    if asked.contender == "fill":
        fill(asked.folder, asked.rows)
        return
    if asked.contender:
        acts: Mapping[str, Callable[[Path], Callable[[], float]]] = {
            "ours": ours, "DuckDB": by_hand, "Polars": in_polars,
        }  # fmt: skip
        contend(acts[asked.contender](asked.folder))
        return
    rows, repeat = (200_000, 1) if asked.quick else (asked.rows, asked.repeat)
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as folder:
        program = [str(HERE / "stream_backfill.py"), "--folder", folder, "--rows", str(rows)]
        # Apart, too: a process starts with the most memory that its parent ever held.
        run([sys.executable, *program, "--contender", "fill"], check=True)
        pythons = dict.fromkeys(("ours", "DuckDB"), sys.executable)
        if asked.polars:
            pythons["Polars"] = str(Path(asked.polars).absolute())
        took = {
            name: median_of(repeat, [python, *program, "--contender", name])
            for name, python in pythons.items()
        }
    require_same(took)
    against = "Polars" if asked.polars else "DuckDB"
    tell(Figure(
        benchmark="backfill of windows", ours=rows / took["ours"].cpu_s,
        beside=rows / took[against].cpu_s, against=against, unit="events per CPU second",
        details={
            "events": rows, "keys": KEYS,
            "contenders": {name: asdict(each) for name, each in took.items()},
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
