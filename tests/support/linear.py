"""A model that anybody can check by hand: `prediction = factor * heat`, and ways to break it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle import registry, serving
from bucle.lifecycle.registry import ModelVersion
from bucle.testing.houses import open_test_house

ROWS = pa.table({"heat": [1.0, 2.0, 3.0, 4.0], "city": ["here", "there", "here", "there"]})


def register_linear(session: Session, name: str, factor: float) -> ModelVersion:
    """Register `factor * heat` as the next version; a heat of 666 makes it fail."""

    def predict(columns: Mapping[str, Any]) -> dict[str, Any]:
        if (columns["heat"] == 666).any():
            raise RuntimeError("that is too hot\nfor this model")
        return {"prediction": np.asarray(columns["heat"]) * factor}

    evaluation = ROWS.append_column("count", pa.array([2.0, 4.0, 6.0, 8.0]))
    log = registry.ModelLog(
        example=ROWS,
        target="count",
        task="regression",
        evaluation=evaluation,
        allow_pickle=True,
    )
    return registry.log_model(session, predict, name, log)


def make_home(folder: Path, **settings: str) -> Path:
    """Make a home in which `demand` is deployed, with three versions and none served yet.

    Packing three models takes seconds: make it once and copy it for each test.
    """
    house = open_test_house(folder, **settings)
    session = house.session()
    for factor in (1.0, 2.0, 3.0):
        register_linear(session, "demand", factor)
    spec = serving.DeploymentSpec(
        name="demand",
        model="demand",
        rollout=serving.Rollout(steps=(0.2, 0.5), min_requests=2, metric="mae"),
        target="count",
    )
    with session.begin() as scope:
        serving.deploy(scope, spec)
    house.close()
    return folder


def model(version: int | str) -> Ref:
    """Name a version of the model."""
    return Ref("model", "demand", version)
