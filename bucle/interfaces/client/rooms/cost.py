"""What everything used and cost.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from bucle.governance.cost.records import Spending
from bucle.interfaces.client.room import Room


class CostRoom(Room):
    """What everything used and cost."""

    def list(self, *, kind: str | None = None) -> tuple[Spending, ...]:
        """List what everything used and cost, the dearest first."""
        answer: tuple[Spending, ...] = self._call("cost.list", kind=kind)
        return answer
