"""Lineage as a tree to read.  Pure: a graph in, lines with their depth out."""

from collections import defaultdict

import msgspec

from bucle.governance.lineage.records import Lineage

_LINES = 200


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One thing, how it is related to the one above, and what it stands on."""

    ref: str
    relation: str
    below: "tuple[Branch, ...]" = ()
    again: bool = False  # it was told above already


def tree_of(lineage: Lineage) -> tuple[Branch, ...]:
    """Return what is below the root; a thing that is reached twice is told once."""
    links: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in lineage.edges:
        near, far = (
            (edge.target, edge.source) if lineage.direction == "up" else (edge.source, edge.target)
        )
        if (far, edge.relation) not in links[near]:
            links[near].append((far, edge.relation))
    told: set[str] = set()

    def grow(ref: str) -> tuple[Branch, ...]:
        told.add(ref)
        branches = []
        for far, relation in links.get(ref, []):
            if len(told) > _LINES:
                break
            again = far in told
            below = () if again else grow(far)
            branches.append(Branch(ref=far, relation=relation, below=below, again=again))
        return tuple(branches)

    return grow(lineage.root)
