"""Our metrics are scikit-learn's, and what rows can not give is not there."""

import numpy as np
import pytest
from sklearn import metrics

from bucle.base.errors import Invalid
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry import METRICS, Answered, score

RNG = np.random.default_rng(3)


def binary(rows: int = 400) -> Answered:
    actual = RNG.integers(0, 2, rows)
    probability = np.clip(actual * 0.3 + RNG.random(rows) * 0.7, 0, 1).round(2)  # with ties
    return Answered(
        task="classification",
        classes=(0, 1),
        actual=actual,
        answers={"prediction": (probability > 0.5).astype(int), "probability": probability},
    )


def by_hand(said: np.ndarray, came: np.ndarray) -> float:
    """The expected calibration error, bin by bin as the paper writes it."""
    total = 0.0
    for low in range(10):
        inside = (said > low / 10) & (said <= (low + 1) / 10) | ((said == 0) & (low == 0))
        if inside.any():
            total += inside.mean() * abs(came[inside].mean() - said[inside].mean())
    return total


def test_binary_metrics_are_those_of_scikit_learn() -> None:
    rows = binary()
    came, said = rows.actual, rows.answers["prediction"]
    probability = rows.answers["probability"]
    assert score(rows) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(came, said),
            "precision": metrics.precision_score(came, said),
            "recall": metrics.recall_score(came, said),
            "f1": metrics.f1_score(came, said),
            "auc": metrics.roc_auc_score(came, probability),
            "average_precision": metrics.average_precision_score(came, probability),
            "log_loss": metrics.log_loss(came, probability),
            "brier": metrics.brier_score_loss(came, probability),
            "calibration_error": by_hand(probability, came == 1),
        }
    )


def test_metrics_of_several_classes_are_plain_means_over_them() -> None:
    came = RNG.choice(["a", "b", "c"], 300).astype(object)
    matrix = RNG.dirichlet([1, 1, 1], 300)
    said = np.array(["a", "b", "c"], dtype=object)[matrix.argmax(axis=1)]
    rows = Answered(
        task="classification",
        classes=("a", "b", "c"),
        actual=came,
        answers={"prediction": said, "probability": matrix},
    )
    assert score(rows) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(came, said),
            "precision": metrics.precision_score(came, said, average="macro"),
            "recall": metrics.recall_score(came, said, average="macro"),
            "f1": metrics.f1_score(came, said, average="macro"),
            "log_loss": metrics.log_loss(came, matrix, labels=["a", "b", "c"]),
            "calibration_error": by_hand(matrix.max(axis=1), came == said),
        }
    )


def test_regression_metrics_are_those_of_scikit_learn() -> None:
    came = RNG.normal(size=200)
    said = came + RNG.normal(size=200)
    rows = Answered(task="regression", classes=(), actual=came, answers={"prediction": said})
    assert score(rows) == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(came, said),
            "rmse": metrics.root_mean_squared_error(came, said),
            "r2": metrics.r2_score(came, said),
        }
    )


def test_rows_of_one_class_have_no_auc_and_no_rows_have_nothing() -> None:
    rows = binary().take(np.flatnonzero(binary().actual == 0)[:0])
    assert score(rows) == {}
    zeros = binary()
    zeros = zeros.take(np.flatnonzero(zeros.actual == 0))
    assert "auc" not in score(zeros)
    assert "average_precision" not in score(zeros)


def test_the_charters_costs_are_taken_per_case_from_amounts_or_numbers() -> None:
    rows = Answered(
        task="classification",
        classes=("no", "yes"),
        actual=np.array(["yes", "yes", "no", "no"], dtype=object),
        answers={"prediction": np.array(["yes", "no", "yes", "no"], dtype=object)},
        amounts={"amount": np.array([100.0, 40.0, 7.0, 9.0])},
    )
    costs = ErrorCosts(unit="EUR", false_negative="amount", false_positive=5, true_positive=-1)
    assert score(rows, costs)["cost_per_case"] == pytest.approx((40 + 5 - 1) / 4)
    saved = ErrorCosts(unit="EUR", true_positive="-amount")
    assert score(rows, saved)["cost_per_case"] == pytest.approx(-100 / 4)
    elsewhere = ErrorCosts(unit="EUR", false_negative="price")
    assert "cost_per_case" not in score(rows, elsewhere)


def test_regression_costs_price_each_side_of_the_error() -> None:
    rows = Answered(
        task="regression",
        classes=(),
        actual=np.array([10.0, 10.0]),
        answers={"prediction": np.array([12.0, 7.0])},
    )
    costs = ErrorCosts(unit="EUR", over=2, under=5)
    assert score(rows, costs)["cost_per_case"] == pytest.approx((2 * 2 + 3 * 5) / 2)


def test_a_class_that_the_model_lacks_is_named() -> None:
    rows = Answered(
        task="classification",
        classes=("no", "yes"),
        actual=np.array(["perhaps"], dtype=object),
        answers={"prediction": np.array(["yes"], dtype=object)},
    )
    with pytest.raises(Invalid, match="'perhaps', which is no class"):
        score(rows)


def test_every_metric_has_a_direction() -> None:
    given = {*score(binary()), "mae", "rmse", "r2", "cost_per_case"}
    assert given == set(METRICS)


@pytest.mark.parametrize(
    ("said", "came", "error"),
    [
        ([0.0, 1.0], [0, 1], 0.0),
        ([0.8] * 5, [1, 1, 1, 1, 0], 0.0),
        ([0.9] * 10, [1] * 5 + [0] * 5, 0.4),
        ([1.0] * 4, [0] * 4, 1.0),
        ([0.35, 0.35, 0.85, 0.85], [0, 1, 1, 1], 0.15),
    ],
)
def test_a_classifier_is_calibrated_if_what_it_says_is_how_often_it_comes(
    said: list[float], came: list[int], error: float
) -> None:
    probability = np.array(said)
    rows = Answered(
        task="classification",
        classes=(0, 1),
        actual=np.array(came),
        answers={"prediction": (probability > 0.5).astype(int), "probability": probability},
    )
    assert score(rows)["calibration_error"] == pytest.approx(error)
