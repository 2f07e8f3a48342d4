"""What may run next: decided from the plan and the state of its steps alone."""

from collections.abc import Mapping, Sequence

from bucle.lifecycle.pipelines.plan import StepPlan
from bucle.lifecycle.pipelines.records import DONE, LOST

_LONGEST_WAIT_S = 60.0


def ready(plans: Sequence[StepPlan], states: Mapping[str, str]) -> list[StepPlan]:
    """Return the waiting steps of which everything that they need is done."""
    return [plan for plan in plans if states[plan.name] == "waiting"
            and all(states[name] in DONE for name in plan.needs)]  # fmt: skip


def unreachable(plans: Sequence[StepPlan], states: Mapping[str, str]) -> list[StepPlan]:
    """Return the waiting steps that need something which will never be there."""
    lost = {name for name, status in states.items() if status in LOST}
    found: list[StepPlan] = []
    for plan in plans:  # in the order of the calls: what a step needs comes before it
        if states[plan.name] == "waiting" and lost.intersection(plan.needs):
            lost.add(plan.name)
            found.append(plan)
    return found


def wait_before(attempt: int, backoff_s: float) -> float:
    """Return the seconds before an attempt (the first is 1): each wait doubles, to a minute."""
    return min(backoff_s * 2 ** max(attempt - 2, 0), _LONGEST_WAIT_S) if attempt > 1 else 0.0
