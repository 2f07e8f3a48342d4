"""Something that somebody has to do, and the wish to have it done."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref

State = Literal["open", "closed", "all"]
BY_ROLE = "role:"  # a receiver that is whoever holds a role


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task to open, unless one of the same cause is open."""

    kind: str  # the noun and what is wrong with it: contract.late
    about: Ref
    receiver: str  # a principal's name, or role:<role>
    why: str
    todo: str  # what the receiver should do
    cause: str = ""  # "": of its own; otherwise what opens no second task while one is open


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody has to do, or had to."""

    ref: Ref
    kind: str
    about: Ref
    receiver: str
    why: str  # as it was found last
    todo: str
    cause: str
    opened_at: datetime
    opened_by: str
    times: int = 1  # how often its cause was found since it was opened
    last_at: datetime  # when it was found last
    closed_at: datetime | None = None  # None: it is open
    closed_by: str = ""  # "": it is open
    reason: str = ""  # why it was closed, or opened again; "": neither

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.closed_at is None


class TaskFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks to list."""

    state: State = "open"
    receivers: tuple[str, ...] = ()  # (): anybody's
    kind: str = ""  # "": any
    about: str = ""  # "": anything; otherwise a ref without its version
