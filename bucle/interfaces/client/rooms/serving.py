"""Deployments: what is served and to whom.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.serving import PredictionRows
from bucle.interfaces.operations.serving_scoring import Batched
from bucle.lifecycle.serving.logged import LogPolicy
from bucle.lifecycle.serving.records import (
    Deployment,
    Objectives,
    Prediction,
    PublishedPlan,
    Rollout,
    ServingPlan,
)
from bucle.lifecycle.serving.retain_log import RetainedLog
from bucle.lifecycle.serving.scoring.records import Collected, Streamed


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

    def batch(
        self,
        model: str,
        dataset: str,
        *,
        output: str = "",
        columns: Sequence[str] = (),
        at: str = "",
        only_new: bool = False,
        compute: Literal["here", "process", "ray"] = "here",
        queue: bool = False,
    ) -> Batched:
        """Score a dataset with a model: rows and predictions are a version of another one."""
        answer: Batched = self._call(
            "serving.batch",
            model=model,
            dataset=dataset,
            output=output,
            columns=columns,
            at=at,
            only_new=only_new,
            compute=compute,
            queue=queue,
        )
        return answer

    def stream(
        self,
        topic: str,
        model: str,
        *,
        output: str = "",
        log: str = "",
        columns: Sequence[str] = (),
        name: str = "",
        wait_s: float = 0,
    ) -> Streamed:
        """Score the events of a topic that came since the last time."""
        answer: Streamed = self._call(
            "serving.stream",
            topic=topic,
            model=model,
            output=output,
            log=log,
            columns=columns,
            name=name,
            wait_s=wait_s,
        )
        return answer

    def collect_log(self, name: str, *, output: str = "") -> Collected:
        """Append what is new in a deployment's prediction log to a dataset."""
        answer: Collected = self._call("serving.collect_log", name=name, output=output)
        return answer

    def retain_log(self, name: str) -> RetainedLog:
        """Remove predictions from the log that are older than its deployment keeps them."""
        answer: RetainedLog = self._call("serving.retain_log", name=name)
        return answer
