"""Run a view's function on a table, and look at what it gives.

Offline and in the API it runs in a process of its own, as a pipeline's step does; a model server
runs it in a thread, as it runs a model.  Whatever a function raises is told with its name.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import pyarrow as pa

from bucle.base.code import Code
from bucle.base.errors import Invalid
from bucle.drivers.compute.captured import Runner, function_of, require_done
from bucle.lifecycle.features.records import Kind

TYPES: Mapping[str, pa.DataType] = {
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def in_thread(submit: "Callable[..., Future[Any]]") -> Runner:
    """Return a runner on a pool of threads, which must not be that of the caller."""

    def run(what: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401 - its value
        future = submit(what, *given)
        require_done(future, given)
        return future.result()

    return run


def outputs_of(code: Code, rows: pa.Table, kinds: Mapping[str, Kind]) -> pa.Table:
    """Call a function, and return its outputs, a value for each row.

    Raises:
        Invalid: an output is missing, of another length, or of another type.
    """
    found = function_of(code)(rows)
    if isinstance(found, pa.RecordBatch | pa.Table):
        found = {name: found.column(name) for name in found.schema.names}
    if not isinstance(found, Mapping):
        if len(kinds) > 1:
            raise Invalid(
                f"{code.function} gives a {type(found).__name__} for {len(kinds)} features",
                hint=f"return a dict with {', '.join(kinds)}",
            )
        found = dict.fromkeys(kinds, found)
    columns = {}
    for name, kind in kinds.items():
        if name not in found:
            raise Invalid(
                f"{code.function} gives no {name!r}", hint=f"it gives {', '.join(map(str, found))}"
            )
        columns[name] = _column(f"{name!r} of {code.function}", found[name], kind, rows.num_rows)
    return pa.table(columns)


def each_and_all(code: Code, rows: pa.Table, kinds: Mapping[str, Kind]) -> tuple[pa.Table, ...]:
    """Return a function's outputs of all rows at once, and of each row by itself."""
    alone = [outputs_of(code, rows.slice(place, 1), kinds) for place in range(rows.num_rows)]
    return outputs_of(code, rows, kinds), pa.concat_tables(alone)


def transformed(code: Code, rows: pa.Table) -> pa.Table:
    """Call a function that shapes rows, and return the table that it gives.

    Raises:
        Invalid: it gives none.
    """
    found: Any = function_of(code)(rows)
    if isinstance(found, pa.RecordBatch):
        found = pa.Table.from_batches([found])
    if hasattr(found, "iloc"):  # a data frame of pandas
        found = pa.Table.from_pandas(found, preserve_index=False)
    if not isinstance(found, pa.Table):
        raise Invalid(
            f"{code.function} gives a {type(found).__name__} for {rows.num_rows} rows",
            hint="return a pyarrow.Table, or a data frame",
        )
    return found.replace_schema_metadata(None)


def _column(about: str, values: Any, kind: Kind, rows: int) -> pa.ChunkedArray:  # noqa: ANN401 - whatever a function returns
    wanted = TYPES[kind]
    try:
        if not isinstance(values, pa.Array | pa.ChunkedArray):
            values = pa.array(values)
        column = values if values.type == wanted else values.cast(wanted, safe=kind != "float64")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError) as error:
        raise Invalid(f"{about} is no {kind}: {error}", hint="return an array") from error
    if len(column) != rows:
        raise Invalid(f"{about} has {len(column)} values for {rows} rows", hint="one for each row")
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column], wanted)
