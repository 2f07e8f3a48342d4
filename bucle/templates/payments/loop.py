"""How a model of fraud is made: known payments with their features, a search, a fit.

Plain functions; `bucle.yaml` says when they run, and what a model must show to be let in.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bucle

# What a payment says itself, and what the views of features.py know by then: the deployment of
# bucle.yaml names the same views, and its model server fills them in.
VIEWS = ["customer_spending", "terminal_use", "terminal_risk"]
FEATURES = [
    "amount",
    "hour",
    "weekday",
    "distance_km",
    "terminal_age_days",
    "customer_mean_7d",
    "customer_mean_28d",
    "customer_count_1d",
    "terminal_count_7d",
    "terminal_known_28d",
    "terminal_frauds_28d",
]
TARGET = "fraud"
REVIEW_COST = 6.0  # as in bucle.yaml's charter
TRAINING_DAYS = 35
RECENT_DAYS = 10  # a third of the newest payments is kept for judging
SPACE: dict[str, dict[str, bucle.Float | bucle.Int | bucle.Choice]] = {
    "forest": {"max_depth": bucle.Int(6, 14), "min_samples_leaf": bucle.Int(3, 30, log=True)},
    "linear": {"C": bucle.Float(0.01, 10.0, log=True)},
}
USUAL: dict[str, Any] = {"algorithm": "forest", "max_depth": 12, "min_samples_leaf": 5}


@bucle.step
def known(dataset: str) -> pa.Table:
    """Return the payments of the last weeks whose outcome is known, in the order of time.

    Each has the features that were known when it was made, as the model server had them.
    """
    rows = bucle.dataset(dataset).read()
    newest = pc.max(rows["at"]).as_py()
    recent = pc.greater_equal(rows["at"], newest - timedelta(days=TRAINING_DAYS))
    return bucle.training_set(rows.filter(recent).sort_by("at"), VIEWS)


@bucle.step
def best_params(rows: pa.Table, trials: int) -> dict[str, Any]:
    """Search over two algorithms for what would have cost least on payments not trained on."""
    past, _ = split(rows)
    fold = np.arange(past.num_rows) % 3 == 0
    train, check = past.filter(pa.array(~fold)), past.filter(pa.array(fold))

    def cost(params: dict[str, Any], _report: object) -> float:
        held = fitted(train, params, trees=20).predict(matrix(check)) == 1
        fraud = check[TARGET].to_numpy() == 1
        missed = check["amount"].to_numpy()[fraud & ~held].sum()
        return float(missed + REVIEW_COST * held.sum()) / len(held)

    asked = bucle.Search(direction="minimize", trials=trials, metric="cost", first=(USUAL,))
    return dict(bucle.search(cost, SPACE, asked).params)


@bucle.step
def fit(rows: pa.Table, params: dict[str, Any]) -> str:
    """Fit on all but the rows kept for judging, and register the model with those."""
    past, kept = split(rows)
    columns = [*FEATURES, TARGET]
    version = bucle.log_model(
        fitted(past, params, trees=40),
        "fraud",
        example=past.select(FEATURES).slice(0, 5),
        evaluation=kept.select(columns),
        reference=past.select(columns),
        target=TARGET,
        task="classification",
    )
    return str(version.ref)


@bucle.pipeline
def train(dataset: str, trials: int = 3) -> str:
    """Train a model on what is known of a dataset's newest version."""
    rows = known(dataset)
    return fit(rows, best_params(rows, trials))


def split(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Keep every third of the newest payments for judging: they show the world as it is now."""
    newest = pc.max(rows["at"]).as_py()
    recent = pc.greater_equal(rows["at"], newest - timedelta(days=RECENT_DAYS)).to_numpy()
    kept = recent & (np.arange(rows.num_rows) % 3 == 0)
    return rows.filter(pa.array(~kept)), rows.filter(pa.array(kept))


def fitted(rows: pa.Table, params: dict[str, Any], trees: int) -> Any:  # noqa: ANN401 - any estimator
    """Fit one algorithm; each payment weighs what an error on it would cost."""
    fraud = rows[TARGET].to_numpy()
    weight = np.where(fraud == 1, rows["amount"].to_numpy(), REVIEW_COST)
    weight = weight / weight.mean()
    # A customer or a terminal that nothing is known of yet counts as a usual one.
    usual = SimpleImputer(strategy="median")
    if params["algorithm"] == "linear":
        linear = LogisticRegression(C=params["C"], max_iter=200)
        model = make_pipeline(usual, StandardScaler(), linear)
        return model.fit(matrix(rows), fraud, logisticregression__sample_weight=weight)
    forest = RandomForestClassifier(
        n_estimators=trees,
        max_depth=params["max_depth"],
        min_samples_leaf=params["min_samples_leaf"],
        max_features=0.5,
        random_state=0,
    )
    model = make_pipeline(usual, forest)
    return model.fit(matrix(rows), fraud, randomforestclassifier__sample_weight=weight)


def matrix(rows: pa.Table) -> "np.ndarray[Any, Any]":
    """Return the features as numbers, a column each; NaN where nothing was known."""
    return np.column_stack([pc.cast(rows[name], pa.float64()).to_numpy() for name in FEATURES])
