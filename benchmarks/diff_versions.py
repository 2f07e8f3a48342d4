"""What does a diff of two versions by key cost, beside DuckDB's own join on key and row hash?

    python benchmarks/diff_versions.py [--rows 5000000] [--columns 10]

One row in a hundred differs, in every file, so that no file is shared.  The limit is one
statement: a full join of both tables on the key, with a hash of each row, that counts.  Ours
also checks every file's digest, and shows some of the rows.
"""

import resource
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from commit_rows import best, table_of
from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import DatasetSpec, commit_table, declare, diff, get_version, paths

LIMIT = """
SELECT count(*) FILTER (WHERE a.h IS NULL) AS added, count(*) FILTER (WHERE b.h IS NULL) AS gone,
       count(*) FILTER (WHERE a.h <> b.h) AS changed
FROM (SELECT id, hash(COLUMNS(*)) AS h FROM l) AS a
FULL JOIN (SELECT id, hash(COLUMNS(*)) AS h FROM r) AS b ON a.id = b.id
"""


def main() -> None:
    """Measure both and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--columns", type=int, default=10)
    asked = parser.parse_args()
    rows = 200_000 if asked.quick else asked.rows
    table = table_of(rows, asked.columns)
    changed = np.where(np.arange(rows) % 100 == 0, -1.0, table.column("c1").to_numpy())
    other = table.set_column(table.schema.get_field_index("c1"), "c1", pa.array(changed))
    with tempfile.TemporaryDirectory() as folder:
        house = House(load_settings({"BUCLE_HOME": folder}))
        session = house.session()
        with session.begin() as scope:
            declare(scope, DatasetSpec(name="measured", key=("id",)))
        for one in (table, other):
            commit_table(session, "measured", one)
        with session.begin(write=False) as scope:
            versions = [get_version(scope, f"measured@{number}") for number in (1, 2)]
        del table, other
        left, right = (list[str | Path](paths(session, version)) for version in versions)
        columns = ", ".join(f'"{name}"' for name in versions[0].column_names)
        statement = LIMIT.replace("COLUMNS(*)", columns)
        tables = {"l": left, "r": right}
        limit = best(2, lambda _: session.drivers.engine.query(statement, tables=tables))
        ours = best(2, lambda _: diff(session, versions[0].ref, versions[1].ref))
        found = diff(session, versions[0].ref, versions[1].ref)
        house.close()
    tell(Figure(
        benchmark="diff", ours=ours[0], beside=limit[0], against="DuckDB's join on key and hash",
        unit="CPU seconds",
        details={
            "rows": rows, "columns": asked.columns, "rows_changed": found.rows_changed,
            "wall_s": round(ours[1], 3), "limit_wall_s": round(limit[1], 3),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
