"""What somebody has to do.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from typing import Literal

from bucle.base.page import Page
from bucle.governance.tasks.records import Task
from bucle.interfaces.client.room import Room


class TasksRoom(Room):
    """What somebody has to do."""

    def list(
        self,
        *,
        state: Literal["open", "closed", "all"] = "open",
        receiver: str = "",
        mine: bool = False,
        kind: str = "",
        about: str = "",
        limit: int = 50,
        token: str | None = None,
    ) -> Page[Task]:
        """List what somebody has to do, newest first."""
        answer: Page[Task] = self._call(
            "tasks.list",
            state=state,
            receiver=receiver,
            mine=mine,
            kind=kind,
            about=about,
            limit=limit,
            token=token,
        )
        return answer

    def get(self, id: str) -> Task:
        """Show a task."""
        answer: Task = self._call("tasks.get", id=id)
        return answer

    def open(self, about: str, *, receiver: str, why: str, todo: str = "") -> Task:
        """Give somebody something to do."""
        answer: Task = self._call("tasks.open", about=about, receiver=receiver, why=why, todo=todo)
        return answer

    def close(self, id: str, *, reason: str) -> Task:
        """Close a task that was done, or need not be, and say why."""
        answer: Task = self._call("tasks.close", id=id, reason=reason)
        return answer

    def reopen(self, id: str, *, reason: str) -> Task:
        """Open a closed task again, and say why."""
        answer: Task = self._call("tasks.reopen", id=id, reason=reason)
        return answer
