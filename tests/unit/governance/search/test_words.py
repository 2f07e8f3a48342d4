import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.governance.search.records import Filter
from bucle.governance.search.words import cut, excerpt, forms, marks_of, matches, parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Facturación del AÑO", ["facturacion", "del", "ano"]),
        ("customer_id", ["customer", "id", "customerid"]),
        ("customerId", ["customer", "id", "customerid"]),
        ("a.b-c", ["a", "b", "c", "abc"]),
        ("IBAN", ["iban"]),
        ("  ,;'\" ", []),
    ],
)
def test_a_text_is_cut_into_folded_words_apart_and_joined(text, words) -> None:
    assert cut(text) == words


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("payments", "payment"), ("payment", "payments"), ("pagos", "pago"),
        ("transacciones", "transacción"), ("transaccion", "transacciones"), ("cities", "city"),
        ("city", "cities"), ("luces", "luz"), ("luz", "luces"), ("prices", "price"),
        ("address", "addresses"), ("pay", "payments"), ("customerid", "customer_id"),
    ],
)  # fmt: skip
def test_singular_plural_accents_and_beginnings_are_found(typed, there) -> None:
    wanted = parse(typed).words
    assert any(matches(word, wanted) for word in cut(there))


@pytest.mark.parametrize(("typed", "there"), [("card", "car"), ("series", "service"),
                                              ("gas", "gate"), ("x", "xylophone")])  # fmt: skip
def test_another_word_is_not_found(typed, there) -> None:
    wanted = parse(typed).words
    assert not any(matches(word, wanted) for word in cut(there))


@pytest.mark.parametrize(
    ("text", "filters", "words"),
    [
        ("kind:vistas gasto", (Filter(facet="kind", value="feature_view"),), ("gasto",)),
        ('owner:"Data Team" x', (Filter(facet="owner", value="data team"),), ("x",)),
        ("columna:amo*", (Filter(facet="column", value="amo", is_prefix=True),), ()),
        ("sensibilidad:secreta", (Filter(facet="sensitivity", value="secret"),), ()),
        ("nothing:here", (), ("nothing", "here")),
        ("the payments of a client", (), ("payment", "client")),
        ("de la", (), ("de", "la")),
    ],
)
def test_filters_are_read_in_both_languages_and_the_rest_is_words(text, filters, words) -> None:
    query = parse(text)
    assert query.filters == filters
    assert tuple(one[0] for one in query.words) == words


@given(st.text(max_size=60))
def test_any_text_can_be_read_and_gives_letters_and_digits_only(text) -> None:
    query = parse(text)
    assert all(form.isalnum() for one in query.words for form in one)


def test_a_snippet_is_cut_at_words_and_marks_what_was_looked_for() -> None:
    text = "word " * 40 + "the amount that a client paid, in euros " + "word " * 40
    snippet, marks = excerpt(["", text], parse("clients amount").words)
    assert snippet.startswith("…")
    assert snippet.endswith("…")
    assert [snippet[low:high] for low, high in marks] == ["amount", "client"]
    assert len(snippet) < 170


def test_words_are_marked_as_they_were_written() -> None:
    assert marks_of("La Facturación anual", parse("facturacion").words) == [(3, 14)]


def test_every_form_is_a_beginning_of_some_length() -> None:
    assert all(
        len(form) >= 3 for word in ("gases", "luces", "cities", "ives") for form in forms(word)
    )
