"""How the tests themselves are put in order."""

from tests.support.order import dealt

LIMITS = {
    "a": 300,
    "b": 300,
    "c": 300,
    "long 1": 2400,
    "long 2": 2400,
    "half 1": 600,
    "half 2": 600,
}


def order(names: list[str], workers: int) -> list[str]:
    units = [name if name.startswith("long") else name[:4] for name in names]
    return dealt(names, [LIMITS[name] for name in names], units, workers=workers)


def test_the_longest_tests_stand_at_the_heads_of_the_workers_parts() -> None:
    found = order(["a", "b", "half 1", "half 2", "c", "long 1", "long 2"], 2)
    assert found == ["long 1", "half 1", "half 2", "long 2", "a", "b", "c"]
    assert (found[0], found[len(found) // 2]) == ("long 1", "long 2")


def test_no_test_is_lost_however_many_workers_there_are() -> None:
    for workers in (1, 2, 3, 8, 20):
        assert sorted(order(list(LIMITS), workers)) == sorted(LIMITS)


def test_without_long_tests_the_order_stays() -> None:
    assert order(["c", "a", "b"], 2) == ["c", "a", "b"]
