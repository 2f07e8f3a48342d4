"""What compute promises: a function runs elsewhere, and what it used is known."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

import msgspec

from bucle.base.usage import Usage

T = TypeVar("T")


class Outcome(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a task returned, and what it used."""

    value: T
    usage: Usage


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one task runs."""

    output_path: str = ""  # where stdout and stderr are appended; "": where ours go
    environment: Mapping[str, str] = {}  # over the variables of this process


class Compute(Protocol):
    """Functions in processes of their own.

    The law, which `bucle.testing.contracts.compute` checks for every driver:

    - Each task starts fresh: it sees no other task's memory, and neither does this process.
    - The function must be importable by its name where it runs (a lambda, a closure or a
      notebook's function is `Invalid`), and arguments and value must be picklable.  Large
      data goes through blobs, not through arguments.
    - What the function raises is raised by `result()`, with the remote traceback as a note.
    - A task that is killed, crashes, ends itself or outlives its time is `Unavailable`, and
      the message names the signal, the exit code or the time.
    - What a failed task used is `usage_of_failure(error)`.
    - When this process dies, however it dies, its tasks die.
    - Any thread may submit; a task waits while all workers are busy, and can be cancelled.
    """

    def submit(
        self,
        function: Callable[..., T],
        *args: object,
        timeout_s: float | None = None,
        options: TaskOptions | None = None,
    ) -> Future[Outcome[T]]:
        """Run `function(*args)` in a process of its own; without `timeout_s`, for ever."""
        ...

    def close(self) -> None:
        """Kill what is running (its futures become `Unavailable`) and cancel what waits."""
        ...


def blame(error: BaseException, usage: Usage) -> None:
    """Attach to an error what the task that raised it used."""
    error.__dict__["task_usage"] = usage


def usage_of_failure(error: BaseException) -> Usage | None:
    """Return what a failed task used; `None` if the error is not a task's."""
    found = error.__dict__.get("task_usage")
    return found if isinstance(found, Usage) else None
