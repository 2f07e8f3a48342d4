"""Fold labelled predictions back into a dataset: each of them once, whatever is killed when.

A fold first takes its labels under a batch id, then commits the dataset with that id in the
commit's message, then writes down that it is over.  One that was cut off is found by its id:
if the dataset has a version of that batch, only the last step was missing.
"""

from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Invalid, NotFound
from bucle.base.ids import milliseconds_of
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.feedback import store
from bucle.lifecycle.feedback.read import ID_LATER, labelled_predictions
from bucle.lifecycle.feedback.records import FeedbackSpec
from bucle.lifecycle.serving import read_predictions

_MESSAGE = "feedback of {deployment}, batch {batch}"
_PAGE = 50  # versions that are looked through at a time
_SPECIAL = {"@at": "at", "@id": "id", "@model": "model_ref"}


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The labels that one fold has taken."""

    id: str
    started_at: datetime
    prediction_ids: list[str]  # in order
    again: bool  # it was begun before, and cut off


def fold(session: Session, spec: FeedbackSpec) -> data.DatasetVersion | None:
    """Append what was labelled since the last fold to the declared dataset.

    Returns None where nothing new was labelled.  A correction of a label that was folded
    already is not folded again: the dataset's version says what was known then.

    Raises:
        Invalid: a column of the dataset has no counterpart in the predictions.
        Refused: the dataset's expectations said no; the batch is tried again next time.
    """
    batch = _open_batch(session, spec)
    if batch is None:
        return None
    message = _MESSAGE.format(deployment=spec.deployment, batch=batch.id)
    since, until = _span(batch.prediction_ids)
    joined = labelled_predictions(session, spec.deployment, since, until)
    mine = joined.filter(pc.is_in(joined["id"], pa.array(batch.prediction_ids)))
    version = _made_before(session, spec.into, message, batch.started_at) if batch.again else None
    if version is None:
        table = shaped(mine, spec, _columns(session, spec.into))
        version = data.commit_table(session, spec.into, table, mode="append", message=message)
    with session.begin() as scope:
        scope.require(Permission.DATASET_WRITE)
        if store.end_fold(scope.tx, scope.project, batch.id, str(version.ref)):
            for counted in pc.value_counts(mine["deployment_ref"]).to_pylist():
                revision = Ref.parse(counted["values"])
                rows = counted["counts"]
                scope.link(revision, version.ref, "folded", rows=rows, batch=batch.id)
            ref, folded = Ref("deployment", spec.deployment), len(batch.prediction_ids)
            scope.record("feedback.folded", ref, dataset=version.ref, rows=folded)
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
    fields: dict[str, pa.ChunkedArray | pa.Array] = {}
    for column in columns:
        source = "label" if column.name == spec.label else spec.columns.get(column.name)
        source = _SPECIAL.get(source or column.name, source or column.name)
        if source in predictions.column_names:
            fields[column.name] = _fitted(predictions[source], column)
        elif column.nullable:
            fields[column.name] = pa.nulls(predictions.num_rows)
        else:
            raise Invalid(
                f"dataset:{spec.into} needs {column.name!r}, which predictions of "
                f"{spec.deployment!r} do not have",
                hint=f"map it in feedback.{spec.name}.columns of bucle.yaml",
            )
    return pa.table(fields)


def _fitted(values: pa.ChunkedArray, column: data.Column) -> pa.ChunkedArray:
    """Return values in a column's type where only the log wrote them otherwise.

    Labels are kept as numbers or texts, and the log keeps every real number as a double; the
    dataset may have booleans, texts of numbers and floats.  What else does not fit, the
    commit refuses with the row.
    """
    if column.type == "bool" and pa.types.is_floating(values.type):
        strange = pc.and_(pc.not_equal(values, 0), pc.not_equal(values, 1))
        return values if pc.any(strange).as_py() else pc.equal(values, 1)
    if column.type == "string" and pa.types.is_floating(values.type):
        return pa.chunked_array([pa.array([_as_text(value) for value in values.to_pylist()])])
    if column.type == "float" and pa.types.is_floating(values.type):
        return values.cast(pa.float32())
    return values


def _as_text(number: float | None) -> str | None:
    if number is None:
        return None
    return str(int(number)) if number.is_integer() else str(number)


def _open_batch(session: Session, spec: FeedbackSpec) -> _Batch | None:
    """Return the batch that was cut off, or a new one of all that can be folded now."""
    with session.begin(write=False) as scope:
        scope.require(Permission.FEEDBACK_READ)
        before = store.find_open_fold(scope.tx, scope.project, spec.name)
        if before is not None:
            ids = store.batch_ids(scope.tx, scope.project, spec.deployment, before[0])
            return _Batch(id=before[0], started_at=before[1], prediction_ids=ids, again=True)
        waiting = store.unfolded_ids(scope.tx, scope.project, spec.deployment)
    if not waiting:
        return None
    since, until = _span(waiting)
    logged = read_predictions(session, spec.deployment, since, until, columns=["id"])
    ids = sorted(set(waiting) & set(logged["id"].to_pylist()))
    if not ids:
        return None
    with session.begin() as scope:
        batch = scope.new_id()
        # Another worker may have taken them meanwhile; a batch of nothing is none.
        if not store.take_labels(scope.tx, scope.project, spec.deployment, ids, batch):
            return None
        store.add_fold(scope.tx, scope.project, batch, spec.name, scope.now)
        ids = store.batch_ids(scope.tx, scope.project, spec.deployment, batch)
        return _Batch(id=batch, started_at=scope.now, prediction_ids=ids, again=False)


def _made_before(
    session: Session, dataset: str, message: str, started_at: datetime
) -> data.DatasetVersion | None:
    """Return the version that a cut-off fold has made; none can be older than the fold."""
    token: str | None = None
    with session.begin(write=False) as scope:
        while True:
            try:
                page = data.log(scope, dataset, limit=_PAGE, token=token)
            except NotFound:  # nothing was ever committed to it
                return None
            for version in page.items:
                if version.message == message:
                    return version
            token = page.next_token
            if token is None or page.items[-1].committed_at < started_at:
                return None


def _columns(session: Session, dataset: str) -> tuple[data.Column, ...]:
    with session.begin(write=False) as scope:
        return data.get_version(scope, Ref("dataset", dataset)).columns


def _span(ids: list[str]) -> tuple[datetime, datetime]:
    """Return a window that holds the predictions of these ids, which are in order."""
    first, last = _moment(ids[0]), _moment(ids[-1])
    return first - ID_LATER, last + timedelta(milliseconds=2)


def _moment(id_: str) -> datetime:
    return datetime.fromtimestamp(milliseconds_of(id_) / 1000, UTC)
