"""Compute on-demand features from rows of inputs: one way for training, reading and serving.

SQL is evaluated by the engine everywhere, a function by the same call: a row gives the same
whether it is asked for alone or among a million, which registering a view has tried.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from bucle.base.codec import utc
from bucle.base.errors import Invalid
from bucle.drivers.compute.captured import Runner
from bucle.drivers.engine import Engine
from bucle.lifecycle.features.compute import ROW, quoted
from bucle.lifecycle.features.functions.call import TYPES, outputs_of
from bucle.lifecycle.features.records import Kind, OnDemand, OnlineView

EngineOf: TypeAlias = Callable[[], Engine]  # opened when there is SQL only: 60 MB
_SQL_TYPES: Mapping[str, str] = {
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
}


def computed(engine: EngineOf, run: Runner, view: OnlineView, rows: pa.Table) -> pa.Table:
    """Return a row of on-demand features for each row of inputs and request columns.

    Raises:
        Invalid: an expression or the function fails, or does not give a value for each row.
    """
    found: dict[str, Any] = {}
    by_sql = [each for each in view.on_demand if each.sql]
    if by_sql:
        made = _by_sql(engine(), view, by_sql, rows)
        found |= {each.name: made[each.name] for each in by_sql}
    if view.function:
        kinds = {each.name: each.type for each in view.on_demand if not each.sql}
        made = run(outputs_of, view.function, rows, kinds)
        found |= {name: made[name] for name in kinds}
    return pa.table({each.name: found[each.name] for each in view.on_demand})


def rows_of(
    inputs: Mapping[str, Sequence[Any]],
    types: Mapping[str, pa.DataType | None],
    request: pa.Table,
) -> pa.Table:
    """Return values that were read online beside what the request says, as a table."""
    made = {name: _typed(values, types.get(name)) for name, values in inputs.items()}
    return pa.table(made | {name: request[name] for name in request.column_names})


def request_table(
    about: str, request: Mapping[str, Kind], said: Mapping[str, Sequence[Any]], rows: int
) -> pa.Table:
    """Return what a request says of some rows, typed as the view wants it.

    Raises:
        Invalid: it says nothing of a column, or a value is of another type.
    """
    columns = {}
    for name, kind in request.items():
        if name not in said:
            raise Invalid(
                f"{about} is computed from {name!r} ({kind}), which the request does not say",
                hint=f"send {', '.join(request)} with each row",
            )
        values = said[name]
        if len(values) != rows:
            raise Invalid(f"{name!r} has {len(values)} values for {rows} rows")
        columns[name] = pa.array([_plain(name, value, kind) for value in values], TYPES[kind])
    # One column at least, so that a table of a view without request columns has its rows.
    return pa.table(columns)


def request_columns(about: str, request: Mapping[str, Kind], entities: pa.Table) -> pa.Table:
    """Return the request's columns of entity rows, typed as the view wants them.

    Raises:
        Invalid: the entities lack a column, or it is of another type.
    """
    columns = {}
    for name, kind in request.items():
        if name not in entities.column_names:
            raise Invalid(
                f"{about} is computed from {name!r} ({kind}), which the entities have not",
                hint="in a training set the request's columns are columns of the entities",
            )
        column = entities[name]
        try:
            columns[name] = _cast(column, kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Invalid(
                f"{name!r} of the entities is {column.type}, and {about} wants {kind}: {error}",
                hint=f"cast {name!r}",
            ) from error
    return pa.table(columns)


def _cast(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """Cast as a request's value is read: a number to the nearest fraction, and no text to one."""
    given, wanted = column.type, TYPES[kind]
    if pa.types.is_dictionary(given):
        column, given = column.cast(given.value_type), given.value_type
    is_number = pa.types.is_integer(given) or pa.types.is_floating(given)
    is_number = is_number or pa.types.is_decimal(given)
    is_text = pa.types.is_string(given) or pa.types.is_large_string(given)
    is_time = pa.types.is_timestamp(given) or pa.types.is_date(given)
    fits = {
        "float64": is_number,
        "int64": is_number,
        "bool": pa.types.is_boolean(given),
        "string": is_text,
        "timestamp": is_time or is_text,
    }[kind]
    if not fits and not pa.types.is_null(given):
        raise pa.ArrowInvalid(f"a {given} is no {kind}")
    if kind == "timestamp" and not pa.types.is_null(given):
        if is_text:
            values = [_plain("", value, kind) for value in column.to_pylist()]
            return pa.chunked_array([pa.array(values, wanted)])
        if not pa.types.is_timestamp(given):
            column = column.cast(pa.timestamp("us"))
    return column.cast(wanted, safe=kind in {"int64", "bool"})


def _plain(name: str, value: object, kind: Kind) -> object:
    """Return one value of a request in its type."""
    found = value
    match kind, value:
        case _, None:
            pass
        case ("bool", bool()) | ("string", str()):
            pass
        case "float64", int() | float() if not isinstance(value, bool):
            found = float(value)
        case "int64", int() if not isinstance(value, bool):
            pass
        case "int64", float() if value.is_integer():
            found = int(value)
        case "timestamp", datetime():
            found = utc(value)
        case "timestamp", str():
            found = _moment(name, value)
        case _:
            raise Invalid(
                f"{name!r} is {value!r}, which is no {kind}", hint=f"send a {kind} or null"
            )
    return found


def _moment(name: str, text: str) -> datetime:
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise Invalid(
            f"{name!r} is {text!r}, which is no time", hint="2026-01-31T14:30:00Z, or null"
        ) from error


def _typed(values: Sequence[Any], type_: pa.DataType | None) -> pa.Array:
    if type_ is None:
        return pa.array(values)
    try:
        return pa.array(values, type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # What a request says in a feature's place may be of a wider type.
        return pa.array(values)


def _by_sql(
    engine: Engine, view: OnlineView, features: Sequence[OnDemand], rows: pa.Table
) -> pa.Table:
    numbered = rows.append_column(ROW, pa.array(np.arange(rows.num_rows)))
    try:
        found = engine.query(_statement(features), tables={"request": numbered})
    except Invalid as error:
        raise _blamed(engine, view, features, numbered, error) from error
    if found.num_rows != rows.num_rows:
        raise Invalid(
            f"{view.ref} gives {found.num_rows} values for {rows.num_rows} rows",
            hint="write an expression of one row, without aggregates",
        )
    return found


def _statement(features: Sequence[OnDemand]) -> str:
    chosen = ", ".join(
        f"({each.sql}\n)::{_SQL_TYPES[each.type]} AS {quoted(each.name)}" for each in features
    )
    return f"SELECT {ROW}, {chosen} FROM request ORDER BY {ROW}"


def _blamed(
    engine: Engine,
    view: OnlineView,
    features: Sequence[OnDemand],
    rows: pa.Table,
    error: Invalid,
) -> Invalid:
    """Return the error with the name of the expression that it is about."""
    for each in features:
        try:
            engine.query(_statement([each]), tables={"request": rows})
        except Invalid as own:
            names = [name for name in rows.column_names if name != ROW]
            told = str(own).partition("\n")[0]
            return Invalid(
                f"{each.name} = {each.sql} of {view.ref} can not be computed: {told}",
                hint=f"it may use {', '.join(names)}",
            )
    return error
