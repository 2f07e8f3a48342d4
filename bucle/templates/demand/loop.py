"""How a model of demand is made: read what is known, fit, keep the newest weeks for judging.

Plain functions; `bucle.yaml` says when they run, and what a model must show to be let in.
"""

import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingRegressor

import bucle

FEATURES = ["hour", "weekday", "holiday", "temp", "rain"]
TARGET = "cups"


@bucle.step
def known(dataset: str) -> pa.Table:
    """Return every hour that is known, in the order of time."""
    return bucle.dataset(dataset).read().sort_by("at")


@bucle.step
def fit(rows: pa.Table, held_out: int) -> str:
    """Fit on all but the newest hours, and register the model with those to be judged on."""
    past = rows.slice(0, rows.num_rows - held_out)
    newest = rows.slice(rows.num_rows - held_out)
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=120, random_state=0)
    model.fit(past.select(FEATURES).to_pandas(), past[TARGET].to_numpy())
    columns = [*FEATURES, TARGET]
    version = bucle.log_model(
        model,
        "demand",
        example=past.select(FEATURES).slice(0, 24),
        evaluation=newest.select(columns),
        reference=past.select(columns),
        target=TARGET,
        task="regression",
    )
    return str(version.ref)


@bucle.pipeline
def train(dataset: str, held_out: int = 336) -> str:
    """Train on the newest version of a dataset; two weeks are held out."""
    return fit(known(dataset), held_out)
