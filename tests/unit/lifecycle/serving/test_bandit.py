import numpy as np
import pytest

from bucle.lifecycle.serving.bandit import Tally, odds_of, tally_of


def test_traffic_goes_to_the_better_version_and_less_is_lost_than_by_equal_shares() -> None:
    rng, means = np.random.default_rng(5), (0.10, 0.14, 0.08)
    tallies, shares, won = [Tally(0, 0.0)] * 3, (1 / 3,) * 3, 0.0
    for _ in range(60):
        for place, share in enumerate(shares):
            rows = round(500 * share)
            hits = float(rng.binomial(rows, means[place]))
            won += hits
            known = tallies[place]
            tallies[place] = Tally(known.rows + rows, known.successes + hits)
        shares = odds_of(tallies, rng, floor=0.05).shares
    assert shares[1] > 0.85
    assert won > 60 * 500 * 0.13 > 60 * 500 * np.mean(means)


def test_every_version_keeps_the_floor_and_shares_are_parts_of_one() -> None:
    odds = odds_of([Tally(5000, 4000.0), Tally(5000, 10.0)], np.random.default_rng(1), floor=0.1)
    assert odds.shares == pytest.approx((0.9, 0.1))
    assert sum(odds.best) == pytest.approx(1.0)


def test_before_anything_is_known_shares_are_about_equal() -> None:
    odds = odds_of([Tally(0, 0.0)] * 2, np.random.default_rng(2), floor=0.05)
    assert odds.shares == pytest.approx((0.5, 0.5), abs=0.05)


def test_an_outcome_counts_as_its_part_of_the_range() -> None:
    values = np.array([0.0, 5.0, 10.0, 99.0])
    assert tally_of(values, low=0, high=10, higher_is_better=True) == Tally(4, 2.5)
    assert tally_of(values, low=0, high=10, higher_is_better=False) == Tally(4, 1.5)
