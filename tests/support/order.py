"""Begin with the tests that take longest, each on another worker.

What runs last runs alone: a story of five minutes that starts when all else is done keeps every
other core waiting.  xdist's `worksteal` gives each worker a part of the list as it stands, so the
longest stand at the heads of the parts.  A test says by its time limit how long it may take.
"""

from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import TypeVar

import pytest

Test = TypeVar("Test")
USUAL_S = 300  # the limit of a test that says nothing


def longest_first(items: list[pytest.Item], *, workers: int) -> list[pytest.Item]:
    """Return tests in the order in which workers should begin them."""
    limits = [_limit_s(item) for item in items]
    return dealt(items, limits, [_unit(item) for item in items], workers=workers)


def dealt(
    tests: Sequence[Test], limits_s: Sequence[float], units: Sequence[Hashable], *, workers: int
) -> list[Test]:
    """Put the long tests at the heads of the workers' parts; those of a unit stay together."""
    known = list(zip(tests, limits_s, units, strict=True))
    long = [list(group) for _, group in groupby(known, key=lambda each: each[2])]
    long = [group for group in long if max(limit for _, limit, _ in group) > USUAL_S]
    long.sort(key=lambda group: -max(limit for _, limit, _ in group))
    taken = {unit for group in long for _, _, unit in group}
    rest = [test for test, _, unit in known if unit not in taken]
    order: list[Test] = []
    for worker in range(workers):
        heads = [test for group in long[worker::workers] for test, _, _ in group]
        size = (len(tests) - len(order)) // (workers - worker)  # as xdist cuts the list
        more = size - len(heads) if worker < workers - 1 else len(rest)
        order += heads + rest[: max(more, 0)]
        rest = rest[max(more, 0) :]
    return order


def _limit_s(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    is_story = item.get_closest_marker("story") is not None
    return float(mark.args[0]) if mark and is_story else USUAL_S


def _unit(item: pytest.Item) -> Hashable:
    """Tests of one file share what they set up, those of one parameter at least."""
    callspec = getattr(item, "callspec", None)
    return item.path, callspec.id if callspec else ""
