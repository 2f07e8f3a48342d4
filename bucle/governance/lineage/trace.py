"""Walk the lineage of a thing, back to what it came from or on to what came from it."""

from collections.abc import Sequence

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
