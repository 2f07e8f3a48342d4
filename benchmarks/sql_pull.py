"""How fast are the rows of a database drawn into a dataset, and in how much memory?

    python benchmarks/sql_pull.py [--rows 1000000] [--url postgresql://postgres@127.0.0.1:5432/postgres]

A table of six columns (int8, timestamptz, numeric, float8, text, boolean) is pulled from
PostgreSQL (made and dropped by this program) and from SQLite, each way in a process of its own.
Beside it: what a person would write, `pandas.read_sql` and one Parquet file; and, of PostgreSQL,
`COPY ... TO STDOUT` read and thrown away, which is the limit of what the server sends as text.
Memory is the most that a process held.  A pull also checks the rows and moves the watermark.
"""

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import Figure, arguments, tell

COLUMNS = "id, at, price, share, name, ok"
_TABLE = "bucle_sql_pull"


def main() -> None:
    """Measure and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default="postgresql://postgres@127.0.0.1:5432/postgres")
    parser.add_argument("--way", default="", help="(of a process of its own)")
    parser.add_argument("--file", default="", help="(of a process of its own)")
    asked = parser.parse_args()
    if asked.way:
        _alone(asked.way, asked.file or asked.url)
        return
    if asked.quick:
        asked.rows = 50_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "shop.db")
        _fill_sqlite(file, asked.rows)
        _tell("sql_pull_sqlite", asked.rows, f"sqlite:///{file}", ("pull", "pandas"))
    _fill_postgresql(asked.url, asked.rows)
    try:
        _tell("sql_pull_postgresql", asked.rows, asked.url, ("pull", "pandas", "copy"))
    finally:
        _run_postgresql(asked.url, f"DROP TABLE {_TABLE}")


def _tell(name: str, rows: int, url: str, ways: tuple[str, ...]) -> None:
    found = {way: _measured(way, url) for way in ways}
    details: dict[str, object] = {"rows": rows}
    for way, (wall_s, cpu_s, peak_bytes) in found.items():
        details |= {
            f"{way}_rows_per_s": round(rows / wall_s), f"{way}_cpu_s": round(cpu_s, 2),
            f"{way}_peak_mb": round(peak_bytes / 1e6),
        }  # fmt: skip
    tell(Figure(
        benchmark=name, ours=rows / found["pull"][0], beside=rows / found["pandas"][0],
        against="pandas.read_sql and to_parquet", unit="rows/s", details=details,
    ))  # fmt: skip


def _measured(way: str, url: str) -> tuple[float, float, int]:
    program = [sys.executable, __file__, "--way", way, "--file", url]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    wall_s, cpu_s, peak_bytes = json.loads(done.stdout.splitlines()[-1])
    return wall_s, cpu_s, peak_bytes


def _alone(way: str, url: str) -> None:
    """Draw the rows in this process, and print wall and processor seconds and the peak."""
    with tempfile.TemporaryDirectory() as folder:
        draw = {"pull": _pull, "pandas": _pandas, "copy": _copy}[way](url, Path(folder))
        before = time.process_time()
        start = time.perf_counter()
        draw()
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps([wall_s, cpu_s, peak]) + "\n")


def _pull(url: str, folder: Path):  # noqa: ANN202 - a function
    from bucle.base.settings import load_settings
    from bucle.governance.session import House
    from bucle.lifecycle.data import DatasetSpec, SourceSpec, declare, pull

    session = House(load_settings({"BUCLE_HOME": str(folder)})).session()
    one = SourceSpec(url=url, query=f"SELECT {COLUMNS} FROM {_TABLE} WHERE id = 1")
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="one", source=one))
        source = SourceSpec(url=url, table=_TABLE, watermark="id")
        declare(scope, DatasetSpec(name="orders", source=source))
    pull(session, "one")  # what is imported when it is first used is not of the rows
    return lambda: pull(session, "orders")


def _pandas(url: str, folder: Path):  # noqa: ANN202 - a function
    import pandas as pd
    from sqlalchemy import create_engine

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    query = f"SELECT {COLUMNS} FROM {_TABLE} ORDER BY id"
    pd.read_sql(f"{query} LIMIT 1", engine).to_parquet(folder / "one.parquet")
    return lambda: pd.read_sql(query, engine).to_parquet(folder / "rows.parquet")


def _copy(url: str, _folder: Path):  # noqa: ANN202 - a function
    import psycopg

    connection = psycopg.connect(url)

    def read() -> int:
        query = f"COPY (SELECT {COLUMNS} FROM {_TABLE} ORDER BY id) TO STDOUT"
        with connection.cursor() as cursor, cursor.copy(query) as copied:
            return sum(len(part) for part in copied)

    return read


def _fill_sqlite(file: Path, rows: int) -> None:
    with sqlite3.connect(file) as opened:
        opened.execute(
            f"CREATE TABLE {_TABLE} (id INTEGER PRIMARY KEY, at DATETIME, price DECIMAL(10, 2),"
            " share FLOAT, name TEXT, ok BOOLEAN)"
        )
        opened.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
            f"INSERT INTO {_TABLE} SELECT i, datetime(1700000000 + i, 'unixepoch'), i / 100.0,"
            " i * 0.1, 'name ' || (i % 1000), i % 2 FROM n"
        )


def _fill_postgresql(url: str, rows: int) -> None:
    _run_postgresql(
        url,
        f"DROP TABLE IF EXISTS {_TABLE}",
        f"CREATE TABLE {_TABLE} AS SELECT i::int8 AS id, to_timestamp(1700000000 + i) AS at,"
        " (i / 100.0)::numeric(10, 2) AS price, i * 0.1::float8 AS share,"
        f" 'name ' || (i % 1000) AS name, i % 2 = 0 AS ok FROM generate_series(1, {rows}) AS i",
        f"ALTER TABLE {_TABLE} ADD PRIMARY KEY (id)",
        f"ANALYZE {_TABLE}",
    )


def _run_postgresql(url: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


if __name__ == "__main__":
    main()
