"""What came from what.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from bucle.governance.lineage.records import Lineage
from bucle.interfaces.client.room import Room


class LineageRoom(Room):
    """What came from what."""

    def trace(self, ref: str, *, down: bool = False, depth: int = 20) -> Lineage:
        """Show what a thing came from, or (down) what came from it."""
        answer: Lineage = self._call("lineage.trace", ref=ref, down=down, depth=depth)
        return answer
