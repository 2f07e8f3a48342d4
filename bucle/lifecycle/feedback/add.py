"""Take labels in: one by prediction, the latest counts, and none is forgotten."""

import math
from collections.abc import Sequence
from datetime import datetime

from bucle.base.errors import Invalid
from bucle.base.ids import milliseconds_of, new_id
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.feedback import store
from bucle.lifecycle.feedback.records import Label, LabelReceipt

Value = float | int | bool | str


def add_labels(
    scope: Scope,
    deployment: str,
    ids: Sequence[str],
    values: Sequence[Value],
    *,
    at: datetime | None = None,
) -> LabelReceipt:
    """Take labels by prediction id.

    The same value again is ignored, so that a batch may be sent twice; another value corrects
    the first, which is kept.  An id that the log does not show yet is kept too: a label may
    come before the model server hands its log over.

    Raises:
        Invalid: ids and values are not as many, an id is none or comes twice with two values,
            or a value is infinite or no number.
    """
    ref = Ref("deployment", deployment)
    scope.require(Permission.FEEDBACK_WRITE, ref)
    given = _labels(ids, values, at or scope.now)
    # Inserted first and compared afterwards: another sender may have the same ids in hand.
    new = store.add_labels(scope.tx, scope.project, deployment, list(given.values()))
    rest = [id_ for id_ in given if id_ not in new]
    known = store.find_labels(scope.tx, scope.project, deployment, rest)
    changed = [
        (new_id(scope.now), known[id_], given[id_])
        for id_ in rest
        if _value(known[id_]) != _value(given[id_])
    ]
    store.correct_labels(scope.tx, scope.project, deployment, changed, scope.now)
    receipt = LabelReceipt(
        received=len(ids),
        new=len(new),
        corrected=len(changed),
        repeated=len(ids) - len(new) - len(changed),
    )
    if new or changed:
        scope.record("labels.received", ref, new=len(new), corrected=len(changed))
    return receipt


def _labels(ids: Sequence[str], values: Sequence[Value], at: datetime) -> dict[str, Label]:
    if len(ids) != len(values):
        raise Invalid(
            f"{len(ids)} prediction ids came with {len(values)} labels",
            hint="give one label for each id",
        )
    found: dict[str, Label] = {}
    for id_, value in zip(ids, values, strict=True):
        milliseconds_of(id_)
        if isinstance(value, float) and not math.isfinite(value):
            raise Invalid(
                f"the label of prediction {id_} is {value}", hint="leave out what is not known yet"
            )
        label = label_of(id_, value, at)
        if id_ in found and _value(found[id_]) != _value(label):
            raise Invalid(
                f"prediction {id_} comes twice, with {_value(found[id_])!r} and {value!r}",
                hint="send one label for each prediction",
            )
        found[id_] = label
    # In the order of ids, so that two senders of the same ids wait for each other, not both.
    return dict(sorted(found.items()))


def label_of(prediction_id: str, value: Value, at: datetime) -> Label:
    """Return a value as a label: a text, or a number (true is 1)."""
    if isinstance(value, str):
        return Label(prediction_id=prediction_id, text=value, at=at)
    return Label(prediction_id=prediction_id, number=float(value), at=at)


def _value(label: Label) -> float | str | None:
    return label.number if label.text is None else label.text
