"""What goes to stderr: errors, hints, and signs of life while a person waits."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bucle.base.errors import BucleError, Refused

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from bucle.base.verdict import Verdict

_PATIENCE_S = 2.0


def say(text: str) -> None:
    """Write a line to stderr."""
    click.echo(text, err=True)


def say_error(error: BucleError, *, as_json: bool) -> None:
    """Write an error, its verdicts and what to type next."""
    if as_json:
        from bucle.base.codec import encode
        from bucle.interfaces.http.problem import problem_of

        say(encode(problem_of(error)).decode())
        return
    say(click.style("error", fg="red", bold=True) + f": {error.message}")
    for verdict in error.because if isinstance(error, Refused) else ():
        say(f"  {_verdict_line(verdict)}")
    if error.hint:
        say(f"  hint: {error.hint}")


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """Show that work goes on, once it takes longer than two seconds and a terminal looks on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(f"{label} ...")
    timer = threading.Timer(_PATIENCE_S, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        status.stop()


class ProgressBars:
    """A bar for each transfer that takes longer than two seconds; call it as bytes move."""

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, float] = {}

    def __call__(self, label: str, moved: int, total: int) -> None:
        """Move the bar of a transfer, or note that it goes on."""
        begun = self._begun.setdefault(label, time.monotonic())
        if moved >= total:
            self._end(label)
        elif sys.stderr.isatty() and time.monotonic() - begun >= self._patience_s:
            bars = self._bars or self._start()
            if label not in self._tasks:
                self._tasks[label] = bars.add_task(label, total=total)
            bars.update(self._tasks[label], completed=moved)

    def _end(self, label: str) -> None:
        """Take the bar of a transfer away, and the rest with the last of them."""
        del self._begun[label]
        task = self._tasks.pop(label, None)
        if self._bars is None or task is None:
            return
        self._bars.remove_task(task)
        if not self._tasks:
            self._bars.stop()
            self._bars = None

    def _start(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bars.start()
        return self._bars


def _verdict_line(verdict: "Verdict") -> str:
    sign = "ok" if verdict.ok else "no"
    value = "" if verdict.value is None else f" {verdict.value:g}"
    limit = "" if verdict.limit is None else f" (limit {verdict.limit:g})"
    note = f": {verdict.note}" if verdict.note else ""
    return f"{sign}  {verdict.name}{value}{limit}{note}"
