"""The verbs of lineage."""

import msgspec

from bucle.base.refs import Ref
from bucle.governance.lineage.records import Lineage
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle.serving import explain_origin


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Where to start, and which way to go."""

    ref: str
    down: bool = False  # false: what it came from; true: what came from it
    depth: int = 20


_PREDICTION = "prediction"


def _trace(session: Session, q: Trace) -> Lineage:
    ref = Ref.parse(q.ref)
    if ref.kind == _PREDICTION and not q.down:
        # Predictions are too many for the table of edges: the log says where each came from.
        return explain_origin(session, ref.name, depth=q.depth)
    with session.begin(write=False) as scope:
        return trace(scope, ref, up=not q.down, depth=q.depth)


ROWS = (
    Operation(
        name="lineage.trace",
        permission=Permission.LINEAGE_READ,
        method="GET",
        path="/lineage/{ref}",
        request=Trace,
        response=Lineage,
        work=_trace,
        positional=("ref",),
        summary="Show what a thing came from, or (down) what came from it.",
        summary_es="Muestra de dónde viene algo o, hacia abajo, qué salió de ello.",
    ),
)
