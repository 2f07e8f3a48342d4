"""A version is trained again from what was recorded, and compared with what was registered."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import NotFound, Refused, Unavailable
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.pipelines import run_pipeline
from bucle.lifecycle.registry import (
    ModelLog,
    ModelVersion,
    get_version,
    list_versions,
    log_model,
    rebuild,
)
from bucle.lifecycle.registry.environments import clean_environment, imported_modules
from bucle.lifecycle.registry.rebuild import compare_environments
from bucle.lifecycle.tracking import Environment, RunStart, start_run, this_environment
from tests.unit.lifecycle.registry import models

FOREST = """
import pandas as pd
from sklearn.ensemble import RandomForestRegressor

from bucle.lifecycle.pipelines import current, pipeline, step
from bucle.lifecycle.registry import ModelLog, log_model
from settings import SEED


@step
def fit(dataset, trees):
    here = current()
    rentals = here.use(dataset)
    frame = pd.DataFrame({name: rentals.column(name).to_numpy() for name in ["heat", "hour"]})
    model = RandomForestRegressor(trees, random_state=SEED, max_depth=6)
    model.fit(frame, rentals.column("count").to_numpy())
    log = ModelLog(example=rentals.slice(0, 5), evaluation=rentals, target="count")
    log_model(here.session, model, "demand", log, here.run)


@pipeline
def train(dataset="rentals", trees=5):
    fit(dataset, trees)
"""

# A quick one: no library is imported for it.
LINE = """
import numpy as np

from bucle.lifecycle.pipelines import current, pipeline, step
from bucle.lifecycle.registry import ModelLog, log_model
from settings import SEED


class Line:
    def __init__(self, slope, base):
        self.slope, self.base = slope, base

    def predict(self, columns):
        return columns["heat"] * self.slope + self.base


@step
def fit(dataset, trees):
    here = current()
    rentals = here.use(dataset)
    slope, base = np.polyfit(rentals["heat"].to_numpy(), rentals["count"].to_numpy(), 1)
    model = Line(slope, base + np.random.default_rng(SEED).normal() / trees)
    table = rentals.select(["heat", "count"])
    log = ModelLog(example=table.slice(0, 5), evaluation=table, target="count",
                   task="regression", allow_pickle=True)
    log_model(here.session, model, "demand", log, here.run)


@pipeline
def train(dataset="rentals", trees=5):
    fit(dataset, trees)
"""


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project's folder, in no repository."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "loop.py").write_text(LINE)
    (folder / "settings.py").write_text("SEED = 1\n")
    return folder


def trained(house: House, project: Path, rentals: pa.Table) -> tuple[Session, ModelVersion]:
    session = house.session()
    commit_table(session, "rentals", rentals, mode="replace", message="")
    done = run_pipeline(session, "loop:train", {"trees": 4}, folder=project)
    assert done.status == "finished", done
    with session.begin(write=False) as scope:
        return session, get_version(scope, Ref("model", "demand"))


def changed_since(house: House, session: Session, rentals: pa.Table) -> None:
    """Let time pass, and everything change that a rebuild must not see."""
    house.drivers.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    commit_table(session, "rentals", rentals.slice(0, 50), mode="replace", message="")


def test_a_version_is_rebuilt_identically_from_an_archive_of_the_code(
    house: House, project: Path, rentals: pa.Table
) -> None:
    (project / "loop.py").write_text(FOREST)
    session, version = trained(house, project, rentals)
    changed_since(house, session, rentals)
    (project / "settings.py").write_text("SEED = 2\n")
    report = rebuild(session, version.ref, environment="this")
    assert report.outcome == "identical", report
    assert (report.rebuilt, report.ref) == (version.manifest, version.ref)
    names = {verdict.name for verdict in report.verdicts if verdict.ok}
    assert names >= {"data", "environment", "package", "metric mae"}
    with session.begin(write=False) as scope:
        assert [each.number for each in list_versions(scope, "demand").items] == [1]
        (told,) = [e for e in list_events(scope).items if e.type == "model.rebuilt"]
    assert told.body["outcome"] == "identical"


def test_a_commit_and_what_differed_from_it_are_restored(
    house: House, project: Path, rentals: pa.Table
) -> None:
    git(project, "init", "-q")
    (project / "settings.py").write_text("SEED = 9\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "first")
    (project / "settings.py").write_text("SEED = 1\n")
    session, version = trained(house, project, rentals)
    (project / "settings.py").write_text("SEED = 5\n")
    git(project, "commit", "-q", "-a", "-m", "second")
    moved = project.rename(project.with_name("moved"))
    with pytest.raises(NotFound, match="no repository here has the commit"):
        rebuild(session, version.ref, environment="this")
    report = rebuild(session, version.ref, environment="this", repository=moved)
    # A pickle of the project's own class names the folder it came from.
    assert report.outcome == "equal", report
    (package,) = [verdict for verdict in report.verdicts if verdict.name == "package"]
    assert package.note == "other bytes in weights.pkl"


def test_a_training_that_depends_on_chance_is_reported_with_the_size_of_the_difference(
    house: House, project: Path, rentals: pa.Table
) -> None:
    (project / "settings.py").write_text("SEED = None\n")
    session, version = trained(house, project, rentals)
    report = rebuild(session, version.ref, environment="this")
    found = {verdict.name: verdict for verdict in report.verdicts}
    assert report.outcome == "different"
    assert not found["package"].ok
    assert "weights.pkl" in found["package"].note
    assert found["prediction"].value > 0
    assert found["metric mae"].value != found["metric mae"].limit


def test_a_pipeline_that_fails_now_says_so_in_the_report(
    house: House, project: Path, rentals: pa.Table
) -> None:
    mark = project.parent / "outside"
    mark.touch()
    (project / "settings.py").write_text(f"SEED = 1\nopen({str(mark)!r})\n")
    session, version = trained(house, project, rentals)
    mark.unlink()
    report = rebuild(session, version.ref, environment="this")
    assert report.outcome == "failed"
    assert "outside" in report.verdicts[-1].note


def test_a_model_that_no_pipeline_made_says_why_it_can_not_be_rebuilt(
    house: House, rentals: pa.Table
) -> None:
    session = house.session()
    log = ModelLog(example=rentals[:5], target="count")
    by_hand = log_model(session, models.linear(rentals), "demand", log)
    with pytest.raises(Refused, match="registered outside of any run"):
        rebuild(session, by_hand.ref)
    with session.begin() as scope:
        run = start_run(scope, RunStart(name="notebook")).ref
    in_a_run = log_model(session, models.linear(rentals), "demand", log, run)
    with pytest.raises(Refused, match="is no step of a pipeline"):
        rebuild(session, in_a_run.ref)


def test_another_version_of_a_package_is_named_and_a_tool_that_is_not_there_is_not() -> None:
    recorded = Environment(
        python="3.11.2", platform="", packages=(("numpy", "2.1"), ("pip", "1"), ("ruff", "0.1"))
    )
    used = Environment(python="3.11.7", platform="", packages=(("numpy", "2.4"), ("pip", "2")))
    verdict = compare_environments(recorded, used)
    assert (verdict.ok, verdict.value) == (False, 2)
    assert verdict.note == "Python 3.11.7 and not 3.11.2; numpy 2.4 and not 2.1"
    assert compare_environments(recorded, recorded).ok


def test_a_package_that_can_not_be_had_is_named(tmp_path: Path) -> None:
    here = this_environment()
    recorded = Environment(
        python=here.python, platform=here.platform, packages=(("bucle-no-such-thing", "1.0"),)
    )
    with pytest.raises(Unavailable, match=r"bucle-no-such-thing==1\.0") as caught:
        clean_environment(tmp_path, recorded, (), ["bucle-no-such-thing"])
    assert "--environment this" in caught.value.hint
    assert not list((tmp_path / "environments").iterdir())


def test_a_python_that_is_not_here_is_named(tmp_path: Path) -> None:
    recorded = Environment(python="3.1.4", platform="", packages=())
    with pytest.raises(Unavailable, match=r"trained with Python 3\.1"):
        clean_environment(tmp_path, recorded, ())


def test_an_environment_without_packages_is_made_and_kept(tmp_path: Path) -> None:
    recorded = Environment(python=this_environment().python, platform="", packages=())
    first = clean_environment(tmp_path, recorded, ())
    told = subprocess.run([first.python, "-c", "import sys; print(sys.prefix)"],
                          check=True, capture_output=True, text=True).stdout  # fmt: skip
    assert told.strip() != sys.prefix
    assert clean_environment(tmp_path, recorded, ()) == first


def test_imports_are_found_in_functions_too_and_the_standard_library_is_left_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.py").write_text("import os, numpy.linalg\ndef f():\n    from skops import io\n")
    (tmp_path / "b.py").write_text("this is no Python")
    assert imported_modules(tmp_path) == {"numpy", "skops"}
