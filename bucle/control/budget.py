"""Hold what is done unasked within the declared budget."""

from datetime import datetime

from bucle.base.errors import Refused
from bucle.base.verdict import Verdict
from bucle.control.spec.records import Budgets
from bucle.governance.cost.read import total_since
from bucle.governance.scope import Scope


def check_budget(scope: Scope, budgets: Budgets) -> None:
    """Go on only while this month's cost is below the limit.

    Raises:
        Refused: the month's budget is spent.
    """
    if budgets.cost_per_month is None:
        return
    spent = total_since(scope, month_start(scope.now))
    verdict = Verdict(
        name="budget",
        ok=spent < budgets.cost_per_month,
        value=spent,
        limit=budgets.cost_per_month,
        note="cost of this month so far",
    )
    if not verdict.ok:
        raise Refused(
            f"this month's budget is spent: {spent:.2f} of {budgets.cost_per_month:.2f}",
            because=[verdict],
            hint="raise budgets.cost_per_month in bucle.yaml and type: bucle apply",
        )


def month_start(now: datetime) -> datetime:
    """Return the first moment of the month (UTC)."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
