"""Deployments: what is served and to whom.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.serving import PredictionRows
from bucle.lifecycle.serving.compare import Comparison
from bucle.lifecycle.serving.declared import BatchPolicy, Fallback
from bucle.lifecycle.serving.logged import LogPolicy
from bucle.lifecycle.serving.records import (
    Deployment,
    Objectives,
    Prediction,
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
        log: LogPolicy | UnsetType = UNSET,
        fallback: Fallback | UnsetType = UNSET,
        batching: BatchPolicy | UnsetType = UNSET,
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
            log=log,
            fallback=fallback,
            batching=batching,
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

    def serve_version(
        self, name: str, model: str, *, reason: str = "", if_revision: int | None = None
    ) -> Deployment:
        """Make a version the champion for all of the traffic, at once."""
        answer: Deployment = self._call(
            "serving.serve_version", name=name, model=model, reason=reason, if_revision=if_revision
        )
        return answer

    def start_canary(
        self, name: str, model: str, *, weight: float | None = None, reason: str = ""
    ) -> Deployment:
        """Give a version a share of the traffic beside the champion."""
        answer: Deployment = self._call(
            "serving.start_canary", name=name, model=model, weight=weight, reason=reason
        )
        return answer

    def advance_canary(
        self, name: str, weight: float, *, reason: str = "", if_revision: int | None = None
    ) -> Deployment:
        """Give the canary a larger share."""
        answer: Deployment = self._call(
            "serving.advance_canary",
            name=name,
            weight=weight,
            reason=reason,
            if_revision=if_revision,
        )
        return answer

    def finish_canary(
        self, name: str, *, reason: str = "", if_revision: int | None = None
    ) -> Deployment:
        """Make the canary the champion."""
        answer: Deployment = self._call(
            "serving.finish_canary", name=name, reason=reason, if_revision=if_revision
        )
        return answer

    def abort_canary(
        self, name: str, *, reason: str = "", if_revision: int | None = None
    ) -> Deployment:
        """Give the champion all of the traffic back."""
        answer: Deployment = self._call(
            "serving.abort_canary", name=name, reason=reason, if_revision=if_revision
        )
        return answer

    def roll_back(self, name: str, *, reason: str = "") -> Deployment:
        """Serve the champion before this one again."""
        answer: Deployment = self._call("serving.roll_back", name=name, reason=reason)
        return answer

    def predictions(
        self,
        name: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> PredictionRows:
        """Show what a deployment predicted, the newest of the last hour."""
        answer: PredictionRows = self._call(
            "serving.predictions", name=name, since=since, until=until, limit=limit
        )
        return answer

    def prediction(self, id: str) -> Prediction:
        """Show one prediction: its features, its answer and who gave it."""
        answer: Prediction = self._call("serving.prediction", id=id)
        return answer

    def start_shadow(
        self, name: str, model: str, *, share: float | None = None, reason: str = ""
    ) -> Deployment:
        """Copy requests to a version whose answers nobody gets."""
        answer: Deployment = self._call(
            "serving.start_shadow", name=name, model=model, share=share, reason=reason
        )
        return answer

    def stop_shadow(
        self, name: str, *, reason: str = "", if_revision: int | None = None
    ) -> Deployment:
        """Copy no more requests to the version in the shadow."""
        answer: Deployment = self._call(
            "serving.stop_shadow", name=name, reason=reason, if_revision=if_revision
        )
        return answer

    def compare(
        self,
        name: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
    ) -> Comparison:
        """Compare what the shadow said with what callers got, row by row."""
        answer: Comparison = self._call(
            "serving.compare", name=name, since=since, until=until, limit=limit
        )
        return answer

    def start_trial(
        self, name: str, models: Sequence[str], *, kind: str = "", reason: str = ""
    ) -> Deployment:
        """Let versions compete with the champion: an A/B test or a bandit."""
        answer: Deployment = self._call(
            "serving.start_trial", name=name, models=models, kind=kind, reason=reason
        )
        return answer

    def stop_trial(
        self, name: str, *, winner: str = "", reason: str = "", if_revision: int | None = None
    ) -> Deployment:
        """End an A/B test or a bandit, with a winner or without one."""
        answer: Deployment = self._call(
            "serving.stop_trial", name=name, winner=winner, reason=reason, if_revision=if_revision
        )
        return answer

    def kill(self, name: str, *, reason: str, to: str = "") -> Deployment:
        """Take the model out of service at once: its fallback or the previous one answers."""
        answer: Deployment = self._call("serving.kill", name=name, reason=reason, to=to)
        return answer

    def restore(self, name: str, *, reason: str = "") -> Deployment:
        """Serve what the kill switch took out of service again."""
        answer: Deployment = self._call("serving.restore", name=name, reason=reason)
        return answer
