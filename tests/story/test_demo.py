"""`bucle demo`: what retrains and promotes is what its bucle.yaml declares, and nothing else.

The new pattern of fraud comes on the tenth day and is known on the seventeenth; the season
changes on the twenty-eighth.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
    events = at_home(folder, "audit", "events", "--limit", "1000")["items"]
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
