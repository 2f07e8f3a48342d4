"""`bucle rebuild`: a version is trained again from what was recorded, by a person at a prompt."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.base.errors import STATUS, Unavailable
from bucle.interfaces.cli.main import run
from tests.story.taps_story import DAY, Taps, at_the_command_line, flow, open_taps
from tests.support.absent import missing

pytestmark = pytest.mark.story


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Taps]:
    """Yield an installation that trained a version, and has newer data since."""
    taps = open_taps(tmp_path)
    taps.commit(flow())
    taps.settle()
    taps.commit(flow(5, seed=2), mode="append")
    taps.settle(DAY)
    at_the_command_line(taps, monkeypatch)
    yield taps
    taps.house.close()


@pytest.mark.service
@pytest.mark.timeout(1800)
def test_a_version_is_rebuilt_in_a_clean_environment(
    trained: Taps, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["rebuild", "model:want@1", "--json"])
    said = capsys.readouterr()
    if code == STATUS[Unavailable][1]:
        missing(f"no package index answers: {said.err}")
    assert code == 0, said
    report = json.loads(said.out)
    assert report["outcome"] in {"identical", "equal"}, report
    assert report["environment"] == "clean"
    verdicts = {verdict["name"]: verdict for verdict in report["verdicts"]}
    assert verdicts["environment"]["ok"], verdicts
    assert "dataset:flow@1" in verdicts["data"]["note"]
    environments = trained.house.settings.home_path / "environments"
    assert len(list(environments.iterdir())) == 1


def test_a_version_is_rebuilt_with_what_is_installed_here(
    trained: Taps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rebuild", "model:want@1", "--environment", "this"]) == 0
    said = capsys.readouterr().out
    assert "equal" in said or "identical" in said
    assert "dataset:flow@1" in said


def test_a_version_that_comes_out_different_stops_a_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taps = open_taps(tmp_path)
    loop = taps.folder / "loop.py"
    chance = "float(slope) + np.random.default_rng().normal() / 1000"
    loop.write_text(loop.read_text("utf-8").replace("float(slope)", chance), encoding="utf-8")
    taps.commit(flow())
    taps.settle()
    at_the_command_line(taps, monkeypatch)
    assert run(["rebuild", "model:want@1", "--environment", "this", "--json"]) == 7
    report = json.loads(capsys.readouterr().out)
    assert report["outcome"] == "different"
    assert any(not verdict["ok"] for verdict in report["verdicts"])
    taps.house.close()


def test_a_pipeline_that_fails_stops_a_script(
    trained: Taps, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["pipelines", "run", "loop:train", "--folder", str(trained.folder)]
    assert run([*asked, "--params", "dataset=nothing", "--json"]) == 7
    assert json.loads(capsys.readouterr().out)["status"] == "failed"
