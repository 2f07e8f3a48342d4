"""Set the charter of a project: each change is a version, none is overwritten."""

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.charter import store
from bucle.lifecycle.charter.records import Charter, ErrorCosts, Kpi

DIRECTIONS = ("up", "down")


def set_charter(
    scope: Scope, *, problem: str, kpi: Kpi, costs: ErrorCosts | None, stop_rule: str, sponsor: str
) -> Charter:
    """Write the next version of the charter, unless nothing changed.

    Raises:
        Invalid: no problem stated, or a KPI without a direction or with a target on its wrong side.
    """
    scope.require(Permission.CHARTER_WRITE)
    _check(problem, kpi)
    before = store.find_charter(scope.tx, scope.project)
    said = (problem, kpi, costs, stop_rule, sponsor)
    if before and said == (
        before.problem,
        before.kpi,
        before.costs,
        before.stop_rule,
        before.sponsor,
    ):
        return before
    charter = Charter(
        project=scope.project,
        version=store.next_version(scope.tx, scope.project),
        problem=problem,
        kpi=kpi,
        costs=costs,
        stop_rule=stop_rule,
        sponsor=sponsor,
        set_by=scope.actor.name,
        set_at=scope.now,
    )
    store.add_charter(scope.tx, charter)
    ref = Ref("charter", scope.project, charter.version)
    scope.record("charter.set", ref, problem=problem, kpi=kpi, stop_rule=stop_rule)
    return charter


def _check(problem: str, kpi: Kpi) -> None:
    if not problem.strip():
        raise Invalid("the charter states no problem", hint="say in a sentence what is to change")
    if kpi.direction not in DIRECTIONS:
        raise Invalid(f"{kpi.direction!r} is not a direction of a KPI", hint="write up or down")
    if kpi.baseline is not None and kpi.target is not None:
        better = kpi.target > kpi.baseline if kpi.direction == "up" else kpi.target < kpi.baseline
        if not better:
            raise Invalid(
                f"the target {kpi.target:g} is no better than the baseline {kpi.baseline:g}, "
                f"as {kpi.name!r} should go {kpi.direction}",
                hint="change the target or the direction",
            )
