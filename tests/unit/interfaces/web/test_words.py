import re
import string
from pathlib import Path

import pytest

from bucle.base.verdict import Verdict
from bucle.interfaces.web import sentences, words

CATALOGUES = {**words.WORDS, **sentences.SENTENCES}
TEMPLATES = Path(words.__file__).parent / "templates"


@pytest.mark.parametrize("key", CATALOGUES)
def test_every_sentence_is_there_in_both_languages_and_names_the_same_values(key) -> None:
    english, spanish = CATALOGUES[key]
    assert english.strip()
    assert spanish.strip()
    assert _fields(english) == _fields(spanish)


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_a_template_asks_for_words_that_exist(template) -> None:
    asked = re.findall(r"\bt\('([^']+)'[,)]", template.read_text(encoding="utf-8"))
    assert [key for key in asked if key not in words.WORDS] == []


def test_a_verdict_is_told_from_its_figures_in_the_readers_language() -> None:
    verdict = Verdict(name="performance:mae", ok=False, value=120.5, limit=100.0, note="too bad")
    assert words.told("en", verdict) == "mae is 120.5, the limit is 100"
    assert words.told("es", verdict) == "mae es 120.5, el límite es 100"


def test_a_verdict_without_a_sentence_of_its_own_says_its_note() -> None:
    assert words.told("es", Verdict(name="rows", ok=True, note="12 rows")) == "12 rows"


def _fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
