"""Read labels, alone or joined with the predictions that they are of."""

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.ids import encode_ulid
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.feedback import store
from bucle.lifecycle.feedback.records import FeedbackStatus
from bucle.lifecycle.serving import read_predictions

FEATURE, OUTPUT = "in_", "out_"
ID_LATER = timedelta(seconds=1)  # so much may an id be later than its prediction


def labels_table(session: Session, deployment: str, since: datetime, until: datetime) -> pa.Table:
    """Return the labels in force of the predictions of `since <= at < until`.

    Columns: `prediction_id`, `label` (float64, or string where any label is a text) and
    `labelled_at`.  An id carries the moment of its prediction, so none needs to be looked up.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.FEEDBACK_READ)
        rows = store.read_labels(
            scope.tx, scope.project, deployment, first=_first_id(since), last=_first_id(until)
        )
    texts = any(row[2] is not None for row in rows)
    values = [_text(row[1], row[2]) if texts else row[1] for row in rows]
    return pa.table(
        {
            "prediction_id": pa.array([row[0] for row in rows], pa.string()),
            "label": pa.array(values, pa.string() if texts else pa.float64()),
            "labelled_at": pa.array([row[3] for row in rows], pa.timestamp("us", tz="UTC")),
        }
    )


def labelled_predictions(
    session: Session, deployment: str, since: datetime, until: datetime
) -> pa.Table:
    """Return the labelled predictions of a window, oldest first.

    Columns: `id`, `at`, `deployment_ref`, `model_ref`, the features under their own names, the
    outputs as `out_<name>`, `label` and `labelled_at`.
    """
    labels = labels_table(session, deployment, since, until + ID_LATER)
    predictions = read_predictions(session, deployment, since, until)
    # A lookup and not a join: Arrow joins no tables with lists (of probabilities) in them.
    place = pc.index_in(predictions["id"], value_set=labels["prediction_id"].combine_chunks())
    for name in ("label", "labelled_at"):
        predictions = predictions.append_column(name, labels[name].take(place))
    return plain_names(predictions.filter(pc.is_valid(place)))


def plain_names(predictions: pa.Table) -> pa.Table:
    """Give features their own names back, as far as no other column has them."""
    taken = {name for name in predictions.column_names if not name.startswith(FEATURE)}
    return predictions.rename_columns(
        [
            name.removeprefix(FEATURE) if name.removeprefix(FEATURE) not in taken else name
            for name in predictions.column_names
        ]
    )


def feedback_status(scope: Scope) -> tuple[FeedbackStatus, ...]:
    """Return how much feedback each deployment has had."""
    scope.require(Permission.FEEDBACK_READ)
    return tuple(
        FeedbackStatus(deployment=name, labels=all_, waiting=waiting, corrections=fixed)
        for name, (all_, waiting, fixed) in sorted(
            store.count_labels(scope.tx, scope.project).items()
        )
    )


def _first_id(moment: datetime) -> str:
    """Return the least id of a moment; a part of a millisecond counts as the next one."""
    milliseconds = -(-moment.timestamp() * 1000 // 1)
    return encode_ulid(max(0, int(milliseconds)), 0)


def _text(number: float | None, text: str | None) -> str | None:
    if text is not None or number is None:
        return text
    return str(int(number)) if number.is_integer() else str(number)
