"""The graph that a question about origins brings up."""

import msgspec

from bucle.governance.facts import Edge


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one thing came from, or that came from it."""

    root: str
    direction: str  # up: what it came from; down: what came from it
    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
