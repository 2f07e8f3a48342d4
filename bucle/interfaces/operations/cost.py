"""The verbs of cost."""

import msgspec

from bucle.governance.cost.read import list_spendings
from bucle.governance.cost.records import Spending
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.table import Operation


class ListSpendings(msgspec.Struct, frozen=True, kw_only=True):
    """Of which kind of thing (`run`, `job`); without one, of all."""

    kind: str | None = None


ROWS = (
    Operation(
        name="cost.list",
        permission=Permission.LINEAGE_READ,
        method="GET",
        path="/costs",
        request=ListSpendings,
        response=tuple[Spending, ...],
        run=lambda scope, q: list_spendings(scope, kind=q.kind),
        summary="List what everything used and cost, the dearest first.",
        summary_es="Lista lo que usó y costó cada cosa, lo más caro primero.",
    ),
)
