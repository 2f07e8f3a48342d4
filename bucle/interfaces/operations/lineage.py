"""The verbs of lineage."""

from collections.abc import Callable

import msgspec

from bucle.base.refs import Ref
from bucle.governance.lineage.records import Lineage
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import data, registry, serving, tracking


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Where to start, and which way to go."""

    ref: str
    down: bool = False  # false: what it came from; true: what came from it
    depth: int = 20


_PREDICTION = "prediction"
# What has aliases, tags or a newest version: edges know numbers only, and a name that is known
# to nobody is an error and not a thing without any origin.
_RESOLVERS: dict[str, Callable[[Scope, Ref], Ref]] = {
    "dataset": lambda scope, ref: data.get_version(scope, ref).ref,
    "deployment": lambda scope, ref: serving.get_deployment(scope, ref).ref,
    "model": lambda scope, ref: registry.get_version(scope, ref).ref,
    "run": lambda scope, ref: tracking.get_run(scope, ref).ref,
}


def _trace(session: Session, q: Trace) -> Lineage:
    ref = Ref.parse(q.ref)
    if ref.kind == _PREDICTION and not q.down:
        # Predictions are too many for the table of edges: the log says where each came from.
        return serving.explain_origin(session, ref.name, depth=q.depth)
    with session.begin(write=False) as scope:
        resolve = _RESOLVERS.get(ref.kind)
        return trace(scope, resolve(scope, ref) if resolve else ref, up=not q.down, depth=q.depth)


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
