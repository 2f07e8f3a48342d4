"""Searches over algorithms and parameters.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.interfaces.client.room import Room
from bucle.lifecycle.tuning.records import Study


class TuningRoom(Room):
    """Searches over algorithms and parameters."""

    def list(self, *, limit: int = 50, token: str | None = None) -> Page[Study]:
        """List searches, the newest first, without their trials."""
        answer: Page[Study] = self._call("tuning.list", limit=limit, token=token)
        return answer

    def get(self, ref: Ref | str) -> Study:
        """Show a search with its trials."""
        answer: Study = self._call("tuning.get", ref=ref)
        return answer
