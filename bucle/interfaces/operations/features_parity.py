"""The verbs that compare what features are offline, online and in the stream."""

from typing import Annotated

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import features

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """Which view to compare, and how many entities at how many moments."""

    ref: str
    entities: Count = 1_000
    moments: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 6
    seed: int = 0  # the same one draws the same entities and moments
    # of fractions: relative to the value, and of small ones absolute
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 1e-9


class Parities(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the comparisons of a view, the newest first."""

    ref: str = ""  # "": of every view
    limit: Limit = 100
    token: str | None = None  # None: the first page


def _compare(session: Session, q: Compare) -> features.Parity:
    spec = features.ParitySpec(
        entities=q.entities, moments=q.moments, seed=q.seed, tolerance=q.tolerance
    )
    return features.check_parity(session, q.ref, spec)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="features.parity",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/features/{ref}/parity",
        request=Compare,
        response=features.Parity,
        work=_compare,
        events=("feature.compared",),
        positional=("ref",),
        is_good=lambda parity: parity.ok,
        summary="Compare a view offline, online and streamed, over random entities and moments.",
        summary_es="Compara una vista fuera de línea, en línea y en flujo, en entidades y momentos "
        "al azar.",
    ),
    Operation(
        name="features.parities",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/parities",
        request=Parities,
        response=Page[features.Parity],
        run=lambda scope, q: features.list_parities(scope, q.ref, limit=q.limit, token=q.token),
        positional=("ref",),
        summary="List the comparisons of a view (of every view), the newest first.",
        summary_es="Lista las comparaciones de una vista (de todas), la última primero.",
    ),
)
