"""Events and rows as a model takes them: one by one, so that a bad one spoils no other.

Columns that the model takes from feature views and a row lacks are read online, as a model server
does for a request.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from bucle.base.codec import utc
from bucle.base.errors import BucleError, Invalid
from bucle.drivers.house import Drivers
from bucle.governance.scope import Scope
from bucle.lifecycle import features
from bucle.lifecycle.features import OnlineView, read_features
from bucle.lifecycle.registry import Array, Field, ModelVersion, Predictor

Row = dict[str, Any]
_REASON = 300  # characters
# A model is other people's code: it may raise any of these, and the other events must go on.
MODEL_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NameError, OSError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip


class Told(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a model says of rows; a row that it does not take, or failed on, has a reason."""

    rows: list[Row]  # with the features that were filled in
    outputs: dict[str, list[Any]]  # None where a row has a reason
    errors: list[str]  # "": the row was answered


def views_of(scope: Scope, version: ModelVersion, inputs: Sequence[Field]) -> list[OnlineView]:
    """Return the views that a version was trained on and takes columns from."""
    names = {field.name for field in inputs}
    found = (features.get_view(scope, ref) for ref in version.views)
    return [features.reading(scope, view) for view in found if names & {*view.view.features}]


def predict_rows(
    predictor: Predictor, drivers: Drivers, views: Sequence[OnlineView], rows: Sequence[Row]
) -> Told:
    """Predict rows; all at once where all of them are good, else each by itself."""
    made, errors = [dict(row) for row in rows], [""] * len(rows)
    inputs = predictor.signature.inputs
    if views:
        errors = filled(drivers, views, inputs, made)
    good = [place for place, reason in enumerate(errors) if not reason]
    outputs: dict[str, list[Any]] = {
        field.name: [None] * len(rows) for field in predictor.signature.outputs
    }
    for places, answers in _answered(predictor, made, good, errors):
        for name, values in answers.items():
            column = outputs.setdefault(name, [None] * len(rows))
            for place, value in zip(places, values.tolist(), strict=True):
                column[place] = value
    return Told(rows=made, outputs=outputs, errors=errors)


def columns_from(rows: Sequence[Mapping[str, Any]], fields: Sequence[Field]) -> dict[str, Any]:
    """Return the columns of a model from rows; times are read from text.

    Raises:
        Invalid: a row lacks a column, or a time is none.
    """
    columns: dict[str, Any] = {}
    for field in fields:
        if any(field.name not in row for row in rows):
            raise Invalid(
                f"the column {field.name!r} is missing",
                hint=f"the model takes {', '.join(each.name for each in fields)}",
            )
        values = [row[field.name] for row in rows]
        columns[field.name] = _moments(values, field.name) if field.type == "timestamp" else values
    return columns


def _answered(
    predictor: Predictor, rows: Sequence[Row], good: list[int], errors: list[str]
) -> Iterator[tuple[list[int], dict[str, Array]]]:
    """Yield places and what the model says of them: all together, or each that it does take."""
    if not good:
        return
    answers = _said(predictor, [rows[place] for place in good])
    if not isinstance(answers, str):
        yield good, answers
        return
    for place in good:
        one = _said(predictor, [rows[place]]) if len(good) > 1 else answers
        if isinstance(one, str):
            errors[place] = one
        else:
            yield [place], one


def _said(predictor: Predictor, rows: Sequence[Row]) -> dict[str, Array] | str:
    """Return what a model says of rows, or why it does not."""
    try:
        return predictor.predict(columns_from(rows, predictor.signature.inputs))
    except BucleError as error:
        return error.message[:_REASON]
    except MODEL_ERRORS as error:
        told = (str(error).strip().splitlines() or [""])[0]
        return f"the model failed: {type(error).__name__}: {told}"[:_REASON]


def filled(
    drivers: Drivers, views: Sequence[OnlineView], inputs: Sequence[Field], rows: list[Row]
) -> list[str]:
    """Fill in, in place, what rows lack and views have; return the reasons of those without a key.

    Raises:
        Unavailable: the online store does not answer.
    """
    errors = [""] * len(rows)
    for view in views:
        wanted = [field.name for field in inputs if field.name in view.features]
        asking = []
        for place, row in enumerate(rows):
            if errors[place] or all(name in row for name in wanted):
                continue
            if lacking := [name for name in (*view.keys, *view.request) if name not in row]:
                errors[place] = f"{lacking[0]!r} is missing, by which {view.ref} is read"
                continue
            asking.append(place)
        if not asking:
            continue
        keys = [tuple(rows[place][name] for name in view.keys) for place in asking]
        said = {name: [rows[place][name] for place in asking] for name in view.request}
        read = read_features(drivers, view, keys, said).rows
        for place, found in zip(asking, read, strict=True):
            rows[place] = {name: plain(found[name]) for name in wanted} | rows[place]
    return errors


def plain(value: Any) -> Any:  # noqa: ANN401 - a feature's value
    """Return a value as an event would have it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value


def _moments(values: Sequence[object], name: str) -> Array:
    found = []
    for value in values:
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            moment = ""
        if moment is not None and not isinstance(moment, datetime):
            raise Invalid(
                f"the column {name!r} takes a time, not {value!r}",
                hint="write 2026-01-31T12:00:00Z",
            )
        found.append(utc(moment).astimezone(UTC).replace(tzinfo=None) if moment else None)
    return np.array(found, dtype="datetime64[us]")
