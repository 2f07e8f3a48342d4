"""Changes between what is declared and what is: a table of cases."""

from typing import Any

import pytest

from bucle.control.reconcile.plan import differences, plan

CASES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {}, []),
    ({"monitor:m": {"every": "1d"}}, {}, ["create monitor:m"]),
    ({}, {"monitor:m": {"every": "1d"}}, ["remove monitor:m"]),
    ({"monitor:m": {"every": "1d"}}, {"monitor:m": {"every": "1d"}}, []),
    ({"monitor:m": {"every": "1d"}}, {"monitor:m": {"every": "2d"}}, ["update monitor:m"]),
    (
        {"dataset:b": {}, "dataset:a": {}},
        {"model:z": {}},
        ["create dataset:b", "create dataset:a", "remove model:z"],
    ),
]


@pytest.mark.parametrize(("desired", "observed", "expected"), CASES)
def test_the_plan(desired: dict[str, Any], observed: dict[str, Any], expected: list[str]) -> None:
    found = plan(desired, observed)
    assert [f"{change.action} {change.ref}" for change in found] == expected


def test_a_difference_is_named_by_its_dotted_field_with_both_values() -> None:
    desired = {"rollout": {"each": "1d", "steps": [0.2, 0.5]}, "same": 1, "gone": None}
    observed = {"rollout": {"each": "2d", "steps": [0.2]}, "same": 1, "extra": 3}
    found = {one.field: (one.observed, one.desired) for one in differences(desired, observed)}
    assert found == {
        "rollout.each": ("2d", "1d"),
        "rollout.steps": ([0.2], [0.2, 0.5]),
        "extra": (3, None),
    }
