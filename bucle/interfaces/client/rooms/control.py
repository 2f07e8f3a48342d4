"""Jobs, triggers, plan and apply.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.control.jobs.records import Job
from bucle.control.reconcile.records import AppliedSpec, Plan
from bucle.control.tick import ControlStatus
from bucle.interfaces.client.room import Room
from bucle.lifecycle.features.records import FeatureView


class ControlRoom(Room):
    """Jobs, triggers, plan and apply."""

    def plan(
        self,
        *,
        text: str,
        folder: str = "",
        name: str = "bucle.yaml",
        views: Sequence[FeatureView] = (),
    ) -> Plan:
        """Show what applying a bucle.yaml would change."""
        answer: Plan = self._call("control.plan", text=text, folder=folder, name=name, views=views)
        return answer

    def apply(
        self,
        *,
        text: str,
        folder: str = "",
        name: str = "bucle.yaml",
        views: Sequence[FeatureView] = (),
    ) -> Plan:
        """Make everything as a bucle.yaml declares it."""
        answer: Plan = self._call("control.apply", text=text, folder=folder, name=name, views=views)
        return answer

    def applied(self, *, number: int | None = None) -> AppliedSpec:
        """Show the declarations in force."""
        answer: AppliedSpec = self._call("control.applied", number=number)
        return answer

    def status(self) -> ControlStatus:
        """Tell how far the loop has come."""
        answer: ControlStatus = self._call("control.status")
        return answer

    def jobs(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        limit: int = 50,
        token: str | None = None,
    ) -> Page[Job]:
        """List jobs, newest first."""
        answer: Page[Job] = self._call(
            "control.jobs", status=status, kind=kind, limit=limit, token=token
        )
        return answer

    def job(self, ref: str) -> Job:
        """Show a job."""
        answer: Job = self._call("control.job", ref=ref)
        return answer

    def fire(self, name: str, *, params: Mapping[str, Any] | UnsetType = UNSET) -> Job:
        """Fire a trigger, or run a declared pipeline, now."""
        answer: Job = self._call("control.fire", name=name, params=params)
        return answer
