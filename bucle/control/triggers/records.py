"""Triggers: what makes a pipeline run without being asked."""

from datetime import datetime
from typing import Any, Literal

import msgspec

On = Literal["manual", "schedule", "new_data", "drift", "performance"]


class Trigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When (`on`) to run which pipeline, and how long to rest after it."""

    on: On
    run: str  # the pipeline's name
    params: dict[str, Any] = {}  # laid over the pipeline's own
    cron: str = ""  # schedule: five fields, UTC
    dataset: str = ""  # new_data: whose commits count
    min_rows: int = 1  # new_data: so many new rows since it last fired
    monitor: str = ""  # drift, performance: whose verdicts count
    cooldown: str = "0s"  # not again before this has passed


class TriggerState(msgspec.Struct, frozen=True, kw_only=True):
    """What one trigger remembers."""

    name: str
    last_fired_at: datetime | None = None  # None: it never fired
    pending_rows: int = 0  # new rows since it last fired
    pending_cause: str = ""  # the event that asks for it while it rests; "": none does


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger that fires, and the event or the moment that made it."""

    trigger: str
    pipeline: str
    params: dict[str, Any]
    cause: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a round of triggers comes to."""

    firings: tuple[Firing, ...]
    states: tuple[TriggerState, ...]  # those that changed
