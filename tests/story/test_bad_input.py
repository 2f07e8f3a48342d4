"""What a person reads, and a script gets, when something is wrong: the value, and what to type."""

import json
from pathlib import Path

import pytest

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.drivers.db.migrate import HEAD_REVISION
from bucle.governance.session import House
from bucle.interfaces.cli.main import run
from bucle.lifecycle import registry
from tests.support.linear import register_linear

pytestmark = pytest.mark.story

GOOD = "id,when,amount\n1,2026-01-01,10.5\n2,2026-01-02,20.0\n"
# what is wrong -> the file, the exit code, and what is said
BAD_CSV = {
    "a wrong type": ("id,when,amount\n3,2026-01-03,many\n", 3, ["'amount'", "'many'", "double"]),
    "a missing column": ("id,when\n3,2026-01-03\n", 3, ["lacks column 'amount'"]),
    "an empty file": ("", 3, ["next.csv is empty"]),
    "no rows": ("id,when,amount\n", 3, ["there are no rows"]),
    "a duplicate key": (
        "id,when,amount\n3,2026-01-03,1.0\n3,2026-01-04,2.0\n",
        7,
        ["key id is unique", "id=3"],
    ),
    "a key that is there already": (
        "id,when,amount\n1,2026-01-03,1.0\n",
        7,
        ["key id is unique", "id=1"],
    ),
    "a line that is no row": (
        "id,when,amount\n3,2026-01-03,1.0\n4;2026-01-04;2.0\n",
        3,
        ["line 3 has 1", "--lines quarantine"],
    ),
    "a file without a header": (
        "3,2026-01-03,1.0\n4,2026-01-04,2.0\n",
        3,
        ["the first line of next.csv looks like a row", "--columns column1"],
    ),
    "a quotation that is never closed": (
        'id,when,amount\n3,2026-01-03,"1.0\n4,2026-01-04,2.0\n',
        3,
        ["the quotation mark in line 2 is never closed", "--quote no"],
    ),
    "a value that was declared impossible": (
        "id,when,amount\n3,2026-01-03,-5.0\n",
        7,
        ["amount", "-5"],
    ),
}
PROJECT = """version: 1
project: shop
datasets:
  trips: {key: [id]}
models:
  demand:
    gates: {thresholds: [{metric: mae, max: 1}]}
deployments:
  demand: {model: demand}
"""
# what is wrong -> what is written instead, the line, and what is said
TYPOS = {
    "a field": (("thresholds:", "treshholds:"), 7, ["'treshholds'", "did you mean thresholds?"]),
    "a section": (("deployments:", "deploymints:"), 8, ["did you mean deployments?"]),
    "a type": (("max: 1", "max: low"), 7, ["float", "str"]),
    "no YAML": (("key: [id]", "key: [id"), 4, ["not YAML"]),
    "a name that is not declared": (("{model: demand}", "{model: demnad}"), 9, ["'demnad'"]),
}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def trips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = '{"column": "amount", "min": 0}'
    declared = ["--key", "id", "--time", "when", "--expectations", expected]
    assert run(["data", "declare", "trips", *declared]) == 0
    (tmp_path / "good.csv").write_text(GOOD, encoding="utf-8")
    assert run(["data", "commit", "trips", "good.csv"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("wrong", BAD_CSV)
def test_a_bad_csv_is_told_with_its_value_and_changes_nothing(
    trips: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    text, code, words = BAD_CSV[wrong]
    (tmp_path / "next.csv").write_text(text, encoding="utf-8")
    assert run(["data", "commit", "trips", "next.csv", "--mode", "append"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "hint: " in said.err
    for word in words:
        assert word in said.err
    assert run(["data", "get", "trips", "--json"]) == 0
    head = json.loads(capsys.readouterr().out)
    assert (head["number"], head["rows"]) == (1, 2)


def test_a_script_gets_the_refusal_as_json_with_its_verdicts(
    trips: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "next.csv").write_text(BAD_CSV["a duplicate key"][0], encoding="utf-8")
    assert run(["data", "commit", "trips", "next.csv", "--mode", "append", "--json"]) == 7
    problem = json.loads(capsys.readouterr().err)
    assert problem["error"] == "Refused"
    assert problem["hint"]
    assert [v["name"] for v in problem["verdicts"] if not v["ok"]] == ["key id is unique"]
    assert run(["audit", "events", "--json"]) == 0
    events = json.loads(capsys.readouterr().out)["items"]
    assert events[0]["type"] == "dataset.refused"


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["data", "get", "trips@9"], "bucle data log trips"),
        (["data", "get", "nothing"], "bucle data list"),
        (["registry", "get", "churn@3"], "bucle registry models"),
        (["registry", "promote", "churn@3"], "bucle registry models"),
        (["tracking", "get", "run:01JZZZZZZZZZZZZZZZZZZZZZZZ"], "bucle tracking list"),
        (["serving", "get", "shop"], "bucle serving list"),
        (["control", "job", "job:x"], "bucle control jobs"),
        (["lineage", "model:churn@3"], "bucle registry models"),
    ],
)
def test_an_unknown_ref_is_told_with_where_to_look(
    trips: None, capsys: pytest.CaptureFixture[str], command: list[str], hint: str
) -> None:
    assert run(command) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert f"hint: {hint}" in said.err


def test_a_gate_that_refuses_is_told_with_its_verdicts(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    with house.session().begin() as scope:
        limits = (registry.Threshold(metric="mae", max=1),)
        registry.declare_gates(scope, "demand", registry.GateSpec(thresholds=limits))
    version = register_linear(house.session(), "demand", 5.0)
    house.close()
    assert version.ref == Ref("model", "demand", 1)
    assert run(["registry", "promote", "demand@1"]) == 7
    assert "bucle registry judge model:demand@1" in capsys.readouterr().err
    assert run(["registry", "judge", "demand@1"]) == 7
    assert "mae" in capsys.readouterr().out
    assert run(["registry", "promote", "demand@1", "--reason", "please"]) == 7
    said = capsys.readouterr().err
    assert "no  mae" in said
    assert "(limit 1)" in said
    assert run(["registry", "get", "demand@champion"]) == 5


@pytest.mark.parametrize("wrong", TYPOS)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_typo_in_the_declarations_is_told_with_file_line_and_what_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str, command: str
) -> None:
    (old, new), line, words = TYPOS[wrong]
    assert PROJECT.count(old) == 1
    (tmp_path / "bucle.yaml").write_text(PROJECT.replace(old, new), encoding="utf-8")
    assert run([command]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert f"bucle.yaml:{line}: " in said.err
    assert "hint: " in said.err
    for word in words:
        assert word in said.err


def _at_schema(home: Path, revision: str) -> None:
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    house.session()
    with house.drivers.database.begin() as tx:
        tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    house.close()


def test_an_old_schema_is_told_with_the_command_that_upgrades_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bucle.drivers.db.database import open_database
    from bucle.drivers.db.migrate import upgrade

    home.mkdir()
    database = open_database(load_settings({"BUCLE_HOME": str(home)}).database_url)
    upgrade(database, "0003")
    database.close()
    assert run(["data", "list"]) == 3
    said = capsys.readouterr().err
    assert f"the database is at schema 0003; this release needs {HEAD_REVISION}" in said
    assert "hint: make a backup, then type: bucle db upgrade" in said
    assert run(["db", "upgrade"]) == 0
    assert f"the database is at schema {HEAD_REVISION}" in capsys.readouterr().err
    assert run(["data", "list"]) == 0


def test_a_newer_schema_is_told_with_what_to_install(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _at_schema(home, "9999")
    assert run(["data", "list"]) == 3
    said = capsys.readouterr().err
    assert "newer than this release" in said
    assert "pip install --upgrade bucle" in said
    assert run(["db", "upgrade"]) == 3
    assert "newer than this release" in capsys.readouterr().err
