"""The verbs of feedback."""

from datetime import datetime

import msgspec

from bucle.base.errors import NotFound
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import feedback
from bucle.lifecycle.data import DatasetVersion


class AddLabels(msgspec.Struct, frozen=True, kw_only=True):
    """What really came, by prediction id: as many values as ids."""

    deployment: str
    ids: tuple[str, ...]
    values: tuple[float | bool | str, ...]
    at: datetime | None = None  # null: now


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
