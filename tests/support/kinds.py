"""A model with a column of every type, whose answers show what reached it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle import registry, serving
from bucle.testing.houses import open_test_house

ROWS = pa.table({
    "height": [1.5, 2.5, 3.5, 4.5],
    "floors": [1, 2, 3, 4],
    "lit": [True, False, True, False],
    "city": ["here", "there", "here", "there"],
    "at": np.arange("2026-01-01", "2026-01-05", dtype="datetime64[D]").astype("datetime64[us]"),
})  # fmt: skip


def predict(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the floors, and with a row of three numbers that say what the rest was."""
    day = columns["at"].astype("datetime64[D]").astype(int) - 20454  # 2026-01-01
    lit = np.asarray(columns["lit"], float)
    texts = np.array([len(city) for city in columns["city"]], float)
    total = np.asarray(columns["height"]) + day
    return {
        "prediction": np.asarray(columns["floors"], np.int64),
        "probability": np.column_stack([total, lit, texts]),
    }


def register_kinds(session: Session) -> None:
    """Register and serve it as `kinds`."""
    log = registry.ModelLog(
        example=ROWS,
        target="count",
        task="regression",
        evaluation=ROWS.append_column("count", pa.array([1.0, 2.0, 3.0, 4.0])),
        allow_pickle=True,
    )
    registry.log_model(session, predict, "kinds", log)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="kinds", model="kinds"))
        serving.serve_version(scope, "kinds", Ref("model", "kinds", 1))
    serving.publish(session)


def make_kinds_home(folder: Path) -> Path:
    """Make a home in which `kinds` is served."""
    house = open_test_house(folder)
    register_kinds(house.session())
    house.close()
    return folder
