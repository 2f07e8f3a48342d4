"""Distances against figures that anybody can check by hand, and against SciPy's."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon  # type: ignore[import-untyped]

from bucle.lifecycle.data.distance import js, psi, shares

# 4 to 1 against 1 to 4, in so many rows that half a row and chance are nothing.
LEFT, RIGHT = (800_000_000, 200_000_000), (200_000_000, 800_000_000)


def test_psi_is_what_the_formula_gives_by_hand() -> None:
    # (0.2 - 0.8) ln(0.2 / 0.8) + (0.8 - 0.2) ln(0.8 / 0.2) = 1.2 ln 4
    assert psi(LEFT, RIGHT) == pytest.approx(1.2 * math.log(4), rel=1e-6)
    assert psi((500_000_000, 500_000_000), (400_000_000, 600_000_000)) == pytest.approx(
        -0.1 * math.log(0.8) + 0.1 * math.log(1.2), rel=1e-6
    )


def test_js_is_what_the_formula_gives_by_hand() -> None:
    # middle 0.5: 0.8 log2(1.6) + 0.2 log2(0.4), the same from both sides
    assert js(LEFT, RIGHT) == pytest.approx(0.8 * math.log2(1.6) + 0.2 * math.log2(0.4), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_js_is_the_square_of_scipys_distance(seed: int) -> None:
    first, second = np.random.default_rng(seed).integers(1, 1000, (2, 12)).tolist()
    n, m = sum(first), sum(second)
    chance = 11 * (1 / n + 1 / m) / 8 / math.log(2)
    expected = jensenshannon(shares(first), shares(second), base=2) ** 2 - chance
    assert js(first, second) == pytest.approx(max(0.0, expected), abs=1e-12)


def test_half_a_row_and_the_mean_of_chance_are_taken_off_small_windows() -> None:
    r, w = (10.5 / 21, 10.5 / 21), (15.5 / 21, 5.5 / 21)
    raw = sum((b - a) * math.log(b / a) for a, b in zip(r, w, strict=True))
    assert psi((10, 10), (15, 5)) == pytest.approx(raw - (1 / 20 + 1 / 20))


@pytest.mark.parametrize("distance", [psi, js])
def test_the_same_counts_are_no_distance(distance: object) -> None:
    assert callable(distance)
    assert distance((5, 6, 7), (5, 6, 7)) == 0
    assert distance((50, 60, 70), (5, 6, 7)) == 0
    assert distance((0, 0), (0, 0)) == 0


def test_nothing_in_common_is_one_bit_and_an_empty_bin_is_finite() -> None:
    assert js((10**9, 0), (0, 10**9)) == pytest.approx(1, abs=1e-6)
    assert math.isfinite(psi((1000, 0), (0, 1000)))


def test_two_samples_of_one_distribution_are_near_zero_on_average() -> None:
    rng = np.random.default_rng(0)
    share = np.full(20, 1 / 20)
    pairs = [(rng.multinomial(2000, share), rng.multinomial(300, share)) for _ in range(200)]
    mean = np.mean([psi(a.tolist(), b.tolist()) for a, b in pairs])
    assert mean < 0.02  # without the correction it is about 0.07
