"""Find the row of the operation table that a method and a path ask for.

A word in a path goes before a value at the same place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bucle.interfaces.operations.table import AnyOperation


@dataclass(frozen=True, kw_only=True)
class Match:
    """The row, and the path's values by field."""

    row: AnyOperation
    values: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class _Node:
    """A place in the tree of paths."""

    literal: dict[str, "_Node"] = field(default_factory=dict)
    value: list["_Node"] = field(default_factory=list)  # at most one
    rows: dict[str, AnyOperation] = field(default_factory=dict)  # by method


class Matcher:
    """The rows, as a tree of path segments; a word goes before a value."""

    def __init__(self, rows: Iterable[AnyOperation]) -> None:
        self._root = _Node()
        for row in rows:
            self._add(row)

    def find(self, method: str, segments: list[str]) -> Match | None:
        """Return the row of that method at these decoded segments, or None."""
        for node in _ends(self._root, segments):
            if row := node.rows.get(method):
                return Match(row=row, values=_values(row, segments))
        return None

    def methods_at(self, segments: list[str]) -> tuple[str, ...]:
        """Return the methods that these segments answer to; none if nothing is there."""
        found = {method for node in _ends(self._root, segments) for method in node.rows}
        return tuple(sorted(found))

    def _add(self, row: AnyOperation) -> None:
        node = self._root
        for segment in row.path.strip("/").split("/"):
            if not segment.startswith("{"):
                node = node.literal.setdefault(segment, _Node())
                continue
            if not node.value:
                node.value.append(_Node())
            node = node.value[0]
        if other := node.rows.get(row.method):
            raise ValueError(f"{row.name} and {other.name} share {row.method} {row.path}")
        node.rows[row.method] = row


def _ends(node: _Node, segments: list[str]) -> Iterable[_Node]:
    """Yield the nodes that the segments lead to, words before values."""
    if not segments:
        yield node
        return
    head, rest = segments[0], segments[1:]
    if head in node.literal:
        yield from _ends(node.literal[head], rest)
    if head and node.value:
        yield from _ends(node.value[0], rest)


def _values(row: AnyOperation, segments: list[str]) -> dict[str, str]:
    names = row.path.strip("/").split("/")
    return {
        name[1:-1]: segment
        for name, segment in zip(names, segments, strict=True)
        if name.startswith("{")
    }
