"""Fold labelled predictions back into a dataset: each of them once, whatever is killed when.

A fold first takes its labels under a batch id, then commits the dataset with that id in the
commit's message, then writes down that it is over.  One that was cut off is found by its id:
if the dataset has a version of that batch, only the last step was missing.
"""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid, NotFound
from bucle.base.ids import milliseconds_of
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.feedback import store
from bucle.lifecycle.feedback.read import labelled_predictions
from bucle.lifecycle.feedback.records import FeedbackSpec

_MESSAGE = "feedback of {deployment}, batch {batch}"
_LOOK_BACK = 20  # versions among which a cut-off fold's one is looked for
_SPECIAL = {"@at": "at", "@id": "id", "@model": "model_ref"}


def fold(session: Session, spec: FeedbackSpec) -> data.DatasetVersion | None:
    """Append what was labelled since the last fold to the declared dataset.

    Returns None where nothing new was labelled.  A correction of a label that was folded
    already is not folded again: the dataset's version says what was known then.

    Raises:
        Invalid: a column of the dataset has no counterpart in the predictions.
        Refused: the dataset's expectations said no; the batch is tried again next time.
    """
    batch, ids = _open_batch(session, spec)
    if batch is None:
        return None
    message = _MESSAGE.format(deployment=spec.deployment, batch=batch)
    version = _made_before(session, spec.into, message)
    if version is None:
        since, until = _span(ids)
        joined = labelled_predictions(session, spec.deployment, since, until)
        mine = joined.filter(pc.is_in(joined["id"], pa.array(ids)))
        rows = shaped(mine, spec, _columns(session, spec.into))
        version = data.commit_table(session, spec.into, rows, mode="append", message=message)
    with session.begin() as scope:
        scope.require(Permission.DATASET_WRITE)
        store.end_fold(scope.tx, scope.project, batch, str(version.ref))
        ref = Ref("deployment", spec.deployment)
        scope.link(ref, version.ref, "folded", rows=len(ids), batch=batch)
        scope.record("feedback.folded", ref, dataset=version.ref, rows=len(ids))
    return version


def shaped(predictions: pa.Table, spec: FeedbackSpec, columns: tuple[data.Column, ...]) -> pa.Table:
    """Return labelled predictions in the columns of a dataset.  Pure.

    Columns that nothing is known of are null where the dataset allows that.

    Raises:
        Invalid: a column that may not be null has no counterpart, or a value has no such type.
    """
    names = {column.name for column in columns}
    if spec.label not in names:
        raise Invalid(
            f"dataset:{spec.into} has no column {spec.label!r} for the label",
            hint=f"its columns: {', '.join(sorted(names))}",
        )
    fields = []
    for column in columns:
        source = "label" if column.name == spec.label else spec.columns.get(column.name)
        source = _SPECIAL.get(source or column.name, source or column.name)
        if source in predictions.column_names:
            fields.append((column.name, predictions[source]))
        elif column.nullable:
            continue
        else:
            raise Invalid(
                f"dataset:{spec.into} needs {column.name!r}, which predictions of "
                f"{spec.deployment!r} do not have",
                hint=f"map it in feedback.{spec.name}.columns of bucle.yaml",
            )
    return pa.table(dict(fields))


def _open_batch(session: Session, spec: FeedbackSpec) -> tuple[str | None, list[str]]:
    """Return the batch that was cut off, or a new one of all that can be folded now."""
    with session.begin(write=False) as scope:
        scope.require(Permission.FEEDBACK_READ)
        before = store.find_open_fold(scope.tx, scope.project, spec.name)
        if before is not None:
            return before, store.batch_ids(scope.tx, scope.project, spec.deployment, before)
        waiting = store.unfolded_ids(scope.tx, scope.project, spec.deployment)
    if not waiting:
        return None, []
    since, until = _span(waiting)
    seen = labelled_predictions(session, spec.deployment, since, until)
    ids = sorted(set(waiting) & set(seen["id"].to_pylist()))
    if not ids:
        return None, []
    with session.begin() as scope:
        batch = scope.new_id()
        store.add_fold(scope.tx, scope.project, batch, spec.name, scope.now)
        store.take_labels(scope.tx, scope.project, spec.deployment, ids, batch)
        return batch, store.batch_ids(scope.tx, scope.project, spec.deployment, batch)


def _made_before(session: Session, dataset: str, message: str) -> data.DatasetVersion | None:
    with session.begin(write=False) as scope:
        try:
            recent = data.log(scope, dataset, limit=_LOOK_BACK)
        except NotFound:  # nothing was ever committed to it
            return None
    return next((version for version in recent.items if version.message == message), None)


def _columns(session: Session, dataset: str) -> tuple[data.Column, ...]:
    with session.begin(write=False) as scope:
        return data.get_version(scope, Ref("dataset", dataset)).columns


def _span(ids: list[str]) -> tuple[datetime, datetime]:
    """Return a window that holds the predictions of these ids, which are in order."""
    first, last = _moment(ids[0]), _moment(ids[-1])
    return first, last + timedelta(milliseconds=2)


def _moment(id_: str) -> datetime:
    return datetime.fromtimestamp(milliseconds_of(id_) / 1000, UTC)
