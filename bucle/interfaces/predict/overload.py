"""What is decided when more is asked than can be answered.

Pure.  A request is refused when it would wait longer than anybody wants, not when nothing is
left: what is in the queue is answered in time, and a refusal costs next to nothing.
"""

import math
from typing import Literal

import msgspec

from bucle.interfaces.predict.pace import Pace
from bucle.lifecycle.serving import BatchPolicy, PlannedDeployment

Reason = Literal["full", "draining", "late"]

DEFAULT_WAIT_S = 1.0  # where no objective was agreed
ANSWER_LIMIT_S = 60.0  # a request that names no deadline has this one
_TOO_MANY = 429
_NOT_NOW = 503
_PART_OF_OBJECTIVE = 3  # a row waits for the batch before its own, then for its own


class Overloaded(Exception):  # noqa: N818 - named by what it says, as the errors of the house are
    """A request is refused so that others are answered in time."""

    def __init__(self, reason: Reason, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after_s = max(math.ceil(retry_after_s), 1)

    @property
    def status(self) -> int:
        """HTTP's word for it: this deployment has too much to do, or the server is going."""
        return _NOT_NOW if self.reason == "draining" else _TOO_MANY


class Late(TimeoutError):  # noqa: N818 - see Overloaded
    """A request's deadline passed before it was answered."""


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """How requests to one variant are put together."""

    max_rows: int = 1024  # of several requests; one request's own rows are never parted
    max_wait_ms: float = 0.0  # 0: whatever is there at once goes together, nothing is waited for
    objective_s: float = 0.0  # in which 95 or 99 of 100 are to be answered; 0: none was agreed
    deadline_s: float = ANSWER_LIMIT_S
    queue_rows: int = 100_000
    queue_bytes: int = 128 << 20


def batching_of(planned: PlannedDeployment) -> Batching:
    """Return what a deployment's plan says of it."""
    policy = planned.batching or BatchPolicy()
    return Batching(
        max_rows=policy.max_rows,
        max_wait_ms=policy.max_wait_ms,
        objective_s=(planned.p95_ms or planned.p99_ms or 0.0) / 1000,
        deadline_s=planned.timeout_ms / 1000 if planned.timeout_ms else ANSWER_LIMIT_S,
    )


class Bounds(msgspec.Struct, frozen=True):
    """What holds at the present pace."""

    batch_rows: int
    queue_rows: int


def bounds(batching: Batching, pace: Pace, at_once: int) -> Bounds:
    """Return how large a batch and a queue may be, with so many batches at once.

    A batch takes at most a third of the objective (or of a second, where there is none), and
    nobody waits longer than it: what is accepted is answered within twice of it.
    """
    target_s = batching.objective_s or DEFAULT_WAIT_S
    rows = min(float(batching.max_rows), pace.rows_within(target_s / _PART_OF_OBJECTIVE))
    batch_rows = max(int(rows), 1)
    per_batch_s = pace.expect(batch_rows)
    queue_rows = float(batching.queue_rows)
    if per_batch_s > 0:
        queue_rows = min(queue_rows, batch_rows * at_once * target_s / per_batch_s)
    return Bounds(batch_rows, max(int(queue_rows), batch_rows))


def expected_wait_s(rows: int, limits: Bounds, pace: Pace, at_once: int) -> float:
    """Return how long so many rows in the queue will take."""
    batches = math.ceil(rows / limits.batch_rows)
    return batches * pace.expect(min(rows, limits.batch_rows)) / at_once
