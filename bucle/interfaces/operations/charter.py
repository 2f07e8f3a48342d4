"""The charter's verbs."""

import msgspec

from bucle.governance.permissions import Permission
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import charter


class GetCharter(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of the charter; without one, the one in force."""

    version: int | None = None


class SetCharter(msgspec.Struct, frozen=True, kw_only=True):
    """The business problem of the project."""

    problem: str
    kpi: charter.Kpi
    costs: charter.ErrorCosts | None = None
    stop_rule: str = ""
    sponsor: str = ""


ROWS = (
    Operation(
        name="charter.get",
        permission=Permission.CHARTER_READ,
        method="GET",
        path="/charter",
        request=GetCharter,
        response=charter.Charter,
        run=lambda scope, q: charter.get_charter(scope, version=q.version),
        summary="Show the charter of the project.",
        summary_es="Muestra la carta del proyecto.",
    ),
    Operation(
        name="charter.set",
        permission=Permission.CHARTER_WRITE,
        method="PUT",
        path="/charter",
        request=SetCharter,
        response=charter.Charter,
        run=lambda scope, q: charter.set_charter(
            scope,
            problem=q.problem,
            kpi=q.kpi,
            costs=q.costs,
            stop_rule=q.stop_rule,
            sponsor=q.sponsor,
        ),
        events=("charter.set",),
        summary="Set the charter of the project.",
        summary_es="Fija la carta del proyecto.",
    ),
)
