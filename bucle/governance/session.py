"""`House` and `Session`: an installation, and one caller's way into it.

A session hands out scopes.  When a scope's block ends well, its facts are chained, its edges
and usages written, and all of it is committed at once with what the verb wrote.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from bucle.base.settings import Settings, load_settings
from bucle.drivers.db.migrate import ensure_schema
from bucle.drivers.house import Drivers
from bucle.governance.audit.chain import append_facts
from bucle.governance.cost.records import Prices
from bucle.governance.cost.write import write_usages
from bucle.governance.keys import Keys
from bucle.governance.lineage.write import write_edges
from bucle.governance.principals import EVERY_PROJECT, Grant, Principal
from bucle.governance.scope import Scope


class House:
    """One installation: its settings, its drivers and its key."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or load_settings()
        self.drivers = Drivers(self.settings)
        self.keys = Keys(self.settings.home_path / "keys")
        self.prices = Prices()

    @cached_property
    def _ready(self) -> bool:
        ensure_schema(self.drivers.database)
        return True

    def session(self, actor: Principal | None = None, project: str | None = None) -> "Session":
        """Open a session; without an actor, for the person at this machine, who owns it.

        Raises:
            Invalid: the database's schema is of another release.
            Unavailable: the database does not answer, or the home can not be written.
        """
        assert self._ready
        return Session(self, actor or local_owner(), project or self.settings.project)

    def close(self) -> None:
        """Close every driver that was opened."""
        self.drivers.close()


class Session:
    """One caller in one project: hands out one transaction per operation."""

    def __init__(self, house: House, actor: Principal, project: str) -> None:
        self.house = house
        self.actor = actor
        self.project = project

    @property
    def drivers(self) -> Drivers:
        """The house's drivers, for work that must not hold a transaction."""
        return self.house.drivers

    @contextmanager
    def begin(self, *, write: bool = True) -> Iterator[Scope]:
        """Open a scope; commit what it wrote and left when the block ends, or nothing of it."""
        with self.drivers.database.begin(write=write) as tx:
            scope = Scope(
                tx=tx,
                actor=self.actor,
                project=self.project,
                drivers=self.drivers,
                keys=self.house.keys,
            )
            yield scope
            self._settle(scope)

    def _settle(self, scope: Scope) -> None:
        """Write what the scope left, the chain last: it is what concurrent writers wait for."""
        if scope.edges:
            write_edges(scope.tx, self.project, scope.edges, scope.now)
        if scope.spent:
            write_usages(scope.tx, self.project, scope.spent, self.house.prices, scope.now)
        if scope.facts:
            append_facts(
                scope.tx,
                scope.facts,
                project=self.project,
                actor=self.actor.name,
                now=scope.now,
                keys=self.house.keys,
            )


def local_owner() -> Principal:
    """Return the person at this machine: the one owner of an installation without a server."""
    return Principal(name=_user(), grants=(Grant(role="owner", project=EVERY_PROJECT),))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return "owner"
