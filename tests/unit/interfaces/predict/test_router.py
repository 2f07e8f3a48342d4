import random

import pytest

from bucle.interfaces.predict.router import choose, place_of


@pytest.mark.parametrize(
    ("weights", "place", "index"),
    [
        ([1.0], 0.99, 0),
        ([0.8, 0.2], 0.0, 1),
        ([0.8, 0.2], 0.199, 1),
        ([0.8, 0.2], 0.2, 0),
        ([0.8, 0.2], 0.99, 0),
        ([8.0, 2.0], 0.199, 1),
        ([0.5, 0.3, 0.2], 0.1, 2),
        ([0.5, 0.3, 0.2], 0.3, 1),
        ([0.5, 0.3, 0.2], 0.6, 0),
    ],
)
def test_a_place_belongs_to_one_variant(weights: list[float], place: float, index: int) -> None:
    assert choose(weights, place) == index


def test_shares_are_kept() -> None:
    rng = random.Random(1)
    chosen = [choose([0.8, 0.2], rng.random()) for _ in range(10_000)]
    assert sum(chosen) / len(chosen) == pytest.approx(0.2, abs=0.02)


def test_keys_are_spread_evenly_and_differently_by_deployment() -> None:
    keys = [f"customer-{number}" for number in range(5_000)]
    chosen = [[choose([0.8, 0.2], place_of(key, salt)) for key in keys] for salt in ("a", "b")]
    for one in chosen:
        assert sum(one) / len(one) == pytest.approx(0.2, abs=0.03)
    assert chosen[0] != chosen[1]


def test_a_larger_share_keeps_the_callers_it_has() -> None:
    keys = [f"customer-{number}" for number in range(1_000)]
    small = {key for key in keys if choose([0.8, 0.2], place_of(key, "d")) == 1}
    large = {key for key in keys if choose([0.5, 0.5], place_of(key, "d")) == 1}
    assert small < large
