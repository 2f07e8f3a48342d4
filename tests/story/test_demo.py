"""`bucle demo`: what retrains and promotes is what its bucle.yaml declares, and nothing else.

The new pattern of fraud comes on the tenth day and is known on the seventeenth; the season
changes on the twenty-eighth.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bucle.base.settings import load_settings
from bucle.governance.session import House, Session
from bucle.lifecycle.features import list_views, training_set
from bucle.lifecycle.serving import read_predictions
from tests.docs.readme import ROOT

pytestmark = [pytest.mark.story, pytest.mark.timeout(1200)]

# Those that only quick tests may need: they make the story longer and not truer.
_ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("BUCLE_")}


def bucle(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bucle", *arguments],
        cwd=cwd, env=_ENVIRON | {"PYTHONPATH": str(ROOT)} | environ,
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def at_home(folder: Path, *arguments: str) -> Any:
    done = bucle(
        "--json", "--project", "payments", *arguments,
        cwd=folder, BUCLE_HOME=str(folder / "home"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def events_of(folder: Path) -> list[dict[str, Any]]:
    events, more = [], ()
    while True:
        page = at_home(folder, "audit", "events", "--limit", "1000", *more)
        events += page["items"]
        if not page.get("next_token"):
            return events
        more = ("--token", page["next_token"])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("demo") / "project"
    done = bucle("--json", "demo", "--dir", str(folder), cwd=folder.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads(done.stdout), done.stderr


def test_a_better_version_is_promoted_and_a_worse_one_refused(shown) -> None:
    _, summary, said = shown
    fates = [one["fate"] for one in summary["versions"]]
    assert fates[0] == "promoted"
    assert "promoted" in fates[1:]
    assert "refused" in fates
    assert "canary" in said


def test_the_loop_saves_more_than_its_first_model_left_alone(shown) -> None:
    _, summary, _ = shown
    assert summary["loop"]["saved"] > summary["alone"]["saved"]
    assert summary["loop"]["frauds"] == summary["alone"]["frauds"]


def test_every_training_was_asked_for_by_a_declared_trigger(shown) -> None:
    folder, summary, _ = shown
    events = events_of(folder)
    fired = {one["ref"] for one in events if one["type"] == "trigger.fired"}
    started = [one for one in events if one["type"] == "pipeline.started"]
    assert "trigger:decayed" in fired
    assert {one["body"]["trigger"] for one in started} == fired
    assert summary["trainings"] == len(started)


def test_a_prediction_leads_back_to_its_model_run_code_and_rows(shown) -> None:
    folder, summary, _ = shown
    traced = json.dumps(at_home(folder, "lineage", f"prediction:{summary['last_prediction']}"))
    for kind in ("deployment:fraud", "model:fraud", "run:", "dataset:payments"):
        assert kind in traced


@pytest.fixture
def left(shown) -> Iterator[Session]:
    """Open what the demo left, to look into it."""
    folder, _, _ = shown
    home = folder / "home"
    clock = f"shared:{home / 'demo.clock'}"
    environ = {"BUCLE_HOME": str(home), "BUCLE_PROJECT": "payments", "BUCLE_CLOCK_URL": clock}
    house = House(load_settings(environ))
    yield house.session()
    house.close()


def test_a_prediction_leads_back_to_its_views_and_to_the_rows_they_were_made_of(shown) -> None:
    folder, summary, _ = shown
    root = f"prediction:{summary['last_prediction']}"
    edges = at_home(folder, "lineage", root)["edges"]
    links = {(one["source"], one["target"]) for one in edges}
    newest = at_home(folder, "data", "get", "activity")["number"]
    for view, source in (("customer_spending", "activity"), ("terminal_use", "activity"),
                         ("terminal_risk", "payments")):  # fmt: skip
        rows = f"materialization:{view}@1"
        assert (f"feature_view:{view}@1", rows) in links
        assert any(low == rows and up.startswith("deployment:fraud@") for low, up in links)
        # The books of the last night came after the last prediction.
        assert (f"dataset:{source}@{newest - 1}", rows) in links
        assert any(low == f"feature_view:{view}@1" and up.startswith("run:") for low, up in links)


def test_features_are_brought_online_by_control_each_night(shown) -> None:
    folder, _, _ = shown
    made = [one for one in events_of(folder) if one["type"] == "feature.materialized"]
    assert {one["actor"] for one in made} == {"control"}
    nights = {view: set() for view in ("customer_spending", "terminal_use", "terminal_risk")}
    for one in made:
        nights[one["ref"].partition(":")[2].partition("@")[0]].add(one["body"]["until"])
    assert {len(found) for found in nights.values()} == {50}  # before the stream, and each night
    jobs = at_home(folder, "control", "jobs", "--kind", "features.materialize", "--limit", "200")
    assert {one["status"] for one in jobs["items"]} == {"done"}
    # What is served is looked at as well: here every model was trained on the newest views.
    causes = {
        one["cause"].partition(" ")[0] for one in jobs["items"] if one["args"].get("only") is None
    }
    assert causes <= {"dataset.committed", "feature.registered"}


def test_what_was_served_is_what_a_training_set_says_of_the_same_moments(shown, left) -> None:
    _, summary, _ = shown
    retrained = [one["at"] for one in summary["versions"][1:] if one["fate"] == "promoted"]
    since = datetime.fromisoformat(f"{retrained[0]}T00:00:00+00:00")
    served = read_predictions(left, "fraud", since, since + timedelta(days=100))
    assert len(served) > 5000
    with left.begin(write=False) as scope:
        views = {one.ref.name: one.view for one in list_views(scope).items}
    asked = served.select(["in_customer", "in_terminal", "at"])
    asked = asked.rename_columns(["customer", "terminal", "at"])
    known = training_set(left, asked, list(views))
    for view in views.values():
        for feature in view.features:
            was, is_ = served[f"in_{feature}"].to_pylist(), known[feature].to_pylist()
            assert was == is_, feature
            assert len(set(was)) > 3, feature


def test_a_version_that_was_trained_with_views_is_rebuilt_the_same(shown) -> None:
    folder, summary, _ = shown
    promoted = [one["version"] for one in summary["versions"] if one["fate"] == "promoted"]
    newest = f"model:fraud@{promoted[-1].removeprefix('v')}"
    report = at_home(folder, "rebuild", newest, "--environment", "this")
    assert report["outcome"] in {"identical", "equal"}, report
    data = next(one for one in report["verdicts"] if one["name"] == "data")
    assert "feature_view:customer_spending@1" in data["note"]


def test_the_audit_of_the_demos_home_verifies(shown) -> None:
    folder, _, _ = shown
    assert at_home(folder, "audit", "verify")["ok"]


def test_without_its_triggers_nothing_is_trained_again(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    done = bucle(
        "--json", "demo", "--dir", str(folder), "--days", "12", "--without-triggers", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads(done.stdout)
    assert [one["fate"] for one in summary["versions"]] == ["promoted"]
    assert summary["loop"] == summary["alone"]
    assert "\ntriggers:" not in (folder / "bucle.yaml").read_text()
