"""Agreement beyond chance, by examples that were published."""

import numpy as np
import pytest

from bucle.lifecycle.data.labels.agree import alpha, alpha_by_class, kappa
from bucle.lifecycle.data.labels.settle import dawid_skene, majority

_ = None
# K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section C: four observers.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3),
    (_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _),
)
UNITS = [[value for value in unit if value is not None] for unit in zip(*OBSERVERS, strict=True)]


@pytest.mark.parametrize(
    ("scale", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_four_observers_with_missing_answers_is_what_was_published(
    scale: str, published: float
) -> None:
    assert alpha(UNITS, scale) == pytest.approx(published, abs=5e-4)  # type: ignore[arg-type]


def test_alpha_of_two_observers_is_what_was_published() -> None:
    # The same paper, sections A and B: binary data, and nominal data without missing ones.
    binary = zip([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0], strict=True)
    assert alpha([list(pair) for pair in binary]) == pytest.approx(0.095, abs=5e-4)
    nominal = zip("aabbdcccedda", "babbbccceddd", strict=True)
    assert alpha([list(pair) for pair in nominal]) == pytest.approx(0.692, abs=5e-4)


def test_kappa_is_that_of_cohens_two_raters() -> None:
    # 50 grant applications, as told in many texts: 20 both yes, 15 both no, 5 and 10 differ.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4)


@pytest.mark.parametrize("items", [[], [["a"]], [["a", "a"], ["a", "a"]]])
def test_where_nothing_can_be_compared_there_is_no_alpha(items: list[list[str]]) -> None:
    assert alpha(items) is None
    assert kappa([(item[0], item[-1]) for item in items]) is None


def test_labellers_who_always_agree_have_an_alpha_of_one_and_chance_one_of_nothing() -> None:
    assert alpha([["a", "a"], ["b", "b"], ["c", "c", "c"]]) == 1
    rng = np.random.default_rng(0)
    assert abs(alpha(rng.integers(0, 3, (4_000, 2)).tolist()) or 1) < 0.05


def test_a_class_that_is_confused_has_a_lower_alpha_than_one_that_is_not() -> None:
    items = [["a", "a"]] * 10 + [["b", "c"], ["c", "b"], ["b", "b"], ["c", "c"]]
    found = alpha_by_class(items)
    assert found["a"] == 1
    assert (found["b"] or 0) < 0.6


def test_a_majority_wins_and_a_tie_does_not() -> None:
    assert majority(["a", "b", "a"]) == ("a", pytest.approx(2 / 3))
    assert majority(["a", "b"]) == (None, None)
    assert majority([]) == (None, None)


def test_dawid_and_skene_trust_labellers_by_how_good_they_are() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 600)
    skill = {"ana": 0.95, "bob": 0.9, "carl": 0.34, "dora": 0.34, "eve": 0.34}
    answers = [
        {
            name: int(true) if rng.random() < good else int(rng.integers(0, 3))
            for name, good in skill.items()
        }
        for true in truth
    ]
    likely = [value for value, _ in dawid_skene(answers)]
    voted = [majority(list(one.values()))[0] for one in answers]
    right = np.mean([one == true for one, true in zip(likely, truth, strict=True)])
    by_vote = np.mean([one == true for one, true in zip(voted, truth, strict=True)])
    assert right > 0.93
    assert right > by_vote + 0.05


def test_an_item_that_nobody_answered_has_no_class() -> None:
    assert dawid_skene([{"a": "x"}, {}])[1] == (None, None)
    assert dawid_skene([{}]) == [(None, None)]
