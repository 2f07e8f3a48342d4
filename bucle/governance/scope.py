"""`Scope`: one actor, one project, one transaction, one clock; the first argument of every verb.

A verb asks (`require`), reads and writes (`tx`), and leaves what happened (`record`, `link`,
`spend`).  Nothing that it leaves is written before the session commits.
"""

from typing import Any

from bucle.base.clock import Clock
from bucle.base.codec import to_builtins
from bucle.base.ids import IdsOfAMoment
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.drivers.db import Tx
from bucle.drivers.house import Drivers
from bucle.governance.facts import Edge, Fact
from bucle.governance.keys import Keys
from bucle.governance.permissions import Permission
from bucle.governance.principals import Principal


class Scope:
    """What one operation may see and touch."""

    def __init__(
        self, *, tx: Tx, actor: Principal, project: str, drivers: Drivers, keys: Keys
    ) -> None:
        self.tx = tx
        self.actor = actor
        self.project = project
        self.drivers = drivers
        self.keys = keys
        self.now = drivers.clock.now()
        self._ids = IdsOfAMoment(self.now)
        self.facts: list[Fact] = []
        self.edges: list[Edge] = []
        self.spent: list[tuple[Ref, Usage]] = []

    @property
    def clock(self) -> Clock:
        """Where `now` comes from; `scope.now` is the moment at which this operation began."""
        return self.drivers.clock

    def require(self, permission: Permission, ref: Ref | None = None) -> None:
        """Go on only if the actor holds this permission in this project.

        Raises:
            Denied: it does not; the hint is the grant to ask for.
        """
        self.actor.require(permission, self.project, f" on {ref}" if ref else "")

    def record(self, type_: str, ref: Ref, **body: Any) -> None:  # noqa: ANN401 - any JSON value
        """Leave a fact: past tense (`model.promoted`), about one ref, with its values."""
        self.facts.append(Fact(type=type_, ref=ref, body=to_builtins(body)))

    def link(self, source: Ref, target: Ref, relation: str, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
        """Leave a lineage edge: `source` was used to make, or leads to, `target`."""
        self.edges.append(
            Edge(
                source=str(source),
                target=str(target),
                relation=relation,
                detail=to_builtins(detail),
            )
        )

    def spend(self, ref: Ref, usage: Usage) -> None:
        """Leave what a thing used."""
        self.spent.append((ref, usage))

    def new_id(self) -> str:
        """Return a new id; ids sort by their operation's time, and in the order they were taken."""
        return self._ids.take()
