"""Columns of several requests, checked one by one and put together for the model.

The check of a request is its own, so that what is wrong is refused alone and before it waits.
A batch that fails is tried again in halves, down to single requests: one bad row harms nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bucle.base.errors import BucleError, Invalid, Unavailable
from bucle.interfaces.predict.codec import Call, Column
from bucle.interfaces.predict.engines import Array, Engine, ModelError, quick_columns, taken
from bucle.interfaces.predict.tickets import Ticket, Worked
from bucle.lifecycle import registry
from bucle.lifecycle.registry import Field

Fill = Callable[[dict[str, Column], int], dict[str, Column]]

_QUICK: dict[str, frozenset[type]] = {
    "float64": frozenset({float, int}),
    "int64": frozenset({int}),
    "bool": frozenset({bool}),
    "string": frozenset({str}),
}


class Checker:
    """Checks requests to one model; `later` are columns that will be read from a store."""

    def __init__(self, inputs: Sequence[Field], later: frozenset[str] = frozenset()) -> None:
        self._inputs = tuple(inputs)
        self._later = later
        self._kinds = tuple((field.name, _QUICK.get(field.type)) for field in inputs)

    def check(self, call: Call) -> tuple[object, dict[str, Array] | None]:
        """Return a request's layout and, unless it is plain lists, its columns as arrays.

        Raises:
            Invalid: a column is missing, or holds what the model does not take; it is named.
        """
        columns = call.columns
        for name, kinds in self._kinds:
            values = columns.get(name)
            if values is None and name in self._later:
                continue
            if kinds is None or type(values) is not list or not kinds.issuperset(map(type, values)):
                return self._closely(call)
        return tuple(columns), None

    def _closely(self, call: Call) -> tuple[object, dict[str, Array]]:
        columns = call.columns
        fields = [
            field
            for field in self._inputs
            if field.name in columns or field.name not in self._later
        ]
        arrays = _checked(columns, fields)
        kinds = tuple(array.dtype.char for array in arrays.values())
        return (tuple(columns), kinds), arrays


def work(
    engine: Engine, tickets: Sequence[Ticket], fill: Fill | None, seconds: Callable[[], float]
) -> list[Worked]:
    """Answer checked tickets, those of one layout together; raises nothing of the model's."""
    if len({ticket.layout for ticket in tickets}) == 1:
        return _tried(engine, tickets, fill, seconds)
    groups: dict[object, list[Ticket]] = {}
    for ticket in tickets:
        groups.setdefault(ticket.layout, []).append(ticket)
    return [one for group in groups.values() for one in _tried(engine, group, fill, seconds)]


def _tried(
    engine: Engine, tickets: Sequence[Ticket], fill: Fill | None, seconds: Callable[[], float]
) -> list[Worked]:
    worked = _together(engine, tickets, fill, seconds)
    # A store that does not answer one request would not answer the next.
    if worked.error is None or len(tickets) == 1 or isinstance(worked.error, Unavailable):
        return [worked]
    middle = len(tickets) // 2
    return [
        *_tried(engine, tickets[:middle], fill, seconds),
        *_tried(engine, tickets[middle:], fill, seconds),
    ]


def _together(
    engine: Engine, tickets: Sequence[Ticket], fill: Fill | None, seconds: Callable[[], float]
) -> Worked:
    columns = joined(tickets)
    rows = sum(ticket.call.count for ticket in tickets)
    try:
        if fill is not None:
            columns = fill(columns, rows)
        start = seconds()
        outputs = _called(engine, tickets, columns)
        model_s = seconds() - start
        _match(outputs, rows)
    except (BucleError, ModelError) as error:
        return Worked(tickets, columns, error=error)
    return Worked(tickets, columns, outputs, model_s=model_s)


def _called(
    engine: Engine, tickets: Sequence[Ticket], columns: Mapping[str, Column]
) -> dict[str, Array]:
    if tickets[0].arrays is None:
        matrix = engine.matrix(columns)
        if matrix is not None:
            return engine.call_matrix(matrix)
        return engine.call_arrays(engine.checked(columns))
    arrays = _concatenated([ticket.arrays for ticket in tickets if ticket.arrays is not None])
    if len(arrays) < len(engine.inputs):  # the rest was read from a store just now
        arrays = engine.checked({**columns, **arrays})
    return engine.call_arrays(arrays)


def _checked(columns: Mapping[str, Column], fields: Sequence[Field]) -> dict[str, Array]:
    quick = quick_columns(columns, fields)
    if quick is not None:
        return quick
    return registry.check_columns(taken(columns, fields), fields)


def joined(tickets: Sequence[Ticket]) -> dict[str, Column]:
    """Return the columns of tickets of one layout; those of one alone are not copied."""
    first = tickets[0].call
    if len(tickets) == 1:
        return dict(first.columns)
    if all(ticket.call.count == 1 for ticket in tickets) and tickets[0].arrays is None:
        return {
            name: [ticket.call.columns[name][0] for ticket in tickets] for name in first.columns
        }
    return {name: _one([ticket.call.columns[name] for ticket in tickets]) for name in first.columns}


def _one(parts: Sequence[Column]) -> Column:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    found: list[Any] = []
    for part in parts:
        found.extend(part.tolist() if isinstance(part, np.ndarray) else part)
    return found


def _concatenated(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _match(outputs: Mapping[str, Array], rows: int) -> None:
    """Refuse answers that can not be told apart: a model may return what it likes.

    Raises:
        ModelError: it gave another number of answers than there are rows.
    """
    for name, column in outputs.items():
        if len(column) != rows:
            raise ModelError(f"the model gave {len(column)} values of {name!r} for {rows} rows")


def check_rows(call: Call, limit: int) -> None:
    """Refuse more rows than one request may hold.

    Raises:
        Invalid: there are more.
    """
    if call.count > limit:
        raise Invalid(
            f"{call.count} rows in one request; {limit} are allowed",
            hint="split them over several requests",
        )
