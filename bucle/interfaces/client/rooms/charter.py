"""The business problem of the project.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from bucle.interfaces.client.room import Room
from bucle.lifecycle.charter.records import Charter, ErrorCosts, Kpi


class CharterRoom(Room):
    """The business problem of the project."""

    def get(self, *, version: int | None = None) -> Charter:
        """Show the charter of the project."""
        answer: Charter = self._call("charter.get", version=version)
        return answer

    def set(
        self,
        *,
        problem: str,
        kpi: Kpi,
        costs: ErrorCosts | None = None,
        stop_rule: str = "",
        sponsor: str = "",
    ) -> Charter:
        """Set the charter of the project."""
        answer: Charter = self._call(
            "charter.set",
            problem=problem,
            kpi=kpi,
            costs=costs,
            stop_rule=stop_rule,
            sponsor=sponsor,
        )
        return answer
