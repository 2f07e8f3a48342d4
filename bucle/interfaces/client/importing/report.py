"""What an import did, and what it could not carry."""

from collections.abc import Callable

import msgspec

# Told while an import goes on: what is carried now, how many of it are done.
Told = Callable[[str, int], None]


def silent(_what: str, _done: int) -> None:
    """Tell nobody."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that could not be carried, or not whole, and why."""

    what: str
    why: str


class Tally(msgspec.Struct, kw_only=True):
    """How many things of one kind there were, and what became of them."""

    found: int = 0
    brought: int = 0  # news, or changed since the last import
    unchanged: int = 0
    left: int = 0  # could not be carried


class ImportReport(msgspec.Struct, kw_only=True):
    """What one import did."""

    source: str
    project: str
    into: str
    tallies: dict[str, Tally] = {}
    gaps: list[Gap] = []
    notes: list[str] = []  # what a store of that kind does not tell, and what was told otherwise
    duration_s: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether everything that was found is here now."""
        return not self.gaps

    def of(self, kind: str) -> Tally:
        """Return the tally of a kind of thing."""
        return self.tallies.setdefault(kind, Tally())

    def miss(self, what: str, why: str) -> None:
        """Note what could not be carried."""
        self.gaps.append(Gap(what=what, why=why))

    def note(self, said: str) -> None:
        """Note once what a reader should know."""
        if said not in self.notes:
            self.notes.append(said)
