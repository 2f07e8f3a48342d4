"""What the prediction log costs per row, beside the least that Parquet files of the same rows cost.

    python benchmarks/prediction_log.py [--rows 200000]

Rows of five numbers and one answer, as a model server logs them: requests of one row, 32 or one
at a time.  The log writes each batch ahead with one call of the system, ships files of 10,000
rows as Parquet and merges sixteen of these; all of that is in the figure.  The peer is
`pyarrow.parquet.write_table` of the same columns, 10,000 rows a file, from lists of Python's
values (that is what a server has) and from arrays that are there already.

Figures are microseconds of processor time per row, user and system, of all threads.
"""

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from report import Figure, arguments, tell

from bucle.drivers.blobs import open_blobs
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.wal import LoggedField, Source

NAMES = tuple(f"x{number}" for number in range(5))
SOURCE = Source(
    number=0,
    project="default",
    deployment="deployment:demand@3",
    model="model:demand@7",
    variant="champion",
    inputs=tuple(LoggedField(name, "float64") for name in NAMES),
    outputs=(LoggedField("prediction", "float64"),),
)
PER_FILE = 10_000


def main() -> None:
    """Measure the log and its peers and print what was found."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bucle-log-"))
    chance = np.random.default_rng(7)
    matrix = chance.random((asked.rows, len(NAMES)))
    rows = asked.rows // 8 if asked.quick else asked.rows
    matrix = matrix[:rows]
    try:
        log_in(folder, matrix[:2000], 32)  # imports, first files
        listed, arrays = us(parquet_in(folder, matrix, lists=True)), us(parquet_in(folder, matrix))
        for name, batch, lists in (("32 rows at a time, arrays", 32, False),
                                   ("32 rows at a time, lists", 32, True),
                                   ("1 row at a time, lists", 1, True)):  # fmt: skip
            tell(
                Figure(
                    benchmark=f"prediction log, {name}",
                    ours=us(log_in(folder, matrix, batch, lists=lists)),
                    beside=listed if lists else arrays,
                    against="pyarrow, from lists" if lists else "pyarrow, from arrays",
                    unit="us of processor time per row",
                    details={"rows": rows, "columns": len(NAMES)},
                )
            )
    finally:
        shutil.rmtree(folder)


def us(cost: tuple[float, int]) -> float:
    """Return microseconds per row."""
    seconds, rows = cost
    return round(seconds / rows * 1e6, 2)


def measured(work: Callable[[], None]) -> float:
    """Return the processor seconds of this process that work takes, of all its threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def log_in(
    folder: Path, matrix: np.ndarray, batch: int, *, lists: bool = False
) -> tuple[float, int]:
    """Log all rows, and wait until they are shipped."""
    name = secrets.token_hex(4)
    blobs = open_blobs(f"file://{folder / name}/blobs")
    log = PredictionLog(folder / name / "log", blobs)
    ids, number, now = PredictionIds(), log.source(SOURCE), datetime.now(UTC)
    at_us, latency = int(now.timestamp() * 1e6), [50] * batch
    batches = [matrix[start : start + batch] for start in range(0, len(matrix), batch)]
    sent = [[each[:, place] for place in range(len(NAMES))] for each in batches]
    if lists:
        sent = [[column.tolist() for column in each] for each in sent]

    def work() -> None:
        for columns in sent:
            log.append_many(
                source=number,
                epoch=0,
                ids=ids.take(now, len(columns[0])),
                at_us=at_us,
                latency_us=latency[: len(columns[0])],
                columns=dict(zip(NAMES, columns, strict=True)),
                outputs={"prediction": columns[0]},
            )
        log.close()

    return measured(work), len(matrix)


def parquet_in(folder: Path, matrix: np.ndarray, *, lists: bool = False) -> tuple[float, int]:
    """Write the same columns as Parquet files."""
    ids, now = PredictionIds(), datetime.now(UTC)
    at_us = int(now.timestamp() * 1e6)
    taken = ids.take(now, len(matrix))
    rows = matrix.tolist() if lists else matrix

    def work() -> None:
        for start in range(0, len(matrix), PER_FILE):
            part, count = rows[start : start + PER_FILE], min(PER_FILE, len(matrix) - start)
            columns = [*zip(*part, strict=True)] if lists else [*part.T]
            table = pa.table({
                "id": taken[start : start + PER_FILE],
                "at": pa.array([at_us] * count).cast(pa.timestamp("us", "UTC")),
                "deployment_ref": [SOURCE.deployment] * count,
                "model_ref": [SOURCE.model] * count,
                "variant": [SOURCE.variant] * count,
                "latency_us": [50] * count,
                "error": [""] * count,
                **{f"in_{name}": pa.array(columns[place], pa.float64())
                   for place, name in enumerate(NAMES)},
                "out_prediction": pa.array(columns[0], pa.float64()),
            })  # fmt: skip
            pq.write_table(table, folder / f"{secrets.token_hex(4)}.parquet", compression="zstd")

    return measured(work), len(matrix)


if __name__ == "__main__":
    main()
