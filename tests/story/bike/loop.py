"""Hourly demand for rental bikes, trained on what is known so far."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import HistGradientBoostingRegressor

import bucle

FEATURES = ["hr", "weekday", "workingday", "holiday", "weathersit", "temp", "atemp", "hum",
            "windspeed"]  # fmt: skip
TARGET = "cnt"
HELD_OUT_HOURS = 7 * 24
LEVEL_HOURS = 14 * 24
HALF_YEAR_HOURS = 182 * 24


@bucle.step
def known(dataset: str) -> pa.Table:
    """Return the last year of what is known, in the order of time."""
    rows = bucle.dataset(dataset).read().sort_by("at")
    return rows.slice(max(0, rows.num_rows - 2 * HALF_YEAR_HOURS))


@bucle.step
def fit(rows: pa.Table, held_out: int) -> str:
    """Fit on all but the newest hours, and register the model judged on those."""
    past, newest = rows.slice(0, rows.num_rows - held_out), rows.slice(rows.num_rows - held_out)
    counts = past[TARGET].to_numpy().astype(float)
    model = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.08, random_state=0)
    model.fit(_matrix(past), detrended(counts), sample_weight=_weights(past.num_rows))
    columns = [*FEATURES, TARGET]
    version = bucle.log_model(
        model,
        "demand",
        example=past.select(FEATURES).slice(0, 5),
        evaluation=newest.select(columns),
        reference=past.select(columns).slice(max(0, past.num_rows - 8 * held_out)),
        target=TARGET,
        task="regression",
    )
    return str(version.ref)


def detrended(counts: np.ndarray) -> np.ndarray:
    """Return each hour's rentals at today's level of demand: a mean of the two weeks before it."""
    sums = np.cumsum(np.insert(counts, 0, 0.0))
    ends = np.arange(1, len(counts) + 1)
    starts = np.maximum(0, ends - LEVEL_HOURS)
    level = (sums[ends] - sums[starts]) / (ends - starts)
    return counts * level[-1] / np.maximum(level, 1.0)


@bucle.pipeline
def train(dataset: str, held_out: int = HELD_OUT_HOURS) -> str:
    """Train a model of demand on the newest version of a dataset."""
    return fit(known(dataset), held_out)


def _weights(count: int) -> np.ndarray:
    return np.exp((np.arange(count) - count) / HALF_YEAR_HOURS)


def _matrix(rows: pa.Table) -> np.ndarray:
    return np.column_stack([pc.cast(rows[name], pa.float64()).to_numpy() for name in FEATURES])
