"""Join predictions with the labels that came, and hand them to the registry's metrics."""

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.lifecycle import registry
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.monitoring.window import FEATURE, OUTPUT

_PREDICTION, _PROBABILITY = f"{OUTPUT}prediction", f"{OUTPUT}probability"
_Value = float | bool | str
_TRUE, _FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})


class Usable(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled answers that can be scored, and how many can not."""

    rows: registry.Answered
    foreign: int  # labels that are no number, or no class of the model
    infinite: int  # answers that are infinite or no number


def with_labels(rows: pa.Table, labels: pa.Table | None, model: str) -> pa.Table:
    """Return the rows that a model answered well and that have a label, with their `label`."""
    if labels is None:
        return rows.slice(0, 0).append_column("label", pa.array([], pa.float64()))
    # A lookup and not a join: Arrow joins no tables with lists (of probabilities) in them.
    place = pc.index_in(rows["id"], value_set=labels["prediction_id"].combine_chunks())
    rows = rows.append_column("label", labels["label"].take(place))
    good = pc.and_(pc.equal(rows["model_ref"], model), pc.equal(rows["error"], ""))
    there = pc.and_(pc.is_valid(rows["label"]), pc.is_valid(rows[_PREDICTION]))
    return rows.filter(pc.and_(good, there))


def answered(
    joined: pa.Table,
    task: str,
    classes: tuple[str | int | bool, ...],
    costs: ErrorCosts | None,
) -> Usable:
    """Return joined rows as the registry's metrics take them; what can not be scored is counted."""
    actual = [_reader(classes)(value) for value in joined["label"].to_pylist()]
    known = np.array([value is not None for value in actual], dtype=np.bool_)
    answers = {"prediction": _array(joined[_PREDICTION])}
    if joined[_PROBABILITY].null_count == 0 and joined.num_rows:
        answers["probability"] = _array(joined[_PROBABILITY])
    finite = np.ones(joined.num_rows, dtype=np.bool_)
    if task == "regression":
        finite = np.isfinite(answers["prediction"].astype(np.float64))
    amounts = {
        name: _array(joined[FEATURE + name])
        for name in registry.amount_columns(costs)
        if joined[FEATURE + name].null_count == 0
    }
    rows = registry.Answered(
        task=task,
        classes=classes,
        actual=np.array([0 if value is None else value for value in actual]),
        answers=answers,
        amounts=amounts,
    )
    return Usable(
        rows=rows.take(np.flatnonzero(known & finite)),
        foreign=int(np.count_nonzero(~known)),
        infinite=int(np.count_nonzero(~finite)),
    )


def _reader(classes: tuple[str | int | bool, ...]) -> Callable[[float | str], _Value | None]:
    """Return what reads a label as the model speaks: as one of its classes, or as a number."""
    if not classes:
        return _number
    if isinstance(classes[0], bool):
        return lambda label: _truth(_text(label))
    known = {str(one): one for one in classes}
    return lambda label: known.get(_text(label))


def _number(label: float | str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _truth(text: str) -> bool | None:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    return None


def _text(label: float | str) -> str:
    """Return a label as a class is written: whole numbers without a point."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def _array(column: pa.ChunkedArray) -> registry.Array:
    if pa.types.is_nested(column.type):
        return np.asarray(column.to_pylist(), dtype=np.float64)
    return np.asarray(column.to_numpy())
