"""A version's page: its trial, the looks at the rows that confirm it, its words, its lineage."""

import pytest

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.interfaces.web.phrases import kind, relation, tried
from bucle.interfaces.web.sentences import thing
from bucle.lifecycle import data, registry
from bucle.lifecycle.registry import catalog
from tests.support.turning import PROJECT
from tests.unit.lifecycle.registry import models

REF = Ref("model", "confirmed", 1)
PAGE = f"/{PROJECT}/models/confirmed@1"
HERE = "in a fresh process of Python 3.11.7 with"
TRIED = {
    f"it says of its example what it said there, {HERE} the 5 packages of its lock and all else "
    "hidden": "dice de su ejemplo lo mismo que allí, en un proceso nuevo de Python 3.11.7 con los "
    "5 paquetes de su cerrojo y lo demás oculto",
    f"it loads, {HERE} all that is installed, where there is onnx 1.1 and not 1.2; numpy not at "
    "all and not 2.1 and 3 more": "carga, en un proceso nuevo de Python 3.11.7 con todo lo "
    "instalado, donde hay onnx 1.1 y no 1.2; numpy ausente y no 2.1 y 3 más",
    "it loads, in a virtual environment of Python 3.12 installed from the 9 packages of its lock": (
        "carga, en un entorno virtual de Python 3.12 instalado con los 9 paquetes de su cerrojo"
    ),
    "not verified: BUCLE_VERIFY is off": "sin verificar: BUCLE_VERIFY está apagado",
    "not verified: without requirements.txt": "sin verificar: falta requirements.txt",
}


@pytest.fixture
def version(house) -> registry.ModelVersion:
    """Return a version whose gates measure on a split that nobody has looked at."""
    session, rows = house.session(), models.rentals()
    data.commit_table(session, "hours", rows, mode="replace", message="")
    data.split(session, "hours", data.SplitSpec(name="holdout"))
    log = registry.ModelLog(example=rows[:5], target="count", split=Ref("split", "holdout", 1))
    return registry.log_model(session, models.linear(rows), "confirmed", log)


def shown(ask, language: str = "en") -> str:
    answered = ask(PAGE, headers={"accept-language": language})
    assert answered.status == 200
    return " ".join(answered.body.decode().split())


def test_the_looks_at_the_confirming_rows_are_counted_and_named(ask, house, version) -> None:
    assert "nobody has looked yet" in shown(ask)
    assert "nadie ha mirado aún" in shown(ask, "es")
    session = house.session()
    data.look(session, "holdout", purpose="curiosity", about=REF)
    assert "1 look<" in shown(ask)
    registry.judge(session, REF)
    data.look(session, "holdout", purpose="<b>again</b>")
    english, spanish = shown(ask), shown(ask, "es")
    assert "holdout v1" in english
    assert "curiosity (<a" in english
    assert "&lt;b&gt;again" in english
    assert english.count(" looks<") == 1
    assert " miradas<" in spanish


def test_the_trial_of_the_package_is_told(ask, version) -> None:
    verdict = version.verified
    assert verdict is not None
    assert verdict.note in shown(ask)
    assert "Prueba en entorno limpio" in shown(ask, "es")
    assert ("passed" if verdict.ok else "not made") in shown(ask)


def test_words_and_tags_of_a_version_are_shown(ask, house, version) -> None:
    with house.session().begin() as scope:
        catalog.describe(scope, REF, "Ask <Ana> first")
        catalog.tag(scope, REF, {"reviewed": "yes"})
    html = shown(ask)
    assert "Ask &lt;Ana&gt; first" in html
    assert "reviewed" in html


@pytest.mark.parametrize(("english", "spanish"), TRIED.items())
def test_a_trials_note_is_told_in_the_readers_language(english, spanish) -> None:
    verdict = Verdict(name="clean environment", ok=True, note=english)
    assert tried("en", verdict) == english
    assert tried("es", verdict) == spanish


def test_a_version_of_before_trials_says_so() -> None:
    assert tried("en", None) == "it was registered before packages were tried"
    assert tried("es", None) == "se registró antes de que se probaran los paquetes"


def test_lineage_and_kinds_of_runs_are_told_in_the_readers_language() -> None:
    assert (relation("en", "served_by"), relation("es", "served_by")) == (
        "served by",
        "servida por",
    )
    assert (relation("es", "of their own"), kind("es", "of their own")) == ("of their own",) * 2
    assert kind("es", "trial") == "prueba"
    assert thing("feature_view:risk@1") == "feature view risk v1"
    assert thing("feature_view:risk@1", "es") == "vista risk v1"
