"""What may run next, as a table of cases."""

import pytest

from bucle.lifecycle.pipelines.plan import StepPlan
from bucle.lifecycle.pipelines.schedule import ready, unreachable, wait_before


def plan(name: str, *needs: str) -> StepPlan:
    return StepPlan(
        name=name, needs=needs, takes=(), parts={}, doubts=(), params={},
        retries=0, backoff_s=1.0, cache=True, timeout_s=None,
    )  # fmt: skip


DIAMOND = (plan("load"), plan("left", "load"), plan("right", "load"), plan("join", "left", "right"))

# the status of load, left, right, join (first letters) -> ready, unreachable
CASES = [
    ("waiting waiting waiting waiting", ["load"], []),
    ("running waiting waiting waiting", [], []),
    ("finished waiting waiting waiting", ["left", "right"], []),
    ("cached running waiting waiting", ["right"], []),
    ("finished finished cached waiting", ["join"], []),
    ("finished failed running waiting", [], ["join"]),
    ("failed waiting waiting waiting", [], ["left", "right", "join"]),
    ("finished finished finished finished", [], []),
]


@pytest.mark.parametrize(("states", "may_run", "never"), CASES)
def test_a_step_runs_when_all_it_needs_is_done(states, may_run, never) -> None:
    now = dict(zip(["load", "left", "right", "join"], states.split(), strict=True))
    assert [step.name for step in ready(DIAMOND, now)] == may_run
    assert [step.name for step in unreachable(DIAMOND, now)] == never


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 0), (2, 0.5), (3, 1), (4, 2), (9, 60), (60, 60)]
)
def test_each_wait_doubles_up_to_a_minute(attempt, seconds) -> None:
    assert wait_before(attempt, 0.5) == seconds
