"""Pipelines: run, resume, inspect.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.interfaces.client.room import Room
from bucle.lifecycle.pipelines.records import PipelineRun


class PipelinesRoom(Room):
    """Pipelines: run, resume, inspect."""

    def run(
        self,
        pipeline: str,
        *,
        params: Mapping[str, Any] | UnsetType = UNSET,
        folder: str = ".",
        run: Ref | str | None = None,
    ) -> PipelineRun:
        """Run a pipeline to its end."""
        answer: PipelineRun = self._call(
            "pipelines.run", pipeline=pipeline, params=params, folder=folder, run=run
        )
        return answer

    def resume(self, ref: Ref | str) -> PipelineRun:
        """Go on with a run that failed or was killed, at its first unfinished step."""
        answer: PipelineRun = self._call("pipelines.resume", ref=ref)
        return answer

    def get(self, ref: Ref | str) -> PipelineRun:
        """Show a pipeline run and its steps."""
        answer: PipelineRun = self._call("pipelines.get", ref=ref)
        return answer

    def list(
        self,
        *,
        pipeline: str | None = None,
        status: str | None = None,
        limit: int = 50,
        token: str | None = None,
    ) -> Page[PipelineRun]:
        """List pipeline runs, newest first."""
        answer: Page[PipelineRun] = self._call(
            "pipelines.list", pipeline=pipeline, status=status, limit=limit, token=token
        )
        return answer
