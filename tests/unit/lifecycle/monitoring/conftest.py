"""A house in which `demand` serves twice the heat, with a reference of its training rows."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.refs import Ref
from bucle.governance.session import House, Session
from bucle.lifecycle import registry, serving
from bucle.testing.houses import open_test_house

HEATS = [float(n % 100) for n in range(2000)]


def doubled(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Predict twice the heat."""
    return {"prediction": np.asarray(columns["heat"]) * 2}


@pytest.fixture(scope="session")
def served_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home to copy: packing a model takes a second."""
    folder = tmp_path_factory.mktemp("served") / "home"
    house = open_test_house(folder)
    session = house.session()
    rows = pa.table(
        {
            "heat": HEATS,
            "city": [("here", "there")[n % 2] for n in range(2000)],
            "wet": [n % 4 == 0 for n in range(2000)],
        }
    )
    log = registry.ModelLog(
        example=rows.slice(0, 5), target="count", task="regression", reference=rows,
        metrics={"mae": 2.0}, allow_pickle=True,
    )  # fmt: skip
    version = registry.log_model(session, doubled, "demand", log)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="demand", model="demand"))
        serving.serve_version(scope, "demand", Ref("model", "demand", version.number))
    house.close()
    return folder


@pytest.fixture
def house(served_home: Path, tmp_path: Path) -> Iterator[House]:
    """Yield an installation of its own."""
    opened = open_test_house(shutil.copytree(served_home, tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of that installation."""
    return house.session()
