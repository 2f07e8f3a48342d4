"""Deployments: what is served and to whom.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.lifecycle.serving.records import (
    Deployment,
    Objectives,
    PublishedPlan,
    Rollout,
    ServingPlan,
)


class ServingRoom(Room):
    """Deployments: what is served and to whom."""

    def list(self) -> Page[Deployment]:
        """List the deployments of the project."""
        answer: Page[Deployment] = self._call("serving.list")
        return answer

    def get(self, ref: str) -> Deployment:
        """Show a deployment: its variants, their shares and its rollout."""
        answer: Deployment = self._call("serving.get", ref=ref)
        return answer

    def history(self, name: str, *, limit: int = 50, token: str | None = None) -> Page[Deployment]:
        """List a deployment's revisions: what was served when, and why."""
        answer: Page[Deployment] = self._call(
            "serving.history", name=name, limit=limit, token=token
        )
        return answer

    def deploy(
        self,
        name: str,
        *,
        model: str,
        rollout: Rollout | UnsetType = UNSET,
        objectives: Objectives | UnsetType = UNSET,
        features: Sequence[str] = (),
        target: str = "",
        reason: str = "",
    ) -> Deployment:
        """Create a deployment or change its specification."""
        answer: Deployment = self._call(
            "serving.deploy",
            name=name,
            model=model,
            rollout=rollout,
            objectives=objectives,
            features=features,
            target=target,
            reason=reason,
        )
        return answer

    def plan(self) -> ServingPlan:
        """Show what the model servers should be serving."""
        answer: ServingPlan = self._call("serving.plan")
        return answer

    def publish(self) -> PublishedPlan:
        """Put the plan where the model servers look, unless it is there already."""
        answer: PublishedPlan = self._call("serving.publish")
        return answer
