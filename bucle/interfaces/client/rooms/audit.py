"""What happened, in a chain that shows tampering.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from bucle.base.page import Page
from bucle.governance.audit.records import AuditReport, Event
from bucle.interfaces.client.room import Room


class AuditRoom(Room):
    """What happened, in a chain that shows tampering."""

    def verify(self) -> AuditReport:
        """Check the event chain, and name the first thing that was tampered with."""
        answer: AuditReport = self._call("audit.verify")
        return answer

    def events(
        self, ref: str | None = None, *, limit: int = 50, token: str | None = None
    ) -> Page[Event]:
        """List what happened, newest first."""
        answer: Page[Event] = self._call("audit.events", ref=ref, limit=limit, token=token)
        return answer
