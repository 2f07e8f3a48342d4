"""What a person sees while the demo runs: a live board on a terminal, else a line per day."""

import threading
from collections import deque
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bucle.interfaces.cli.demo.feed import Feed, Note
from bucle.interfaces.cli.demo.stream import Day
from bucle.interfaces.cli.demo.words import text

_COLOURS = {
    "trigger.fired": "yellow",
    "alert.raised": "red",
    "alert.closed": "green",
    "model.refused": "red",
    "model.accepted": "cyan",
    "model.promoted": "bold green",
    "rollout.started": "cyan",
    "rollout.advanced": "cyan",
    "rollout.aborted": "red",
    "job.failed": "bold red",
    "pipeline.failed": "bold red",
}
_DAYS_SHOWN, _NOTES_SHOWN = 12, 14
_LOOK_S = 0.25


class Show(Protocol):
    """Tell a person what happens."""

    def stage(self, key: str) -> None:
        """Say what is being done now."""
        ...

    def say(self, line: str) -> None:
        """Say a line of its own."""
        ...

    def day(self, day: Day) -> None:
        """Say what came of a day."""
        ...


class Lines:
    """A line per day on stderr, with what happened under it: for logs and pipes."""

    def __init__(self, feed: Feed, language: str) -> None:
        self._feed = feed
        self._language = language

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._notes()

    def stage(self, key: str) -> None:
        """Say what happened until now, and what is being done next."""
        self._notes()
        self.say(text(f"stage.{key}", self._language) + " ...")

    def say(self, line: str) -> None:
        """Say a line of its own."""
        click.echo(line, err=True)

    def day(self, day: Day) -> None:
        """Say what came of a day."""
        notes = self._feed.read()
        self.say(day_line(day, self._feed, self._language))
        self._say(notes)

    def _notes(self) -> None:
        self._say(self._feed.read())

    def _say(self, notes: list[Note]) -> None:
        for note in notes:
            self.say(f"    {note.line}")


class Board:
    """A live view of days and events, read anew a few times a second."""

    def __init__(self, feed: Feed, language: str, days: int) -> None:
        self._feed = feed
        self._language = language
        self._total = days
        self._days: deque[Day] = deque(maxlen=_DAYS_SHOWN)
        self._notes: deque[Note] = deque(maxlen=_NOTES_SHOWN)
        self._count = 0
        self._stage = ""
        self._head: list[str] = []
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._over = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True, name="demo-board")

    def __enter__(self) -> Self:
        self._live.start()
        self._looker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._looker.join()
        self._live.update(self._drawn(), refresh=True)
        self._live.stop()
        self._console.print(self._drawn())

    def stage(self, key: str) -> None:
        """Say what is being done now."""
        self._stage = text(f"stage.{key}", self._language)

    def say(self, line: str) -> None:
        """Say a line of its own."""
        self._head.append(line)

    def day(self, day: Day) -> None:
        """Say what came of a day."""
        self._count += 1
        self._days.append(day)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            self._live.update(self._drawn(), refresh=True)

    def _drawn(self) -> RenderableType:
        self._notes.extend(self._feed.read())
        events = Text()
        for note in self._notes:
            events.append(f"{note.at}  ", style="dim")
            events.append(f"{note.line}\n", style=_COLOURS.get(note.type, ""))
        done = f"{self._stage}  {self._count}/{self._total}"
        return Group(
            *(Text(line) for line in self._head),
            Panel(self._table(), title=done, title_align="left"),
            Panel(events, title="loop", title_align="left"),
        )

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for day in self._days:
            share = day.caught / day.frauds if day.frauds else 1.0
            colour = "green" if share >= 0.75 else "yellow" if share >= 0.5 else "red"  # noqa: PLR2004 - for the eye
            table.add_row(
                day.date,
                str(day.payments),
                Text("█" * round(share * 20) + "░" * (20 - round(share * 20)), style=colour),
                f"{day.caught}/{day.frauds}",
                f"{day.saved:,.0f} EUR",
                served_line(day),
            )
        return table


def served_line(day: Day) -> str:
    """Return which versions answered, with their shares where there are several."""
    total = sum(day.served.values())
    if len(day.served) == 1:
        return next(iter(day.served))
    return " ".join(f"{name} {count / total:.0%}" for name, count in sorted(day.served.items()))


def day_line(day: Day, feed: Feed, language: str) -> str:
    """Return a day in one line."""
    causes = ", ".join(sorted(set(feed.alerts.values())))
    return text(
        "day",
        language,
        date=day.date,
        payments=day.payments,
        caught=f"{day.caught}/{day.frauds}",
        saved=f"{day.saved:,.0f}",
        served=served_line(day),
        alerts=text("alerts", language, causes=causes) if causes else "",
    )
