"""Room feedback: labels and corrections, joined by prediction id."""

from bucle.lifecycle.feedback.add import add_labels
from bucle.lifecycle.feedback.declare import (
    declare_feedback,
    find_feedback,
    list_feedback,
    remove_feedback,
)
from bucle.lifecycle.feedback.fold import fold
from bucle.lifecycle.feedback.read import feedback_status, labelled_predictions, labels_table
from bucle.lifecycle.feedback.records import (
    FeedbackSpec,
    FeedbackStatus,
    Label,
    LabelReceipt,
)

__all__ = [
    "FeedbackSpec",
    "FeedbackStatus",
    "Label",
    "LabelReceipt",
    "add_labels",
    "declare_feedback",
    "feedback_status",
    "find_feedback",
    "fold",
    "labelled_predictions",
    "labels_table",
    "list_feedback",
    "remove_feedback",
]
