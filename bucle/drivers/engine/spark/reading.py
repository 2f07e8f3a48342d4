"""Let a statement through if it does nothing but read the tables that it was given.

Spark runs a command as soon as it is handed the text, so the text is parsed before, and every
step of its plan must be on the list: a step that a later Spark adds is refused, not run.
"""

from typing import Any

from bucle.base.errors import Invalid

_READING = frozenset({
    "Aggregate", "AsOfJoin", "CTERelationDef", "CTERelationRef", "Deduplicate", "Distinct",
    "Except", "Expand", "Filter", "Generate", "GlobalLimit", "Intersect", "Join", "LateralJoin",
    "LocalLimit", "LocalRelation", "Offset", "OneRowRelation", "PipeOperator", "Pivot",
    "Project", "Range", "RepartitionByExpression", "ResolvedInlineTable", "Sample", "Sort",
    "SubqueryAlias", "Tail", "Union", "UnresolvedHaving", "UnresolvedHint",
    "UnresolvedInlineTable", "UnresolvedPivot", "UnresolvedQualify", "UnresolvedRelation",
    "UnresolvedSubqueryColumnAliases", "UnresolvedTVFAliases", "UnresolvedTableValuedFunction",
    "UnresolvedWith", "Unpivot", "Window", "WithCTE", "WithWindowDefinition",
})  # fmt: skip
_SAYING = frozenset({"DescribeQueryCommand", "DescribeRelation", "ExplainCommand"})


def require_reading(plan: Any) -> None:  # noqa: ANN401 - a plan in Java
    """Refuse the parsed plan of a statement that does more than read.

    Raises:
        Invalid: the name of the step that may not be.
    """
    waiting = [plan]
    if _name(plan) == "ExplainCommand":
        waiting = [plan.logicalPlan()]
    elif _name(plan) in _SAYING:
        waiting = []
    while waiting:
        step = waiting.pop()
        if _name(step) not in _READING:
            raise Invalid(f"only SELECT may run here, not {_name(step)}", hint="SELECT ...")
        for several in (step.children(), step.subqueries(), step.innerChildren()):
            waiting += [several.apply(place) for place in range(several.size())]


def _name(step: Any) -> str:  # noqa: ANN401
    return str(step.getClass().getSimpleName()).rstrip("$")
