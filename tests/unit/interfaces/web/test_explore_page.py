"""The page of an explored version: what stops a project, in both languages, and the file."""

import re

import numpy as np
import pyarrow as pa
import pytest

from bucle.interfaces import web
from bucle.lifecycle import data
from tests.support.turning import PROJECT

ROWS = 400
PAGE = f"/{PROJECT}/datasets/loans@1"


@pytest.fixture(autouse=True)
def loans(house) -> None:
    """Commit a dataset with a leak, whose second version moved, and decide on the first."""
    rng = np.random.default_rng(5)
    bad = (np.arange(ROWS) % 8 == 0).astype(int)
    table = pa.table({
        "sum": rng.exponential(900.0, ROWS), "bad": bad, "reminders": bad * 3.0,
        "<b>": rng.choice(["x & y", "<i>"], ROWS),
        "at": pa.array(np.arange(ROWS) * 3_600_000_000 * 7, pa.timestamp("us")),
    })  # fmt: skip
    session = house.session()
    data.commit_table(session, "loans", table)
    data.commit_table(session, "loans", table.set_column(0, "sum", pa.array(np.ones(ROWS) * 5e4)))
    with session.begin() as scope:
        condition = data.condition_of("2099-01-01 ana: leave reminders out")
        data.decide(scope, "loans@1", "conditional", reasons=["checked"], conditions=[condition])


def shown(ask, path: str, language: str = "en") -> str:
    answered = ask(path, headers={"accept-language": language})
    assert answered.status == 200
    return " ".join(answered.body.decode().split())


def test_a_dataset_leads_to_its_exploration_and_says_what_was_decided(ask) -> None:
    page = shown(ask, PAGE)
    assert f'href="{PAGE}/explore"' in page
    assert "conditional" in page
    assert "con condiciones" in shown(ask, PAGE, "es")


def test_what_stops_a_project_is_told_first_in_the_readers_language(ask) -> None:
    english = shown(ask, f"{PAGE}/explore?target=bad&time=at")
    assert english.index("reminders alone predicts bad") < english.index("Columns")
    assert "AUC 1.000" in english
    assert "leave reminders out" in english
    assert "signature verified" in english
    spanish = shown(ask, f"{PAGE}/explore?target=bad&time=at", "es")
    assert "reminders predice bad por sí sola" in spanish
    assert "firma verificada" in spanish


def test_a_version_is_compared_with_the_one_that_the_form_names(ask) -> None:
    page = shown(ask, f"/{PROJECT}/datasets/loans@2/explore?against=1")
    assert "sum moved since dataset:loans@1" in page
    assert 'option value="1" selected' in page


def test_names_and_values_of_columns_are_no_markup(ask) -> None:
    page = shown(ask, f"{PAGE}/explore")
    assert "<b>&lt;b&gt;</b>" in page
    assert "<i>" not in page


def test_a_column_that_is_not_there_is_an_error_of_the_visitor(ask) -> None:
    answered = ask(f"{PAGE}/explore?target=nope")
    assert answered.status == 400
    assert b"nope" in answered.body


def test_the_file_needs_nothing_but_itself(house) -> None:
    found = data.explore(house.session(), "loans@1", data.Wish(target="bad", time="at"))
    chrome = web.Chrome(language="en", title="loans", path="/")
    text = web.document("report.html", chrome, web.report_of(found, "en"))
    assert "reminders alone predicts bad" in text
    assert re.findall(r"(?:href|src)=", text.replace('href="#', "")) == []
    assert "<script" not in text
    assert "--paper" in text
