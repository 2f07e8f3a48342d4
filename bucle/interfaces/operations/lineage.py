"""The verbs of lineage."""

import msgspec

from bucle.base.refs import Ref
from bucle.governance.lineage.records import Lineage
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.table import Operation


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Where to start, and which way to go."""

    ref: str
    down: bool = False  # false: what it came from; true: what came from it
    depth: int = 20


ROWS = (
    Operation(
        name="lineage.trace",
        permission=Permission.LINEAGE_READ,
        method="GET",
        path="/lineage/{ref}",
        request=Trace,
        response=Lineage,
        run=lambda scope, q: trace(scope, Ref.parse(q.ref), up=not q.down, depth=q.depth),
        positional=("ref",),
        summary="Show what a thing came from, or (down) what came from it.",
        summary_es="Muestra de dónde viene algo o, hacia abajo, qué salió de ello.",
    ),
)
