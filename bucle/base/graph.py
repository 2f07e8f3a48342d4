"""Directed graphs as plain mappings from a node to what it depends on."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from bucle.base.errors import Invalid

N = TypeVar("N")


def in_order(needs: Mapping[N, Iterable[N]]) -> tuple[N, ...]:
    """Return the nodes so that each comes after everything that it needs.

    Raises:
        Invalid: the graph has a cycle; the message walks it.
    """
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        walk = " -> ".join(str(node) for node in error.args[1])
        raise Invalid(f"these need each other in a circle: {walk}") from error
