"""A pipeline is run again with other seeds, and the spread of its metric is judged."""

from pathlib import Path

import pyarrow as pa
import pytest

from bucle.governance.session import House, Session
from bucle.lifecycle.data import DatasetSpec, Expectation, commit_table, declare
from bucle.lifecycle.pipelines import run_pipeline
from bucle.lifecycle.registry import (
    GateSpec,
    ModelLog,
    Stability,
    declare_gates,
    judge,
    list_versions,
    log_model,
)
from tests.unit.lifecycle.registry import models

LOOP = """
import numpy as np

from bucle.lifecycle.pipelines import current, pipeline, step
from bucle.lifecycle.registry import ModelLog, log_model


class Line:
    def __init__(self, slope):
        self.slope = slope

    def predict(self, columns):
        return self.slope * columns["heat"]


@step
def fit(dataset, seed, wobble):
    here = current()
    rentals = here.use(dataset).select(["heat", "count"])
    log = ModelLog(
        example=rentals.slice(0, 5), evaluation=rentals, target="count", task="regression",
        allow_pickle=True,
    )
    log_model(here.session, Line(3 + wobble * seed), "demand", log, here.run)


@pipeline
def train(dataset="rentals", seed=1, wobble=0.0):
    fit(dataset, seed, wobble)
"""


@pytest.fixture
def session(house: House, rentals: pa.Table) -> Session:
    opened = house.session()
    commit_table(opened, "rentals", rentals, mode="replace", message="")
    return opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "loop.py").write_text(LOOP)
    return folder


def trained(session: Session, project: Path, wobble: float) -> None:
    done = run_pipeline(session, "loop:train", {"wobble": wobble}, folder=project)
    assert done.status == "finished", done


def gated(session: Session, gates: GateSpec) -> None:
    with session.begin() as scope:
        declare_gates(scope, "demand", gates)


def newest(session: Session):
    with session.begin(write=False) as scope:
        return list_versions(scope, "demand").items[0].ref


def test_a_metric_that_moves_with_the_seed_is_refused_and_one_that_does_not_passes(
    session: Session, project: Path
) -> None:
    gated(session, GateSpec(stability=Stability(metric="mae", max_spread=0.5)))
    trained(session, project, 1.0)
    (moves,) = judge(session, newest(session)).verdicts
    assert moves.name == "mae stable across seeds"
    assert not moves.ok
    assert moves.value is not None
    assert moves.value > 0.5
    assert "with seed=1" in moves.note
    assert "with seed=3" in moves.note
    trained(session, project, 0.001)
    (steady,) = judge(session, newest(session)).verdicts
    assert steady.ok, steady
    with session.begin(write=False) as scope:
        assert [each.number for each in list_versions(scope, "demand").items] == [2, 1]


def test_a_model_without_a_pipeline_or_a_seed_is_not_measured(
    session: Session, project: Path, rentals: pa.Table
) -> None:
    gated(session, GateSpec(stability=Stability(metric="mae", max_spread=9, param="draw")))
    trained(session, project, 0.0)
    (verdict,) = judge(session, newest(session)).verdicts
    assert "no whole number as its parameter 'draw'" in verdict.note
    log = ModelLog(example=rentals[:5], evaluation=rentals, target="count")
    log_model(session, models.linear(rentals), "demand", log)
    (verdict,) = judge(session, newest(session)).verdicts
    assert (verdict.ok, "outside of any run" in verdict.note) == (False, True)


def test_the_datasets_of_a_version_are_judged_by_what_is_expected_of_them_now(
    session: Session, project: Path
) -> None:
    gated(session, GateSpec(data_tests=True))
    trained(session, project, 0.0)
    (verdict,) = judge(session, newest(session)).verdicts
    assert (verdict.name, verdict.ok) == ("data tests of dataset:rentals@1", False)
    assert verdict.note == "nothing is expected of it"
    for least, ok in ((10, True), (10_000, False)):
        with session.begin() as scope:
            declare(scope, DatasetSpec(name="rentals", expectations=(Expectation(min_rows=least),)))
        assert [each.ok for each in judge(session, newest(session)).verdicts] == [ok]
