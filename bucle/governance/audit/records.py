"""Events and the verdict on their chain."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.digest import sha256_value

GENESIS = "0" * 64


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in a project's hash chain; also the outbox that `control` reads."""

    project: str
    number: int  # 1, 2, 3, ... without gaps in one project
    id: str
    at: datetime
    actor: str
    type: str
    ref: str
    body: dict[str, Any]
    previous: str
    digest: str = ""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the verification of one project's chain found."""

    project: str
    ok: bool
    count: int
    head: str
    broken_at: int | None = None  # None: no broken link; else the first bad event's number
    problem: str = ""


def link_digest(event: Event) -> str:
    """Return SHA-256 over the canonical JSON of everything in the event but its digest."""
    plain = msgspec.to_builtins(event)
    del plain["digest"]
    return sha256_value(plain)
