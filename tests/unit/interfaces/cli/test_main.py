import json

import pytest

from bucle.interfaces.cli.main import run

SET = ["charter", "set", "--problem", "Empty docks", "--kpi.name", "served", "--kpi.unit", "trips"]


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANG", "en_GB.UTF-8")


def test_the_help_lists_commands_and_rooms(capsys) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert "settings" in out
    assert "registry" in out


def test_the_help_is_spanish_where_the_reader_is(capsys, monkeypatch) -> None:
    monkeypatch.setenv("BUCLE_LANGUAGE", "es")
    assert run(["charter", "--help"]) == 0
    out = capsys.readouterr().out
    assert "Uso: bucle charter" in out
    assert "Fija la carta del proyecto." in out


def test_labels_are_spanish_where_the_reader_is(capsys, monkeypatch) -> None:
    run(SET)
    capsys.readouterr()
    monkeypatch.setenv("LANG", "es_ES.UTF-8")
    run(["charter", "get"])
    assert "problema" in capsys.readouterr().out


def test_nested_fields_are_options_of_their_own(capsys) -> None:
    assert (
        run([*SET, "--kpi.target", "3", "--costs.unit", "EUR", "--costs.over", "2", "--json"]) == 0
    )
    charter = json.loads(capsys.readouterr().out)
    assert (charter["kpi"]["unit"], charter["kpi"]["target"]) == ("trips", 3.0)
    assert charter["costs"]["over"] == 2.0


def test_a_record_may_be_json_or_a_file_of_it(capsys, tmp_path) -> None:
    kpi = {"name": "served", "unit": "trips"}
    (tmp_path / "kpi.json").write_text(json.dumps(kpi), encoding="utf-8")
    for problem, given in (("one", json.dumps(kpi)), ("@two", f"@{tmp_path / 'kpi.json'}")):
        assert run(["charter", "set", "--problem", problem, "--kpi", given, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["kpi"]["unit"] == "trips"


def test_json_may_be_asked_for_before_the_room_and_after_the_verb(capsys) -> None:
    run(SET)
    capsys.readouterr()
    for line in (["--json", "charter", "get"], ["charter", "get", "--json"]):
        assert run(line) == 0
        assert json.loads(capsys.readouterr().out)["problem"] == "Empty docks"


def test_a_project_is_an_option_of_every_command(capsys) -> None:
    run([*SET, "--project", "bikes"])
    assert run(["charter", "get"]) == 5
    assert run(["--project", "bikes", "charter", "get"]) == 0


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (["charter", "get"], 5, ["error: project 'default' does not", "  hint: bucle charter set"]),
        ([*SET, "--kpi.target", "much"], 3, ["$.kpi.target", "  hint: wanted: a number"]),
        ([*SET, "--kpi.direction", "left"], 3, ["'left' is not a", "  hint: write up or down"]),
        (["charter", "set"], 2, ["Missing option '--problem'"]),
        (["charter", "sett"], 2, ["No such command 'sett'"]),
        (["lineage", "churn"], 3, ["'churn' is not a reference"]),
        ([*SET[:4], "--kpi", "@nowhere.json"], 3, ["nowhere.json can not be read"]),
        (["data", "commit", "trips", "nowhere.csv"], 3, ["nowhere.csv is not a file"]),
        (["charter", "get", "--server", "nowhere"], 3, ["'nowhere' is not a server's URL"]),
    ],
)  # fmt: skip
def test_an_error_says_what_is_wrong_on_stderr_and_by_exit_code(capsys, line, code, said) -> None:
    assert run(line) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [text for text in said if text not in captured.err] == []


def test_a_refusal_shows_its_verdicts(capsys, tmp_path) -> None:
    file = tmp_path / "trips.csv"
    file.write_text("a\n5\n", encoding="utf-8")
    run(["data", "declare", "trips", "--expectations", '{"column": "a", "maximum": 3}'])
    run(["data", "declare", "trips", "--expectations", '{"column": "a", "max": 3}'])
    capsys.readouterr()
    assert run(["data", "commit", "trips", str(file)]) == 7
    assert "\n  no  " in capsys.readouterr().err


def test_an_error_is_json_for_a_program(capsys) -> None:
    assert run(["charter", "get", "--json"]) == 5
    assert json.loads(capsys.readouterr().err)["error"] == "NotFound"


def test_a_file_is_uploaded_by_its_path(capsys, tmp_path) -> None:
    file = tmp_path / "trips.csv"
    file.write_text("a,b\n1,x\n", encoding="utf-8")
    assert run(["data", "commit", "trips", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    assert run(["data", "log", "trips"]) == 0
    assert "dataset:trips@1" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["create-token"], ["token", "create"], ["create_token"]])
def test_a_token_is_all_that_stdout_holds(capsys, words) -> None:
    assert run(["access", *words, "--note", "ci"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("bucle_")
    assert len(captured.out.splitlines()) == 1
    assert "shown this once" in captured.err


def test_lineage_is_a_tree_from_a_ref_alone(capsys, tmp_path) -> None:
    file = tmp_path / "trips.csv"
    for rows in ("a\n1\n", "a\n1\n2\n"):
        file.write_text(rows, encoding="utf-8")
        run(["data", "commit", "trips", str(file)])
    capsys.readouterr()
    assert run(["lineage", "dataset:trips@2"]) == 0
    assert capsys.readouterr().out.splitlines() == ["dataset:trips@2", "└── dataset:trips@1 parent"]
    assert run(["lineage", "--down", "dataset:trips@1"]) == 0
    assert run(["lineage", "trace", "dataset:trips@1", "--down", "--json"]) == 0


def test_settings_are_shown_without_the_secret(capsys, monkeypatch) -> None:
    monkeypatch.setenv("BUCLE_TOKEN", "bucle_a_secret")
    assert run(["settings"]) == 0
    out = capsys.readouterr().out
    assert "BUCLE_TOKEN=set" in out
    assert "secret" not in out


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (["data", "comit", "x"], "  hint: bucle data commit\n"),
        (["dta"], "  hint: bucle data\n"),
        (["data", "log"], "  hint: bucle data log --help\n"),
        (["data", "log", "x", "--newest"], "  hint: bucle data log --help\n"),
    ],
)
def test_a_wrong_line_gets_the_nearest_word_or_the_help(capsys, line, hint) -> None:
    assert run(line) == 2
    assert capsys.readouterr().err.endswith(hint)


def test_a_line_that_was_typed_wrongly_is_json_for_a_program(capsys) -> None:
    assert run(["data", "log", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"] == "Usage"


def test_a_line_that_was_typed_wrongly_is_told_in_spanish(capsys, monkeypatch) -> None:
    monkeypatch.setenv("BUCLE_LANGUAGE", "es")
    assert run(["data", "log"]) == 2
    assert "Uso: bucle data log [OPCIONES]" in (said := capsys.readouterr().err)
    assert "Falta el argumento 'NAME'" in said
