"""One small fitted model of each kind that a package may hold, and rows that none was fitted on."""

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import xgboost
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

NUMBERS = [f"x{place}" for place in range(6)]
COLUMNS = [*NUMBERS, "city"]


def rows(count: int, seed: int) -> pa.Table:
    """Six numbers and a city."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: rng.normal(size=count) for name in NUMBERS}
    columns["city"] = rng.choice(["lima", "madrid", "oslo", "quito"], count)
    return pa.table(columns)


FITTED = rows(400, 1)
FRAME = pd.DataFrame({name: FITTED.column(name).to_numpy() for name in COLUMNS})
X = FRAME[NUMBERS]
_SCORE = 2 * X["x0"] - X["x1"] + np.sin(3 * X["x2"]) + (FRAME["city"] == "oslo")
NUMBER = (_SCORE + np.random.default_rng(2).normal(0, 0.3, len(FRAME))).to_numpy()
TWO = np.where(NUMBER > 0, "yes", "no")
THREE = np.digitize(NUMBER, [-1, 1])


def _encoded(last: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    cities = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(make_column_transformer((numbers, NUMBERS), (cities, ["city"])), last)


def _scaled(last: Any) -> Any:
    return make_pipeline(StandardScaler(), last)


def _forest(kind: Any) -> Any:
    return kind(20, random_state=0)  # an even number of trees: their votes tie


# kind -> how it is fitted, and the flavor that is expected of it.
KINDS: dict[str, tuple[Callable[[], Any], str]] = {
    "logistic": (lambda: _scaled(linear_model.LogisticRegression()).fit(X, TWO), "linear"),
    "logistic of three": (
        lambda: make_pipeline(MinMaxScaler(), linear_model.LogisticRegression()).fit(X, THREE),
        "linear",
    ),
    "sgd": (
        lambda: _scaled(linear_model.SGDClassifier(loss="log_loss", random_state=0)).fit(X, THREE),
        "linear",
    ),
    "linear svc": (lambda: _scaled(svm.LinearSVC(random_state=0)).fit(X, TWO), "linear"),
    "linear": (lambda: linear_model.LinearRegression().fit(X, NUMBER), "linear"),
    "ridge": (lambda: _scaled(linear_model.Ridge()).fit(X, NUMBER), "linear"),
    "poisson": (
        lambda: linear_model.PoissonRegressor().fit(X, np.exp(NUMBER / 4)),
        "linear",
    ),
    "columns logistic": (
        lambda: _encoded(linear_model.LogisticRegression()).fit(FRAME, THREE),
        "linear",
    ),
    "columns ridge": (lambda: _encoded(linear_model.Ridge()).fit(FRAME, NUMBER), "linear"),
    "columns forest": (
        lambda: _encoded(_forest(ensemble.RandomForestClassifier)).fit(FRAME, TWO),
        "onnx",
    ),
    "forest": (lambda: _forest(ensemble.RandomForestClassifier).fit(X, TWO), "onnx"),
    "forest of three": (lambda: _forest(ensemble.RandomForestClassifier).fit(X, THREE), "onnx"),
    "forest of numbers": (lambda: _forest(ensemble.RandomForestRegressor).fit(X, NUMBER), "onnx"),
    "extra trees": (lambda: _forest(ensemble.ExtraTreesClassifier).fit(X, TWO), "onnx"),
    "extra trees of numbers": (
        lambda: _forest(ensemble.ExtraTreesRegressor).fit(X, NUMBER),
        "onnx",
    ),
    "gradient boosting": (
        lambda: ensemble.GradientBoostingClassifier(n_estimators=15).fit(X, THREE),
        "onnx",
    ),
    "gradient boosting of numbers": (
        lambda: ensemble.GradientBoostingRegressor(n_estimators=15).fit(X, NUMBER),
        "onnx",
    ),
    "histogram boosting": (
        lambda: ensemble.HistGradientBoostingClassifier(max_iter=8).fit(X, TWO),
        "skops",
    ),
    "histogram boosting of numbers": (
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=8).fit(X, NUMBER),
        "skops",
    ),
    "svc": (lambda: svm.SVC().fit(X, TWO), "onnx"),
    "svr": (lambda: svm.SVR().fit(X, NUMBER), ""),
    "neighbours": (lambda: neighbors.KNeighborsClassifier().fit(X, TWO), "onnx"),
    "neighbours of numbers": (lambda: neighbors.KNeighborsRegressor().fit(X, NUMBER), "onnx"),
    "naive bayes": (lambda: naive_bayes.GaussianNB().fit(X, THREE), "onnx"),
    "network": (
        lambda: neural_network.MLPClassifier((8,), max_iter=40, random_state=0).fit(X, TWO),
        "onnx",
    ),
    "network of numbers": (
        lambda: neural_network.MLPRegressor(
            hidden_layer_sizes=(8,), max_iter=40, random_state=0
        ).fit(X, NUMBER),
        "onnx",
    ),
    "tree": (lambda: tree.DecisionTreeClassifier(random_state=0).fit(X, THREE), "onnx"),
    "tree of numbers": (lambda: tree.DecisionTreeRegressor(random_state=0).fit(X, NUMBER), "onnx"),
    "xgboost": (
        lambda: xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(X, THREE),
        "xgboost",
    ),
    "xgboost of numbers": (
        lambda: xgboost.XGBRegressor(n_estimators=10, n_jobs=1).fit(X, NUMBER),
        "xgboost",
    ),
    "lightgbm": (
        lambda: lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1).fit(X, TWO),
        "lightgbm",
    ),
    "lightgbm of numbers": (
        lambda: lightgbm.LGBMRegressor(n_estimators=10, n_jobs=1, verbose=-1).fit(X, NUMBER),
        "lightgbm",
    ),
}
