"""Small fitted models and their rows, for the registry's tests."""

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FEATURES = ["heat", "hour", "city"]
NUMBERS = ["heat", "hour"]


def rentals(rows: int = 240, seed: int = 7) -> pa.Table:
    """Rows of heat, hour and city, with a count and whether it is high."""
    rng = np.random.default_rng(seed)
    heat = rng.normal(20, 8, rows).round(3)
    hour = rng.integers(0, 24, rows)
    city = rng.choice(["lima", "madrid", "quito"], rows)
    count = 3 * heat + 2 * hour + 10 * (city == "lima") + rng.normal(0, 2, rows)
    high = np.where(count > np.median(count), "yes", "no")
    frame = {"heat": heat, "hour": hour, "city": city, "count": count, "high": high}
    return pa.table(frame)


def frame(table: pa.Table, names: list[str]) -> pd.DataFrame:
    """The columns as a pandas frame, text as plain objects."""
    return pd.DataFrame({name: table.column(name).to_numpy() for name in names})


def linear(table: pa.Table) -> object:
    """A pipeline that picks columns by name, fitted on count."""
    picks = make_column_transformer(
        (StandardScaler(), ["heat"]), (OneHotEncoder(handle_unknown="ignore"), ["city", "hour"])
    )
    model = make_pipeline(picks, LinearRegression())
    return model.fit(frame(table, FEATURES), table.column("count").to_numpy())


def logistic(table: pa.Table) -> object:
    """A pipeline of numbers, fitted on high."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return model.fit(frame(table, NUMBERS), table.column("high").to_numpy())


def forest(table: pa.Table) -> object:
    """A random forest of numbers, fitted on count."""
    model = RandomForestRegressor(10, random_state=0)
    return model.fit(frame(table, NUMBERS), table.column("count").to_numpy())


def boosting(table: pa.Table) -> object:
    """A histogram gradient boosting, which skl2onnx does not cover; it takes gaps."""
    model = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    return model.fit(frame(table, NUMBERS), table.column("count").to_numpy())


def poor(table: pa.Table) -> object:
    """A linear model of the hour alone, worse than `linear`; it wants both numbers."""
    shuffled = np.random.default_rng(1).permutation(table.column("heat").to_numpy())
    numbers = pd.DataFrame({"heat": shuffled, "hour": table.column("hour").to_numpy()})
    return LinearRegression().fit(numbers, table.column("count").to_numpy())
