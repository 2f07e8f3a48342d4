"""Walk the lineage of a thing, back to what it came from or on to what came from it."""

from collections.abc import Callable, Sequence

from bucle.base.errors import Refused
from bucle.base.refs import Ref
from bucle.governance.facts import Edge
from bucle.governance.lineage import store
from bucle.governance.lineage.records import Lineage
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope

_BATCH = 200


def trace(scope: Scope, ref: Ref, *, up: bool = True, depth: int = 20) -> Lineage:
    """Walk edges breadth first, at most `depth` steps, each thing once."""
    scope.require(Permission.LINEAGE_READ, ref)
    seen: dict[str, None] = {str(ref): None}
    found: dict[tuple[str, str, str], Edge] = {}
    frontier = [str(ref)]
    for _ in range(depth):
        reached: list[Edge] = []
        for start in range(0, len(frontier), _BATCH):
            batch = frontier[start : start + _BATCH]
            reached.extend(store.list_edges(scope.tx, scope.project, batch, up=up))
        found |= {(edge.source, edge.target, edge.relation): edge for edge in reached}
        far = dict.fromkeys(edge.source if up else edge.target for edge in reached)
        frontier = [node for node in far if node not in seen]
        seen |= dict.fromkeys(frontier)
        if not frontier:
            break
    direction = "up" if up else "down"
    return Lineage(
        root=str(ref), direction=direction, nodes=tuple(seen), edges=tuple(found.values())
    )


def edges_of(scope: Scope, ref: Ref) -> tuple[Edge, ...]:
    """Return what was made of any version of a thing, one step on."""
    scope.require(Permission.LINEAGE_READ, ref)
    return store.list_edges_of(scope.tx, scope.project, str(ref.bare))


def edges_from(scope: Scope, refs: Sequence[str]) -> tuple[Edge, ...]:
    """Return what was made of these things, one step on."""
    scope.require(Permission.LINEAGE_READ)
    found: list[Edge] = []
    for start in range(0, len(refs), _BATCH):
        batch = refs[start : start + _BATCH]
        found.extend(store.list_edges(scope.tx, scope.project, batch, up=False))
    return tuple(found)


def reach(
    scope: Scope, ref: Ref, *, up: bool, past: Callable[[str], bool], most: int = 10_000
) -> dict[str, Edge | None]:
    """Return all that can be reached, each with the edge by which it was first (None: the start).

    For verbs that decide by where things come from or go to; a reader asks `trace`.  Nothing is
    followed beyond a thing of which `past` says no.

    Raises:
        Refused: there is more than can be followed, and a part would be a wrong answer.
    """
    found: dict[str, Edge | None] = {str(ref): None}
    frontier = [str(ref)]
    while frontier:
        edges: list[Edge] = []
        for start in range(0, len(frontier), _BATCH):
            batch = frontier[start : start + _BATCH]
            edges.extend(store.list_edges(scope.tx, scope.project, batch, up=up))
        frontier = []
        for edge in edges:
            far = edge.source if up else edge.target
            if far in found:
                continue
            found[far] = edge
            if past(far):
                frontier.append(far)
        if len(found) > most:
            raise Refused(
                f"more than {most} things are linked to {ref}", hint="look at a version of it"
            )
    return found
