"""Room feedback: labels and corrections, joined by prediction id."""

from bucle.lifecycle.feedback.declare import (
    declare_feedback,
    find_feedback,
    list_feedback,
    remove_feedback,
)
from bucle.lifecycle.feedback.records import FeedbackSpec, LabelReceipt

__all__ = [
    "FeedbackSpec",
    "LabelReceipt",
    "declare_feedback",
    "find_feedback",
    "list_feedback",
    "remove_feedback",
]
