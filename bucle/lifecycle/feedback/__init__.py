"""Room feedback: labels and corrections, joined by prediction id."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.feedback.add import add_labels
    from bucle.lifecycle.feedback.declare import (
        declare_feedback,
        find_feedback,
        list_feedback,
        remove_feedback,
    )
    from bucle.lifecycle.feedback.fold import fold
    from bucle.lifecycle.feedback.read import feedback_status, labelled_predictions, labels_table
    from bucle.lifecycle.feedback.records import FeedbackSpec, FeedbackStatus, Label, LabelReceipt
else:
    open_by_name(__name__, {
        "add": "add_labels",
        "declare": "declare_feedback find_feedback list_feedback remove_feedback",
        "fold": "fold",
        "read": "feedback_status labelled_predictions labels_table",
        "records": "FeedbackSpec FeedbackStatus Label LabelReceipt",
    })  # fmt: skip

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
