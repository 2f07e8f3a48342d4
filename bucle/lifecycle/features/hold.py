"""Let one process at a time bring a view online; what a slower one has to say is refused.

A hold is prolonged before each write.  When its process dies it runs out, and another process
takes over; if the first one was only slow, its next write does not happen.
"""

from datetime import timedelta
from types import TracebackType
from typing import Self

from bucle.base.clock import SystemClock
from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.features import store

LASTS = timedelta(seconds=30)


class Hold:
    """A view's version that this process, and no other, brings online while the block runs."""

    def __init__(self, session: Session, view: Ref) -> None:
        self._session = session
        self._view = view
        self._holder = ""

    def __enter__(self) -> Self:
        now = SystemClock().now()
        with self._session.begin() as scope:
            holder = scope.new_id()
            if not store.take_hold(
                scope.tx, scope.project, self._view, holder=holder, now=now, until=now + LASTS
            ):
                raise Conflict(
                    f"{self._view} is being materialized by another process",
                    hint=f"again when it is done; one that died lets go after {LASTS}",
                )
        self._holder = holder
        return self

    def extend(self) -> None:
        """Hold on, before something is written.

        Raises:
            Conflict: another process took over.
        """
        until = SystemClock().now() + LASTS
        with self._session.begin() as scope:
            if not store.extend_hold(
                scope.tx, scope.project, self._view, holder=self._holder, until=until
            ):
                raise self._lost()

    def end(self, scope: Scope) -> None:
        """Let go, in the transaction that says what was done.

        Raises:
            Conflict: another process took over.
        """
        if not store.end_hold(scope.tx, scope.project, self._view, holder=self._holder):
            raise self._lost()
        self._holder = ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._holder:
            with self._session.begin() as scope:
                store.end_hold(scope.tx, scope.project, self._view, holder=self._holder)

    def _lost(self) -> Conflict:
        return Conflict(
            f"{self._view} is being materialized by another process, which took over",
            hint="nothing more was written; materialize again",
        )
