"""One follower at a time: who counts the events of a view says so, and says so again.

Two that counted at once could each write over what the other counted.  Whoever finds a follower
that is dead, or has said nothing for a minute, takes its place.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle.features.transport import store

_TERM = timedelta(minutes=1)
_PROCESSES = Path("/proc/self/ns/pid")  # of Linux: whose process numbers those are


class Lease:
    """The right to count the events of a view, for a minute from each `keep`."""

    def __init__(self, session: Session, view: Ref) -> None:
        self._session = session
        self._view = view
        self._holder = f"{_machine()} {os.getpid()} {secrets.token_hex(8)}"
        self._until = session.drivers.clock.now()

    def take(self) -> None:
        """Become the follower.

        Raises:
            Conflict: another is, and is alive.
        """
        with self._session.begin() as scope:
            project, until = scope.project, scope.now + _TERM
            held = store.find_follower(scope.tx, project, self._view)
            if held and held[1] > scope.now and not _is_dead(held[0]):
                raise Conflict(
                    f"the events of {self._view} are being counted by another process",
                    hint=f"wait for it; it last said until {held[1].isoformat()}",
                )
            before = held[0] if held else None
            taken = store.set_follower(
                scope.tx, project, self._view, self._holder, until, instead_of=before
            )
        if not taken:
            raise self._lost()
        self._until = until

    def keep(self) -> None:
        """Go on being the follower; tell the database when half of the term is over.

        Raises:
            Conflict: another took the place, because nothing was heard of this one.
        """
        now = self._session.drivers.clock.now()
        if now + _TERM / 2 <= self._until:
            return
        self._say(_TERM)
        self._until = now + _TERM

    def end(self) -> None:
        """Let others follow."""
        with suppress(Conflict):  # another follows already
            self._say(timedelta())

    def _say(self, term: timedelta) -> None:
        with self._session.begin() as scope:
            said = store.set_follower(
                scope.tx, scope.project, self._view, self._holder, scope.now + term,
                instead_of=self._holder,
            )  # fmt: skip
        if not said:
            raise self._lost()

    def _lost(self) -> Conflict:
        return Conflict(
            f"another process counts the events of {self._view} now", hint="follow again"
        )


@contextmanager
def following(session: Session, view: Ref) -> Iterator[Lease]:
    """Be the only follower of a view in this block.

    Raises:
        Conflict: another process is.
    """
    lease = Lease(session, view)
    lease.take()
    try:
        yield lease
    finally:
        lease.end()


def _machine() -> str:
    """Return what tells this machine, or this container of it, from others."""
    name = socket.gethostname().replace(" ", "-")
    with suppress(OSError):
        return f"{name}/{_PROCESSES.readlink()}"
    return name


def _is_dead(holder: str) -> bool:
    """Tell whether a holder was a process of this machine that is no more."""
    machine, _, rest = holder.partition(" ")
    if machine != _machine():
        return False
    try:
        os.kill(int(rest.partition(" ")[0]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
