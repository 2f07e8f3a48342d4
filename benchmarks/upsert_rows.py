"""What does an upsert of neighbouring rows by key cost, in processor time and bytes written?

    python benchmarks/upsert_rows.py [--rows 5000000] [--changed 50000] [--columns 10]

The rows are 50,000 whose keys follow one another, in the middle of the table.  Beside it: a plain
write of the whole table, which is what a change costs where files are not shared.  Bytes are
those of files that the version before it has not.
"""

import tempfile
from pathlib import Path

import numpy as np
from commit_rows import best, plain_write, table_of
from report import Figure, arguments, tell

from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import (
    DatasetSpec,
    commit_table,
    declare,
    delete_keys,
    get_version,
    upsert_table,
)


def main() -> None:
    """Measure and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--changed", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=10)
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.changed = 300_000, 5_000
    table = table_of(asked.rows, asked.columns)
    part = table.slice(asked.rows // 2, asked.changed)
    place = part.schema.get_field_index("c1")
    values = part.column("c1").to_numpy() + 1.0
    change = part.set_column(place, "c1", [values])
    with tempfile.TemporaryDirectory() as folder:
        house = House(load_settings({"BUCLE_HOME": folder}))
        session = house.session()
        with session.begin() as scope:
            declare(scope, DatasetSpec(name="measured", key=("id",)))
        plain = best(1, lambda _: plain_write(table, Path(folder, "plain.parquet")))
        commit_table(session, "measured", table)
        ours = best(1, lambda _: upsert_table(session, "measured", change))
        gone = change.select(["id"]).filter(np.arange(asked.changed) % 2 == 0)
        taken = best(1, lambda _: delete_keys(session, "measured", gone))
        with session.begin(write=False) as scope:
            versions = [get_version(scope, f"measured@{number}") for number in (1, 2, 3)]
        house.close()
    before, after, last = [{file.digest: file for file in one.files} for one in versions]
    written = sum(file.size_bytes for digest, file in after.items() if digest not in before)
    tell(Figure(
        benchmark="upsert", ours=ours[0], beside=plain[0], against="a plain write of all rows",
        unit="CPU seconds",
        details={
            "rows": asked.rows, "changed": asked.changed, "columns": asked.columns,
            "written_bytes": written, "files_shared": len(before.keys() & after.keys()),
            "files": len(after), "wall_s": round(ours[1], 3),
            "delete_cpu_s": round(taken[0], 3),
            "delete_written_bytes": sum(
                file.size_bytes for digest, file in last.items() if digest not in after
            ),
        },
    ))  # fmt: skip


if __name__ == "__main__":
    main()
