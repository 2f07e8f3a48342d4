import pytest

from bucle.lifecycle.data.catalog.recognise import name_says, recognise

EMAILS = [f"u{place}@example.org" for place in range(20)]
WORDS = ["red", "green", "blue"] * 7
TEXTS = [f"She called about order {place} and was quite happy with it." for place in range(20)]


def kinds(name: str, kind: str, values: list[str]) -> list[str]:
    return [guess.kind for guess in recognise(name, kind, values)]


@pytest.mark.parametrize(
    ("name", "kind", "values", "found"),
    [
        ("contact", "category", EMAILS, ["email"]),
        ("correo", "category", [], ["email"]),
        ("customerEmail", "category", EMAILS, ["email"]),
        ("email", "category", WORDS, []),
        ("email_sent", "bool", ["true"] * 9, []),
        ("fecha_nacimiento", "time", ["1980-01-01"] * 9, ["birth_date"]),
        ("FechaDeNacimiento", "category", [], ["birth_date"]),
        ("latitud", "number", ["40.4"] * 9, ["coordinates"]),
        ("importe_eur", "number", ["4.5"] * 9, ["quantity"]),
        ("notes", "category", TEXTS, ["free_text"]),
        ("color", "category", WORDS, []),
        ("password_hash", "category", WORDS, ["secret"]),
        ("company", "category", WORDS, []),
        ("amount", "number", ["12.5", "13.5", "8.0"], []),
        ("description", "category", [], []),
        ("zip", "number", ["28001"] * 9, []),
        ("diagnostico", "category", WORDS, ["special"]),
    ],
)
def test_a_column_is_known_by_its_name_and_its_values(name, kind, values, found) -> None:
    assert kinds(name, kind, values) == found


def test_values_and_name_together_are_surer_than_either() -> None:
    (both,) = recognise("email", "category", EMAILS)
    (values,) = recognise("x", "category", EMAILS)
    (name,) = recognise("email", "category", [])
    assert 1 >= both.confidence > values.confidence > name.confidence


def test_the_evidence_quotes_no_value() -> None:
    (guess,) = recognise("email", "category", EMAILS)
    assert guess.evidence == "its name says 'email'; 100% of 20 values are such"


def test_it_is_told_in_spanish_too() -> None:
    (guess,) = recognise("correo", "category", EMAILS, language="es")
    assert guess.meaning == "una dirección de correo electrónico"
    assert guess.evidence.startswith("su nombre dice 'correo'")


@pytest.mark.parametrize(("name", "known", "said"), [
    ("snapshot", ("nap",), ""), ("card_number", ("card_number",), "card_number"),
    ("numberOfCards", ("card_number",), ""), ("mainphonenumber", ("phone",), ""),
    ("maintelephone", ("telephone",), "telephone"),
])  # fmt: skip
def test_a_name_is_known_by_whole_words_or_by_a_long_part(name, known, said) -> None:
    assert name_says(name, known) == said
