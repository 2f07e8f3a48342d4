import numpy as np
import pytest

from bucle.lifecycle.serving.sequential import Arm, arm_of, best_of, compare_arms, shared_alpha

ALPHA, EFFECT = 0.05, 0.02


def _peeks(rng: np.random.Generator, means: tuple[float, float], rows: int) -> list[str]:
    """Look at two arms of zeros and ones after every 50 rows of each."""
    first, second = (np.cumsum(rng.random(rows) < mean) for mean in means)
    found = []
    for count in range(100, rows + 1, 50):
        arms = []
        for sums in (first, second):
            mean = sums[count - 1] / count
            arms.append(Arm(count, mean, count * mean * (1 - mean)))
        said = compare_arms(*arms, alpha=ALPHA, min_effect=EFFECT, higher_is_better=True)
        found.append("better" if said.low > 0 else "worse" if said.high < 0 else "undecided")
    return found


@pytest.mark.parametrize("mean", [0.05, 0.5])
def test_looking_all_the_time_tells_equal_versions_apart_no_more_often_than_alpha(
    mean: float,
) -> None:
    rng = np.random.default_rng(44)
    trials = 600
    wrong = sum(any(one != "undecided" for one in _peeks(rng, (mean, mean), 4000))
                for _ in range(trials))  # fmt: skip
    assert wrong / trials <= ALPHA


def test_a_fixed_test_that_is_looked_at_all_the_time_would_err_far_more_often() -> None:
    rng, trials, wrong = np.random.default_rng(44), 200, 0
    for _ in range(trials):
        sums = [np.cumsum(rng.random(4000) < 0.5) for _ in range(2)]
        counts = np.arange(100, 4001, 50)
        means = [one[counts - 1] / counts for one in sums]
        spread = np.sqrt(sum(mean * (1 - mean) / counts for mean in means))
        wrong += bool((np.abs(means[0] - means[1]) > 1.96 * spread).any())
    assert wrong / trials > 3 * ALPHA


def test_a_better_version_is_found() -> None:
    rng = np.random.default_rng(45)
    found = [_peeks(rng, (0.30, 0.36), 6000) for _ in range(40)]
    assert sum("better" in one for one in found) >= 36
    assert not any("worse" in one for one in found)


def test_the_interval_holds_the_truth_at_every_look() -> None:
    rng, missed = np.random.default_rng(46), 0
    for _ in range(200):
        first, second = rng.normal(10, 3, 3000), rng.normal(9.5, 3, 3000)
        said = [compare_arms(arm_of(first[:n]), arm_of(second[:n]), alpha=ALPHA, min_effect=0.3,
                             higher_is_better=False) for n in range(100, 3001, 100)]  # fmt: skip
        missed += any(not one.low <= 0.5 <= one.high for one in said)
    assert missed / 200 <= ALPHA


def test_less_is_better_where_that_is_said() -> None:
    first, second = arm_of(np.full(500, 2.0)), arm_of(np.full(500, 1.0))
    said = compare_arms(first, second, alpha=ALPHA, min_effect=0.1, higher_is_better=False)
    assert (said.estimate, said.conclusion) == (1.0, "better")


def test_versions_that_do_the_same_end_the_trial() -> None:
    arm = arm_of(np.ones(100))
    said = compare_arms(arm, arm, alpha=ALPHA, min_effect=0.1, higher_is_better=True)
    assert said.conclusion == "no better"


def test_one_row_decides_nothing() -> None:
    said = compare_arms(Arm(1, 0.0, 0.0), Arm(1, 9.0, 0.0), alpha=ALPHA, min_effect=0.1,
                        higher_is_better=True)  # fmt: skip
    assert said.conclusion == "undecided"


def test_the_best_of_several_wins_and_each_has_its_part_of_alpha() -> None:
    arms = [arm_of(np.full(500, value)) for value in (1.0, 2.0, 3.0, 0.5)]
    alpha = shared_alpha(ALPHA, 3)
    found = [compare_arms(arms[0], arm, alpha=alpha, min_effect=0.1, higher_is_better=True)
             for arm in arms[1:]]  # fmt: skip
    assert alpha == pytest.approx(ALPHA / 3)
    assert best_of(found) == 1
    assert best_of(found[2:]) is None
