"""`bucle init`: a project to start from, and nothing of the user's lost."""

import json
from pathlib import Path

import pytest

from bucle.control.spec.project import load_project
from bucle.interfaces.cli.demo.place import without_section
from bucle.interfaces.cli.main import run
from bucle.interfaces.cli.templates import TEMPLATES, files_of


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_written_and_its_declarations_hold(tmp_path: Path, name: str) -> None:
    assert run(["init", "--template", name, str(tmp_path / "mine")]) == 0
    assert {path.name for path in (tmp_path / "mine").iterdir()} == set(files_of(name))
    assert load_project(tmp_path / "mine").pipelines


@pytest.mark.parametrize(
    ("name", "begin"),
    [("payments", "bucle demo --dir {}"), ("demand", "cd {} && python make_data.py")],
)
def test_what_to_type_next_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, begin: str
) -> None:
    run(["init", "--template", name, str(tmp_path / "mine")])
    said = capsys.readouterr().err
    assert begin.format(tmp_path / "mine") in said
    assert "README.md" in said


def test_a_file_that_is_there_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bucle.yaml").write_text("mine")
    assert run(["init", "--template", "payments", str(tmp_path)]) == 6
    assert (tmp_path / "bucle.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["bucle.yaml"]
    assert "exists already" in capsys.readouterr().err


def test_an_unknown_template_is_told_with_one_that_exists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--template", "paiments", str(tmp_path)]) == 5
    assert "bucle init --template payments" in capsys.readouterr().err


def test_without_a_template_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "init"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == list(TEMPLATES)


def test_the_triggers_can_be_taken_out_of_the_declarations(tmp_path: Path) -> None:
    run(["init", "--template", "payments", str(tmp_path)])
    file = tmp_path / "bucle.yaml"
    before = load_project(tmp_path)
    file.write_text(without_section(file.read_text(), "triggers"))
    after = load_project(tmp_path)
    assert before.triggers
    assert not after.triggers
    assert after.budgets == before.budgets
    assert after.feedback == before.feedback
