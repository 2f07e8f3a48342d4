"""Jobs: work that outlives the process that asked for it."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.refs import Ref


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of queued work, with its lease."""

    ref: Ref  # job:<id>
    project: str
    kind: str
    args: dict[str, Any]
    status: str  # queued | running | done | failed
    run_at: datetime  # on the house's clock: not before
    attempts: int  # how often it was started
    max_attempts: int
    fence: int  # grows with each lease; an older holder's writes are refused
    key: str | None = None  # None: not deduplicated
    cause: str = ""  # the event, trigger or person that asked for it
    created_at: datetime
    ended_at: datetime | None = None  # None: not over
    result: dict[str, Any] | None = None  # None: not done
    error: str = ""


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to be queued."""

    kind: str
    args: dict[str, Any] = {}
    key: str | None = None  # None: not deduplicated; else one job for ever
    run_at: datetime | None = None  # None: now
    max_attempts: int = 3
    cause: str = ""
