"""A decision on a version, and what it means for a version today."""

from datetime import date, datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref

Outcome = Literal["go", "conditional", "no-go"]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must be done by when, and who answers for it."""

    text: str
    due: date
    receiver: str


class DataDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on a version; nothing of it is ever changed, a later one supersedes it."""

    project: str
    dataset: Ref  # the version
    digest: str  # of the version: the decision is on these rows
    number: int  # of the dataset's decisions, from 1
    decision: Outcome
    reasons: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    supersedes: int | None = None  # None: the first on this version
    at: datetime
    by: str
    key: str  # the public Ed25519 key of the installation
    signature: str = ""  # over all of the above as canonical JSON; "": not signed yet


class CheckedDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and whether it is what was signed."""

    decision: DataDecision
    ok: bool
    note: str  # why not, or by whose key
    superseded_by: int | None = None  # None: it stands


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided for a version today."""

    dataset: Ref
    ok: bool  # whether a model may be trained on it unasked
    outcome: Literal["go", "conditional", "no-go", "undecided"]
    why: str
    decision: DataDecision | None = None  # None: nobody decided
    inherited: bool = False  # whether it was decided on an earlier version
