"""Write everything of an experiment's runs as tables: runs, params, metrics, points and more."""

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from bucle.base.codec import to_builtins
from bucle.drivers.blobs.content import store_file
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.tracking.files import list_files
from bucle.lifecycle.tracking.points import columns_of_run, summaries_of_run
from bucle.lifecycle.tracking.read import list_runs
from bucle.lifecycle.tracking.records import Run, RunQuery

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["parquet", "csv"]
_PAGE = 200
_RUN = {"run": "string", "name": "string", "kind": "string", "experiment": "string",
        "status": "string", "started_at": "string", "ended_at": "string", "started_by": "string",
        "parent": "string", "commit": "string", "environment": "string", "host": "string",
        "cpu_s": "double", "wall_s": "double", "peak_memory_bytes": "int64", "gpu_s": "double",
        "error": "string"}  # fmt: skip
# table -> its columns and their types; `value` of a parameter is text, `number` it as a number
TABLES: dict[str, dict[str, str]] = {
    "runs": _RUN,
    "params": {"run": "string", "name": "string", "value": "string", "number": "double"},
    "tags": {"run": "string", "name": "string", "value": "string"},
    "metrics": {"run": "string", "name": "string", "last": "double", "last_step": "int64",
                "last_at_ms": "int64", "minimum": "double", "maximum": "double",
                "count": "int64"},
    "points": {"run": "string", "name": "string", "step": "int64", "at_ms": "int64",
               "value": "double"},
    "links": {"run": "string", "direction": "string", "ref": "string"},
    "artifacts": {"run": "string", "path": "string", "digest": "string", "size_bytes": "int64"},
}  # fmt: skip


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One table, as stored content."""

    name: str  # such as points.parquet
    digest: str
    rows: int


def export_runs(
    session: Session, experiment: str | None = None, *, as_: Format = "parquet"
) -> tuple[ExportedFile, ...]:
    """Write the tables of an experiment's runs (without one: of all) into the content store.

    Runs are read in short transactions, so a run that goes on meanwhile may be seen as it was.
    """
    with tempfile.TemporaryDirectory(prefix="bucle-export-") as folder:
        tables = {name: _Table(Path(folder) / f"{name}.{as_}", TABLES[name]) for name in TABLES}
        token: str | None = None
        while True:
            with session.begin(write=False) as scope:
                scope.require(Permission.RUN_READ)
                page = list_runs(scope, RunQuery(experiment=experiment, order_by="started_at",
                                                 limit=_PAGE, token=token))  # fmt: skip
                for run in page.items:
                    _write(scope, run, tables)
            if (token := page.next_token) is None:
                break
        return tuple(
            ExportedFile(
                name=table.path.name,
                digest=store_file(session.drivers.blobs, table.close()),
                rows=table.rows,
            )
            for table in tables.values()
        )


class _Table:
    """A file of rows that is written in pieces."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        self.rows = 0
        self._names = list(columns)
        self._schema = pa.schema(
            [(name, pa.type_for_alias(kind)) for name, kind in columns.items()]
        )
        self._parquet = pq.ParquetWriter(path, self._schema, compression="zstd") \
            if path.suffix == ".parquet" else None  # fmt: skip
        self._csv = None if self._parquet else path.open("w", encoding="utf-8", newline="")
        if self._csv is not None:
            csv.writer(self._csv).writerow(self._names)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Append rows."""
        import pyarrow as pa

        if rows:
            self.write_columns(pa.Table.from_pylist(rows, schema=self._schema))

    def write_columns(self, table: "pa.Table") -> None:
        """Append a table of the columns."""
        self.rows += table.num_rows
        if self._parquet is not None:
            self._parquet.write_table(table)
        elif self._csv is not None:
            columns = [table.column(name).to_pylist() for name in self._names]
            csv.writer(self._csv).writerows(zip(*columns, strict=True))

    def close(self) -> Path:
        """End the file and return its path."""
        if self._parquet is not None:
            self._parquet.close()
        if self._csv is not None:
            self._csv.close()
        return self.path


def _write(scope: Scope, run: Run, tables: dict[str, _Table]) -> None:
    id_ = run.ref.name
    key = {"run": id_}
    tables["runs"].write([_run_row(run)])
    tables["params"].write([key | row for row in _params(run)])
    tables["tags"].write([key | {"name": n, "value": v} for n, v in run.tags.items()])
    tables["metrics"].write(
        [
            key | {"name": each.name, "last": each.last, "last_step": each.last_step,
                   "last_at_ms": each.last_at, "minimum": each.minimum,
                   "maximum": each.maximum, "count": each.count}
            for each in summaries_of_run(scope, id_)
        ]
    )  # fmt: skip
    for direction, refs in (("in", run.inputs), ("out", run.outputs)):
        tables["links"].write([key | {"direction": direction, "ref": str(ref)} for ref in refs])
    tables["artifacts"].write(
        [
            key | {"path": each.path, "digest": each.digest, "size_bytes": each.size_bytes}
            for each in list_files(scope, run.ref)
        ]
    )
    _write_points(scope, run, tables["points"])


def _write_points(scope: Scope, run: Run, table: _Table) -> None:
    import pyarrow as pa

    columns = columns_of_run(scope, run.ref.name)
    if not len(columns.codes):
        return
    names = pa.DictionaryArray.from_arrays(pa.array(columns.codes), pa.array(columns.names))
    table.write_columns(
        pa.table(
            {
                "run": pa.repeat(run.ref.name, len(columns.codes)),
                "name": names.cast(pa.string()),
                "step": columns.steps,
                "at_ms": columns.times,
                "value": columns.values,
            }
        )
    )


def _run_row(run: Run) -> dict[str, Any]:
    plain = to_builtins(replace(run, params={}, metrics={}, tags={}))
    usage = plain["usage"] or {}
    beside = {
        "run": run.ref.name,
        "parent": run.parent.name if run.parent else None,
        "commit": run.code.commit if run.code else None,
        "host": run.host.name if run.host else None,
    }
    row = plain | usage | beside
    return {name: row.get(name) for name in _RUN}


def _params(run: Run) -> Iterator[dict[str, Any]]:
    for name, value in run.params.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        text = value if isinstance(value, str) or value is None else str(value)
        yield {"name": name, "value": text, "number": float(value) if number else None}  # type: ignore[arg-type]
