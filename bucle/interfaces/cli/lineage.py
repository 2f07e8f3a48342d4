"""`bucle lineage <ref>`: what a thing came from, as a tree."""

from typing import TYPE_CHECKING

from bucle.governance.facts import Edge
from bucle.governance.lineage.records import Lineage

if TYPE_CHECKING:
    from rich.tree import Tree


_COUNTS = ("rows", "files")


def show_lineage(lineage: Lineage) -> None:
    """Write the tree; a thing that is reached twice is drawn out once."""
    from rich.console import Console
    from rich.tree import Tree

    up = lineage.direction == "up"
    near: dict[str, list[tuple[str, Edge]]] = {}
    for edge in lineage.edges:
        start, end = (edge.target, edge.source) if up else (edge.source, edge.target)
        near.setdefault(start, []).append((end, edge))
    tree = Tree(f"[bold]{lineage.root}[/bold]", highlight=False)
    _grow(tree, lineage.root, near, {lineage.root})
    Console(highlight=False, soft_wrap=True).print(tree)


def _grow(tree: "Tree", node: str, near: dict[str, list[tuple[str, Edge]]], seen: set[str]) -> None:
    for other, edge in near.get(node, ()):
        known = other in seen
        mark = " [dim](above)[/dim]" if known and near.get(other) else ""
        branch = tree.add(f"{other} [dim]{_told(edge)}[/dim]{mark}")
        if not known:
            seen.add(other)
            _grow(branch, other, near, seen)


def _told(edge: Edge) -> str:
    """Return how two things belong together, and of how many rows and files that is said."""
    counted = [f"{edge.detail[name]} {name}" for name in _COUNTS if name in edge.detail]
    return f"{edge.relation}, {', '.join(counted)}" if counted else edge.relation
