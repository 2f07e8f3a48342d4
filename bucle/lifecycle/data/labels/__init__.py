"""A queue of rows that people label: who answers what, how far they agree, and what comes of it."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.data.labels.answer import (
        adjudicate,
        answer,
        next_item,
        progress,
        skip,
        undo,
    )
    from bucle.lifecycle.data.labels.exchange import export, import_
    from bucle.lifecycle.data.labels.make import get_queue, list_queues, make_queue
    from bucle.lifecycle.data.labels.outcome import agreement, settled
    from bucle.lifecycle.data.labels.publish import labels_of_predictions, publish
else:
    open_by_name(__name__, {
        "answer": "adjudicate answer next_item progress skip undo",
        "exchange": "export import_",
        "make": "get_queue list_queues make_queue",
        "outcome": "agreement settled",
        "publish": "labels_of_predictions publish",
    })  # fmt: skip

__all__ = [
    "adjudicate",
    "agreement",
    "answer",
    "export",
    "get_queue",
    "import_",
    "labels_of_predictions",
    "list_queues",
    "make_queue",
    "next_item",
    "progress",
    "publish",
    "settled",
    "skip",
    "undo",
]
