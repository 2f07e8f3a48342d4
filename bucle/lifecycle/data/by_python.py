"""Ask a Python function what holds of rows, in a process of its own, for as long as it may take.

Only an answer is an answer: a function that raises, takes too long, ends its process, or gives
something else than was said of it makes the check an error, and never a pass.
"""

import ast
import math
import numbers
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.capture import MOST_CHARACTERS
from bucle.base.code import Code
from bucle.base.errors import BucleError, Invalid
from bucle.drivers.compute import Compute
from bucle.drivers.compute.captured import function_of, isolated
from bucle.drivers.engine import TableSource

TIMEOUT_S = 300.0
_SAMPLES = 3


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a function said of rows."""

    figure: float  # how many rows are bad, or what it said of the table: 0 holds
    places: np.ndarray  # of the bad rows, from 0
    samples: list[dict[str, Any]]  # some of them


def check_code(code: Code, about: str) -> None:
    """Refuse a text that can not be the function that it says.  Nothing of it is run.

    Raises:
        Invalid: it is no Python, is too long, or lacks the function.
    """
    hint = "give bucle.code_of(function)"
    if len(code.source) > MOST_CHARACTERS:
        raise Invalid(f"{about!r} has {len(code.source)} characters of Python", hint=hint)
    try:
        tree = ast.parse(code.source)
    except (SyntaxError, ValueError) as error:
        raise Invalid(f"{about!r} is no Python: {error}", hint=hint) from error
    if code.function not in [each.name for each in tree.body if isinstance(each, ast.FunctionDef)]:
        raise Invalid(f"the Python of {about!r} has no function {code.function!r}", hint=hint)


def ask(
    compute: Compute | None, table: TableSource, *, name: str, code: Code, of_rows: bool,
    shown: Sequence[str],
) -> Answer:  # fmt: skip
    """Return what a function says of a table; of a bad row, the columns in `shown` are samples.

    Raises:
        Invalid: there is no answer; the expectation, the function and the rows are named.
    """
    if compute is None:
        raise Invalid(
            f"the expectation {name!r} is Python, which does not run here",
            hint="expect it of a dataset, when that is declared",
        )
    run = isolated(compute, timeout_s=TIMEOUT_S)
    given = table if isinstance(table, pa.Table) else [str(path) for path in table]
    try:
        found: Answer = run(_answer, code, given, of_rows, tuple(shown))
    except BucleError as error:
        said = str(error)
        if not said.startswith(code.function):
            said = f"{code.function} failed on {_count(table)} rows: {said}"
        raise Invalid(
            f"the expectation {name!r} can not be executed: {said}",
            hint="correct the function, and declare the dataset again",
        ) from error
    return found


def _count(table: TableSource) -> int:
    if isinstance(table, pa.Table):
        return int(table.num_rows)
    return sum(pq.read_metadata(path).num_rows for path in table)


def _answer(
    code: Code,
    given: pa.Table | list[str],
    of_rows: bool,  # noqa: FBT001 - compute takes arguments by their places
    shown: tuple[str, ...],
) -> Answer:
    """Call the function, in the process that is its own."""
    rows = given if isinstance(given, pa.Table) else _read(given)
    if not of_rows:
        found = _of_table(code, function_of(code)(rows), rows.num_rows)
        return Answer(figure=found, places=np.array([], np.int64), samples=[])
    if not rows.num_rows:  # nothing is added: there is no row that could be bad
        return Answer(figure=0.0, places=np.array([], np.int64), samples=[])
    places = _bad_of(code, function_of(code)(rows), rows.num_rows)
    first = [{"bucle_row": int(place) + 1} for place in places[:_SAMPLES]]
    values = rows.select(list(shown)).take(pa.array(places[:_SAMPLES])).to_pylist()
    samples = [at | value for at, value in zip(first, values, strict=True)]
    return Answer(figure=float(len(places)), places=places, samples=samples)


def _read(paths: list[str]) -> pa.Table:
    parts = [pq.ParquetFile(Path(path)).read() for path in paths]
    return pa.concat_tables(parts, promote_options="permissive")


def _bad_of(code: Code, found: Any, rows: int) -> np.ndarray:  # noqa: ANN401 - whatever it returns
    """Return the places of the rows of which it is not true, from 0; missing is not true."""
    about = f"{code.function} gives"
    hint = "return an array of true and false, one for each row"
    if isinstance(found, str | bytes | dict | pa.Table | pa.RecordBatch) or not hasattr(
        found, "__len__"
    ):
        raise Invalid(
            f"{about} a {type(found).__name__} for {rows} rows",
            hint=f"{hint}, or declare it with python_of: table",
        )
    try:
        held = found if isinstance(found, pa.Array | pa.ChunkedArray) else pa.array(found)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError) as error:
        raise Invalid(f"{about} no array for {rows} rows: {error}", hint=hint) from error
    if len(held) != rows:
        raise Invalid(f"{about} {len(held)} answers for {rows} rows", hint=hint)
    if pa.types.is_null(held.type):
        held = held.cast(pa.bool_())
    if not pa.types.is_boolean(held.type):
        raise Invalid(f"{about} {held.type} for {rows} rows, and no booleans", hint=hint)
    true = pc.fill_null(held, fill_value=False)
    return np.flatnonzero(~true.to_numpy(zero_copy_only=False).astype(bool))


def _of_table(code: Code, found: Any, rows: int) -> float:  # noqa: ANN401 - whatever it returns
    """Return 0 where it holds: true is 0, and a number is that of what is wrong."""
    value = found.as_py() if isinstance(found, pa.Scalar) else found
    if isinstance(value, bool | np.bool_):
        return 0.0 if value else 1.0
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return abs(float(value))
    said = str(value) if isinstance(value, numbers.Real) else f"a {type(value).__name__}"
    raise Invalid(
        f"{code.function} gives {said} for the table of {rows} rows",
        hint="return true or false, or the number of what is wrong",
    )
