import ast
from datetime import UTC, datetime

import pytest

from bucle.governance.audit.records import Event
from bucle.interfaces.web.sentences import SENTENCES, STAGES, is_news, tell, thing
from tests.architecture.sources import sources

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _event(type_: str, ref: str, **body) -> Event:
    return Event(project="bikes", number=7, id="x", at=AT, actor="ana", type=type_, ref=ref,
                 body=body, previous="")  # fmt: skip


def _recorded() -> set[str]:
    return {text.value
            for file in sources() for node in ast.walk(file.tree)
            if isinstance(node, ast.Call) and node.args
            and isinstance(node.func, ast.Attribute) and node.func.attr == "record"
            for text in ast.walk(node.args[0])
            if isinstance(text, ast.Constant) and isinstance(text.value, str)}  # fmt: skip


def test_every_fact_that_a_verb_records_has_a_sentence() -> None:
    assert _recorded() - set(SENTENCES) == set()


def test_an_event_is_told_with_its_values_in_both_languages() -> None:
    event = _event("rollout.advanced", "deployment:demand@4", model="model:demand@3", weight=0.5,
                   reason="as good as the champion")  # fmt: skip
    english, spanish = tell("en", event), tell("es", event)
    assert english.sentence == "The canary demand v3 gets 50%: as good as the champion"
    assert spanish.sentence == "La canaria demand v3 recibe 50%: tan buena como la campeona"
    assert english.stage == "deployments"


def test_what_an_event_does_not_say_is_left_out() -> None:
    told = tell("en", _event("model.promoted", "model:demand@3", alias="champion", reason=""))
    assert told.sentence == "Demand v3 became champion"
    assert told.tone == "good"


def test_an_event_of_another_release_is_told_by_its_type() -> None:
    assert tell("es", _event("moon.landed", "moon:far")).sentence == "Ana: moon.landed moon:far"


@pytest.mark.parametrize(
    ("verdicts", "news"), [([{"name": "volume", "ok": True}], False),
                           ([{"name": "volume", "ok": False}], True)],
)  # fmt: skip
def test_a_watch_that_found_nothing_is_no_news(verdicts, news) -> None:
    event = _event("monitor.evaluated", "monitor:demand", verdicts=verdicts)
    assert is_news(event) is news


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model:demand@3", "demand v3"),
        ("dataset:rentals", "rentals"),
        ("run:01J8ABCDEFGHJKMNPQ", "run 01J8ABCDEFGH…"),
        ("drift: temp moved", "drift: temp moved"),
        ("no ref at all", "no ref at all"),
    ],
)
def test_a_ref_is_written_as_a_person_says_it(text, said) -> None:
    assert thing(text) == said


def test_every_sentence_belongs_to_a_stage_or_to_access() -> None:
    nouns = {name.partition(".")[0] for name in SENTENCES}
    assert nouns - set(STAGES) == {"principal", "role", "token"}
