"""Pipeline runs and their steps, as they are kept."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.pipelines.values import Part, Stored

StepStatus = Literal["waiting", "running", "finished", "cached", "failed", "skipped"]
RunStatus = Literal["running", "finished", "failed"]

# A step in one of these has its value; in one of those, it will never have one.
DONE: frozenset[str] = frozenset({"finished", "cached"})
LOST: frozenset[str] = frozenset({"failed", "skipped"})


class StepRun(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a pipeline run."""

    name: str
    status: StepStatus = "waiting"
    run: Ref | None = None  # None: not started; of a cached step, the run that made the value
    key: str = ""  # "": not known yet, as its inputs are not
    note: str = ""  # why it ran, or why its value may not be taken by other runs
    attempts: int = 0
    error: str = ""
    started_at: datetime | None = None  # None: not started
    ended_at: datetime | None = None  # None: not ended
    output: Stored | None = None  # None: it has no value yet


class PipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a pipeline: what was asked for, and how far it is."""

    ref: Ref
    pipeline: str
    reference: str  # module:name
    folder: str
    status: RunStatus
    params: dict[str, Any] = {}
    inputs: tuple[Ref, ...] = ()
    trigger: Ref | None = None  # None: somebody asked for it
    started_at: datetime
    ended_at: datetime | None = None  # None: still running
    error: str = ""
    steps: tuple[StepRun, ...] = ()
    outputs: dict[str, Part] = {}

    def step(self, name: str) -> StepRun:
        """Return a step by its name."""
        return next(step for step in self.steps if step.name == name)


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a step made, under the digest of all that made it."""

    key: str
    step: str
    reference: str
    run: Ref
    output: Stored
    parts: dict[str, str] = {}  # the footprint, to say what changed
    inputs: tuple[Ref, ...] = ()  # dataset versions that the step read by itself
    made_at: datetime


class PipelineQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which pipeline runs to list, newest first."""

    pipeline: str | None = None  # None: of any pipeline
    status: str | None = None  # None: in any state
    limit: int = 50
    token: str | None = None  # None: from the newest
