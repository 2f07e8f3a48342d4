"""The verbs of feedback."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.codec import to_builtins
from bucle.base.errors import Invalid, NotFound
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit, Upload
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import data, feedback
from bucle.lifecycle.data import DatasetVersion

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class AddLabels(msgspec.Struct, frozen=True, kw_only=True):
    """What really came, by prediction id: as many values as ids."""

    deployment: str
    ids: tuple[str, ...]
    values: tuple[float | bool | str, ...]
    at: datetime | None = None  # null: now


class AddFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file (CSV, Parquet, ...) with the columns `prediction_id` and `label`."""

    deployment: str
    file: Upload
    at: datetime | None = None  # null: now


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """Whose labelled predictions, of which time, and how many of the newest."""

    deployment: str
    since: datetime | None = None  # null: from the first
    until: datetime | None = None  # null: up to now
    limit: Limit = 100


class LabelledRows(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled predictions, the newest first."""

    total: int
    rows: list[dict[str, Any]]


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Which declared feedback to fold into its dataset now."""

    name: str


class GetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How much feedback each deployment has had."""


def _fold(session: Session, request: Fold) -> DatasetVersion | None:
    with session.begin(write=False) as scope:
        spec = feedback.find_feedback(scope, request.name)
    if spec is None:
        raise NotFound(f"there is no feedback {request.name!r}", hint="bucle feedback list")
    return feedback.fold(session, spec)


def _add_file(session: Session, request: AddFile) -> feedback.LabelReceipt:
    name = request.file.name or "labels.parquet"
    table = data.read_file(session, request.file.digest, name=name)
    if missing := [one for one in ("prediction_id", "label") if one not in table.column_names]:
        raise Invalid(
            f"{name} has no column {missing[0]!r}",
            hint=f"it has {', '.join(table.column_names)}; it needs prediction_id and label",
        )
    kind = table["label"].type
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    if not any(check(kind) for check in known):
        raise Invalid(f"label of {name} is {kind}", hint="labels are numbers, booleans or texts")
    table = table.filter(pc.is_valid(table["label"]))  # what is not known yet is no label
    ids = [str(one) for one in table["prediction_id"].to_pylist()]
    with session.begin() as scope:
        return feedback.add_labels(
            scope, request.deployment, ids, table["label"].to_pylist(), at=request.at
        )


def _labelled(session: Session, request: Labelled) -> LabelledRows:
    now = session.drivers.clock.now()
    since, until = request.since or _FIRST, request.until or now
    table = feedback.labelled_predictions(session, request.deployment, since, until)
    newest = table.slice(max(0, table.num_rows - request.limit)).to_pylist()
    return LabelledRows(total=table.num_rows, rows=to_builtins(newest[::-1]))


ROWS = (
    Operation(
        name="feedback.add",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/feedback/{deployment}/labels",
        request=AddLabels,
        response=feedback.LabelReceipt,
        run=lambda scope, q: feedback.add_labels(scope, q.deployment, q.ids, q.values, at=q.at),
        events=("labels.received",),
        positional=("deployment",),
        summary="Say what really came, by prediction id; another value corrects the first.",
        summary_es="Dice qué ocurrió de verdad, por predicción; otro valor corrige el primero.",
    ),
    Operation(
        name="feedback.add_file",
        permission=Permission.FEEDBACK_WRITE,
        method="POST",
        path="/feedback/{deployment}/files",
        request=AddFile,
        response=feedback.LabelReceipt,
        work=_add_file,
        events=("labels.received",),
        positional=("deployment", "file"),
        summary="Say what really came with a file: prediction_id and label.",
        summary_es="Dice qué ocurrió de verdad con un fichero: prediction_id y label.",
    ),
    Operation(
        name="feedback.labelled",
        permission=Permission.FEEDBACK_READ,
        method="GET",
        path="/feedback/{deployment}/labelled",
        request=Labelled,
        response=LabelledRows,
        work=_labelled,
        positional=("deployment",),
        summary="Show predictions with what really came, the newest first.",
        summary_es="Muestra las predicciones con lo que ocurrió, la más nueva primero.",
    ),
    Operation(
        name="feedback.list",
        permission=Permission.FEEDBACK_READ,
        method="GET",
        path="/feedback",
        request=GetStatus,
        response=tuple[feedback.FeedbackSpec, ...],
        run=lambda scope, _: feedback.list_feedback(scope),
        summary="List where labels go.",
        summary_es="Lista adónde van las etiquetas.",
    ),
    Operation(
        name="feedback.status",
        permission=Permission.FEEDBACK_READ,
        method="GET",
        path="/feedback-status",
        request=GetStatus,
        response=tuple[feedback.FeedbackStatus, ...],
        run=lambda scope, _: feedback.feedback_status(scope),
        summary="Count labels, those that wait to be folded, and corrections.",
        summary_es="Cuenta las etiquetas, las que esperan y las corregidas.",
    ),
    Operation(
        name="feedback.fold",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/feedback/{name}/fold",
        request=Fold,
        response=DatasetVersion | None,
        work=_fold,
        events=("feedback.folded", "dataset.committed", "dataset.refused"),
        positional=("name",),
        summary="Append what was labelled since the last time to its dataset.",
        summary_es="Añade a su conjunto de datos lo etiquetado desde la última vez.",
    ),
)
