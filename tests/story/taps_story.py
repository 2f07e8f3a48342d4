"""The taps: a small project whose whole loop turns in this process, in seconds."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.clock import SharedClock
from bucle.base.settings import load_settings
from bucle.control.reconcile.apply import apply_project
from bucle.control.spec.project import load_project
from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import data, feedback
from bucle.testing.houses import open_test_house
from tests.support.asgi import request
from tests.support.control import settle

PROJECT = Path(__file__).parent / "taps"
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = 200


def flow(rows: int = ROWS, seed: int = 1) -> pa.Table:
    """Return days of heat, and how many litres were wanted."""
    rng = np.random.default_rng(seed)
    heat = rng.uniform(0, 40, rows)
    return pa.table({"heat": heat, "litres": 20 + 3 * heat + rng.normal(0, 1, rows)})


@dataclass
class Taps:
    """An installation with the project applied, its clock, and a model server."""

    house: House
    clock: SharedClock
    folder: Path
    environ: dict[str, str]

    @property
    def session(self) -> Session:
        return self.house.session(project="taps")

    def settle(self, later: timedelta = timedelta()) -> None:
        """Move the clock, and let everything be done that is due."""
        self.clock.set(self.clock.now() + later)
        settle(self.house)

    def commit(self, rows: pa.Table, **how: Any) -> data.DatasetVersion:
        return data.commit_table(self.session, "flow", rows, **how)

    def answers(self, heats: list[float]) -> list[str]:
        """Ask the model server, and return the predictions' ids, which are in the log then."""
        server = ModelServer(load_settings(self.environ))
        server.watcher.poll()
        rows = {"rows": [{"heat": heat} for heat in heats]}
        answered = request(server.app, "POST", "/predict/want", rows)
        assert answered.status == 200, answered.json
        server.log.close()
        return [str(one) for one in answered.json["ids"]]

    def label(self, ids: list[str], heats: list[float]) -> None:
        with self.session.begin() as scope:
            feedback.add_labels(scope, "want", ids, [20 + 3 * heat for heat in heats])


def open_taps(folder: Path) -> Taps:
    """Copy the project and apply it to an empty installation."""
    shutil.copytree(PROJECT, folder / "taps", ignore=shutil.ignore_patterns("__pycache__"))
    clock = SharedClock.create(folder / "clock", START)
    environ = {
        "BUCLE_HOME": str(folder / "home"),
        "BUCLE_PROJECT": "taps",
        "BUCLE_CLOCK_URL": f"shared:{folder / 'clock'}",
    }
    house = open_test_house(folder / "home", clock_url=environ["BUCLE_CLOCK_URL"], project="taps")
    taps = Taps(house=house, clock=clock, folder=folder / "taps", environ=environ)
    apply_project(taps.session, load_project(taps.folder), str(taps.folder))
    return taps


def at_the_command_line(taps: Taps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `bucle ...` of this process be that of the installation."""
    for name, value in taps.environ.items():
        monkeypatch.setenv(name, value)
