from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from bucle.base.errors import Invalid, Refused
from bucle.governance.session import House
from bucle.lifecycle import registry
from bucle.lifecycle.registry import Explanation, Predictor, Wish, explain
from bucle.lifecycle.registry.explain.explain import space_of
from bucle.lifecycle.registry.explain.shapley import shapley
from bucle.lifecycle.registry.load import open_package
from bucle.testing.houses import open_test_house

RNG = np.random.default_rng(7)
MATRIX = RNG.normal(size=(240, 4))
TABLE = pa.table({f"x{place}": MATRIX[:, place] for place in range(4)})
AMOUNT = 2 * MATRIX[:, 0] + MATRIX[:, 1] * MATRIX[:, 2]
TWO = (AMOUNT > 0).astype(int)
THREE = np.array(["low", "mid", "high"])[np.digitize(AMOUNT, [-1, 1])]
REFERENCE, ROWS = TABLE.slice(0, 40), TABLE.slice(100, 5)


def boosted(library: str, kind: str, **settings: Any) -> Callable[[], Any]:
    def make() -> Any:
        return getattr(pytest.importorskip(library), kind)(n_estimators=12, **settings)

    return make


# model, target, method, space
KINDS: dict[str, tuple[Callable[[], Any], Any, str, str]] = {
    "ridge": (Ridge, AMOUNT, "linear", "prediction"),
    "poisson": (PoissonRegressor, np.exp(AMOUNT / 3), "linear", "logarithm of the prediction"),
    "logistic": (LogisticRegression, TWO, "linear", "log-odds"),
    "scaled logistic of three": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        THREE, "linear", "margin before softmax",
    ),
    "forest": (lambda: RandomForestClassifier(12, random_state=0), TWO, "exact", "probability"),
    "forest of three": (
        lambda: RandomForestClassifier(12, random_state=0), THREE, "exact", "probability",
    ),
    "without probabilities": (SVC, TWO, "exact", "choice"),
    "histogram trees": (
        lambda: HistGradientBoostingClassifier(max_iter=12), TWO, "trees", "log-odds",
    ),
    "xgboost": (boosted("xgboost", "XGBClassifier"), TWO, "trees", "log-odds"),
    "xgboost of amounts": (boosted("xgboost", "XGBRegressor"), AMOUNT, "trees", "prediction"),
    "lightgbm": (boosted("lightgbm", "LGBMClassifier", verbose=-1), TWO, "trees", "log-odds"),
    "lightgbm of three": (
        boosted("lightgbm", "LGBMClassifier", verbose=-1),
        np.digitize(AMOUNT, [-1, 1]), "trees", "margin before softmax",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return open_test_house(tmp_path_factory.mktemp("explained") / "home")


@pytest.fixture
def packed(house: House, tmp_path: Path) -> Callable[[Any, Any], Predictor]:
    def pack(model: Any, target: Any) -> Predictor:
        if target is not None:
            model.fit(MATRIX, target)
        asked = registry.Packaging(example=REFERENCE, allow_pickle=True)
        package = registry.package_model(house.drivers, model, asked)
        return open_package(house.drivers.blobs, package.digest, tmp_path)

    return pack


def explained(predictor: Predictor, rows: pa.Table, wish: Wish | None = None) -> Explanation:
    inputs = predictor.signature.inputs
    columns, reference = (registry.columns_of(table, inputs) for table in (rows, REFERENCE))
    return explain(predictor, predictor.predict_checked, columns, reference, wish or Wish())


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_add_up_to_what_the_model_says(packed, kind: str) -> None:
    make, target, method, space = KINDS[kind]
    if kind == "histogram trees":
        pytest.importorskip("shap")
    predictor = packed(make(), target)
    found = explained(predictor, ROWS)
    assert (found.method, found.space) == (method, space)
    sums = found.base + found.contributions.sum(axis=1)
    assert sums == pytest.approx(found.outputs)
    answers = predictor.predict(registry.columns_of(ROWS, predictor.signature.inputs))
    assert said(found) == pytest.approx(expected(found, predictor, answers), rel=1e-3, abs=1e-4)


def said(found: Explanation) -> np.ndarray:
    """What the outputs mean in the model's own words; of a softmax only the order is known."""
    if found.space == "log-odds":
        return 1 / (1 + np.exp(-found.outputs))
    if found.space == "logarithm of the prediction":
        return np.exp(found.outputs)
    return found.outputs


def expected(found: Explanation, predictor: Predictor, answers: dict[str, Any]) -> Any:
    if found.space in {"log-odds", "probability"}:
        probability = answers["probability"]
        if probability.ndim == 1:
            return probability
        order = [predictor.manifest.classes.index(name) for name in found.classes]
        return probability[np.arange(len(order)), order]
    if found.space == "choice":
        return (answers["prediction"] == found.classes).astype(float)
    return found.outputs if found.space.startswith("margin") else answers["prediction"]


def test_a_linear_models_contribution_is_its_coefficient_times_the_distance_from_the_mean(
    packed,
) -> None:
    model = Ridge()
    found = explained(packed(model, AMOUNT), ROWS)
    means = np.column_stack(REFERENCE.columns).mean(axis=0)
    rows = np.column_stack(ROWS.columns)
    assert found.contributions == pytest.approx(model.coef_ * (rows - means))
    assert found.base == pytest.approx(model.predict(means[None, :])[0])


def test_all_subsets_give_what_shap_gives_of_the_same_trees() -> None:
    shap, xgboost = pytest.importorskip("shap"), pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=12).fit(MATRIX, AMOUNT)

    def ask(columns: Any) -> np.ndarray:
        return model.predict(np.column_stack(list(columns.values()))).reshape(-1, 1)

    reference = {name: MATRIX[:20, place] for place, name in enumerate("abcd")}
    rows = {name: MATRIX[100:103, place] for place, name in enumerate("abcd")}
    parts = shapley(rows, reference, ask, 10**6, 0)
    oracle = shap.TreeExplainer(model, MATRIX[:20], feature_perturbation="interventional")
    assert parts.errors is None
    assert parts.contributions[:, 0] == pytest.approx(oracle.shap_values(MATRIX[100:103]), abs=1e-4)


def test_many_columns_are_sampled_with_a_standard_error_that_tells_the_truth() -> None:
    width = 16
    rng = np.random.default_rng(3)
    names = [f"x{place}" for place in range(width)]
    reference = {name: rng.normal(size=50) for name in names}
    rows = {name: rng.normal(size=4) for name in names}

    def ask(columns: Any) -> np.ndarray:
        matrix = np.column_stack([columns[name] for name in names])
        return (matrix @ np.arange(width) + matrix[:, 0] * matrix[:, 1]).reshape(-1, 1)

    calls = 40_000
    parts = shapley(rows, reference, ask, calls, 0)
    assert parts.calls <= calls
    assert parts.errors is not None
    assert parts.sums == pytest.approx(ask(rows))
    means = np.array([reference[name].mean() for name in names])
    truth = np.arange(width) * (np.column_stack(list(rows.values())) - means)
    off = np.abs(parts.contributions[:, 0] - truth)[:, 2:]
    assert (off <= 4 * parts.errors[:, 0, 2:] + 1e-9).mean() > 0.95
    again = shapley(rows, reference, ask, calls, 0)
    assert (again.contributions == parts.contributions).all()


def test_text_columns_are_mixed_as_they_are() -> None:
    def ask(columns: Any) -> np.ndarray:
        return (columns["heat"] + 10.0 * (columns["city"] == "here")).reshape(-1, 1)

    columns = {"heat": np.array([5.0]), "city": np.array(["here"], dtype=object)}
    reference = {"heat": np.array([1.0, 3.0]), "city": np.array(["here", "there"], dtype=object)}
    parts = shapley(columns, reference, ask, 99, 0)
    assert parts.contributions[0, 0] == pytest.approx([3.0, 5.0])


def test_a_class_is_asked_for_by_name(packed) -> None:
    predictor = packed(LogisticRegression(), TWO)
    one, zero = (explained(predictor, ROWS, Wish(of=of)) for of in (1, 0))
    assert (zero.classes[0], one.classes[0]) == (0, 1)
    assert zero.contributions == pytest.approx(-one.contributions)
    with pytest.raises(Invalid, match="7 is none of the model's classes"):
        explained(predictor, ROWS, Wish(of=7))
    with pytest.raises(Invalid, match="the model has no classes"):
        explained(packed(Ridge(), AMOUNT), ROWS, Wish(of=1))


def words(columns: Any) -> dict[str, Any]:
    return {"prediction": np.array(["warm"] * len(columns["x0"]), dtype=object)}


def test_a_model_that_says_words_is_refused(packed) -> None:
    with pytest.raises(Refused, match="no single number"):
        explained(packed(words, None), ROWS)


@pytest.mark.parametrize(
    ("sums", "scores", "task", "space"),
    [
        ([[1.0]], [[1.0]], "regression", "prediction"),
        ([[0.0]], [[1.0]], "regression", "logarithm of the prediction"),
        ([[2.0]], [[1.0]], "regression", ""),
        ([[0.25, 0.75]], [[0.25, 0.75]], "classification", "probability"),
        ([[0.0, 0.0]], [[0.5, 0.5]], "classification", "log-odds"),
        ([[5.0, 5.0, 5.0]], [[1 / 3, 1 / 3, 1 / 3]], "classification", "margin before softmax"),
        ([[5.0, 1.0]], [[0.5, 0.5]], "classification", ""),
        ([[800.0, -800.0]], [[1.0, 0.0]], "classification", "log-odds"),
        ([[0.5]], [[0.5, 0.5]], "classification", ""),
    ],
)
def test_sums_are_taken_only_in_a_space_where_they_are_the_answer(
    sums, scores, task: str, space: str
) -> None:
    assert space_of(np.array(sums), np.array(scores), task) == space
