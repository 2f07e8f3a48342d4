"""A run in a notebook keeps the notebook, and nothing was set up."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from bucle.interfaces.client import Client
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.captures import find_notebook
from bucle.interfaces.client.local import InProcess
from bucle.testing.houses import open_test_house

SAVED = {"cells": [{"cell_type": "markdown", "source": ["# A", "\n"]},
                   {"cell_type": "code", "source": "1 + 1", "outputs": [1]}]}  # fmt: skip


def shown(answer):
    kinds = {"text/plain": repr(answer), "image/png": b"\x89PNG"}
    return kinds, {}


@pytest.fixture
def names(monkeypatch):
    """Return the variables of a notebook's session, as ipykernel has it."""
    names = {"In": ["", "1 + 1", "with bucle.run('x'): ..."], "Out": {1: 2}}
    formatter = SimpleNamespace(format=shown)
    shell = SimpleNamespace(kernel=object(), user_ns=names, display_formatter=formatter)
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return names


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "study.ipynb"
    path.write_text(json.dumps(SAVED))
    return path


@pytest.mark.parametrize("front_end", ["vs code", "jupyter", "jupyter, relative"])
def test_the_file_is_found_where_the_front_end_says(front_end, names, saved, monkeypatch):
    if front_end == "vs code":
        names["__vsc_ipynb_file__"] = str(saved)
    elif front_end == "jupyter":
        monkeypatch.setenv("JPY_SESSION_NAME", str(saved))
    else:
        monkeypatch.setenv("JPY_SESSION_NAME", "work/study.ipynb")
        monkeypatch.chdir(saved.parent)
    found = find_notebook()
    assert found.name == "study.ipynb"
    assert found.files["notebook.ipynb"] == saved.read_bytes()


def test_the_digest_is_of_the_sources_and_not_of_the_outputs(names, saved):
    names["__vsc_ipynb_file__"] = str(saved)
    before = find_notebook().digest
    again = json.loads(json.dumps(SAVED))
    again["cells"][1]["outputs"] = ["another"]
    saved.write_text(json.dumps(again))
    assert find_notebook().digest == before
    again["cells"][1]["source"] = "2 + 2"
    saved.write_text(json.dumps(again))
    assert find_notebook().digest != before


def test_a_run_keeps_what_was_executed_with_its_outputs_though_nobody_names_the_file(
    names, tmp_path
):
    house = open_test_house(tmp_path / "home")
    with sdk.run("study", client=Client(InProcess(house.session()))) as run:
        pass
    executed = json.loads(run.read_artifact("notebook-executed.ipynb"))
    assert [cell["source"] for cell in executed["cells"]] == names["In"][1:]
    assert executed["cells"][0]["outputs"][0]["data"] == {
        "text/plain": "2",
        "image/png": "iVBORw==",
    }
    assert executed["cells"][1]["outputs"] == []
    assert run.record.tags == {"notebook": "", "notebook.digest": find_notebook().digest}
    house.close()


def test_a_file_that_is_no_notebook_or_not_there_is_none(names, saved, tmp_path):
    for said in ("nowhere.ipynb", str(tmp_path), str(saved.with_suffix(".txt"))):
        names["__vsc_ipynb_file__"] = said
        assert set(find_notebook().files) == {"notebook-executed.ipynb"}
    saved.write_text("no JSON")
    names["__vsc_ipynb_file__"] = str(saved)
    assert find_notebook().digest


def test_a_script_and_a_terminal_are_no_notebook(names, monkeypatch):
    sys.modules["IPython"].get_ipython = SimpleNamespace
    assert find_notebook() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert find_notebook() is None
