"""Labels and corrections.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.feedback import LabelledRows
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.records import DatasetVersion
from bucle.lifecycle.feedback.records import FeedbackSpec, FeedbackStatus, LabelReceipt


class FeedbackRoom(Room):
    """Labels and corrections."""

    def add(
        self,
        deployment: str,
        *,
        ids: Sequence[str],
        values: Sequence[float | bool | str],
        at: datetime | None = None,
    ) -> LabelReceipt:
        """Say what really came, by prediction id; another value corrects the first."""
        answer: LabelReceipt = self._call(
            "feedback.add", deployment=deployment, ids=ids, values=values, at=at
        )
        return answer

    def add_file(
        self, deployment: str, file: Upload | Path | str | bytes, *, at: datetime | None = None
    ) -> LabelReceipt:
        """Say what really came with a file: prediction_id and label."""
        answer: LabelReceipt = self._call(
            "feedback.add_file", deployment=deployment, file=file, at=at
        )
        return answer

    def labelled(
        self,
        deployment: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> LabelledRows:
        """Show predictions with what really came, the newest first."""
        answer: LabelledRows = self._call(
            "feedback.labelled", deployment=deployment, since=since, until=until, limit=limit
        )
        return answer

    def list(self) -> tuple[FeedbackSpec, ...]:
        """List where labels go."""
        answer: tuple[FeedbackSpec, ...] = self._call("feedback.list")
        return answer

    def status(self) -> tuple[FeedbackStatus, ...]:
        """Count labels, those that wait to be folded, and corrections."""
        answer: tuple[FeedbackStatus, ...] = self._call("feedback.status")
        return answer

    def fold(self, name: str) -> DatasetVersion | None:
        """Append what was labelled since the last time to its dataset."""
        answer: DatasetVersion | None = self._call("feedback.fold", name=name)
        return answer
