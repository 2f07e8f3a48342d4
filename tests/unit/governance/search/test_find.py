"""What is found, in which order and by whom: the same on both databases."""

import re
from itertools import count

import pytest

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.principals import Grant, Principal
from bucle.governance.search.find import search
from bucle.governance.search.records import Findable, FoundColumn
from bucle.governance.search.write import (
    change_findable,
    drop_findable,
    put_findable,
    rename_findable,
)
from bucle.governance.session import House, Session

PLACES = count()
ENTRIES = (
    Findable(
        ref=Ref("dataset", "payments"),
        owner="Ana Ruiz",
        description="Cada pago con tarjeta de nuestros clientes.",
        tags=("finance", "daily"),
        columns=(
            FoundColumn(name="amount_eur", meaning="lo que se pagó", sensitivity="none"),
            FoundColumn(name="cardNumber", meaning="the card", sensitivity="sensitive"),
        ),
    ),
    Findable(ref=Ref("dataset", "refunds"), owner="ben", description="Payments that went back."),
    Findable(
        ref=Ref("dataset", "weather"),
        description="Rain at noon; people compare payments with it.",
        columns=(FoundColumn(name="rain"),),
    ),
    Findable(ref=Ref("feature_view", "spending"), owner="Ana Ruiz", description="What they spend",
             columns=(FoundColumn(name="amount_eur_mean_7d", meaning="amount_eur"),)),
    Findable(ref=Ref("model", "churn"), description="Who leaves", tags=("team=risk",)),
)  # fmt: skip


@pytest.fixture
def filled(house: House, request: pytest.FixtureRequest) -> Session:
    """Return a session in a project of the test's own that has the entries."""
    name = re.sub(r"\W+", "-", request.node.name)[:80]
    session = house.session(project=f"{name}-{next(PLACES)}")
    with session.begin() as scope:
        for entry in ENTRIES:
            put_findable(scope, entry)
    return session


def found(session: Session, text: str, **how: object) -> list[str]:
    with session.begin(write=False) as scope:
        return [str(hit.ref) for hit in search(scope, text, **how).items]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        ("payments", ["dataset:payments", "dataset:refunds", "dataset:weather"]),
        ("PAGÓ", ["dataset:payments"]),
        ("pago clientes", ["dataset:payments"]),
        ("amount", ["feature_view:spending", "dataset:payments"]),
        ("card number", ["dataset:payments"]),
        ("cardnumber", ["dataset:payments"]),
        ("ana spend", ["feature_view:spending"]),
        ('kind:dataset owner:"ana ruiz"', ["dataset:payments"]),
        ("sensitivity:sensitive", ["dataset:payments"]),
        ("column:amount*", ["dataset:payments", "feature_view:spending"]),
        ("column:rain payments", ["dataset:weather"]),
        ("tag:finance", ["dataset:payments"]),
        ("tag:fin", []),
        ("kind:nothing", []),
        ("churn rain", []),
        ("kind:dataset", ["dataset:payments", "dataset:refunds", "dataset:weather"]),
    ],
)  # fmt: skip
def test_words_and_filters_find_the_best_first(filled, text, refs) -> None:
    assert sorted(found(filled, text)) == sorted(refs)
    assert found(filled, text)[:1] == refs[:1]


@pytest.mark.parametrize("text", [
    '"', "'", 'a" OR 1=1 --', "NEAR(a b)", "a:*", "(", "col : x AND", "x' & '!y", "\\", "^a*",
    "payments; DROP TABLE tasks", "*", "%", "_", 'kind:"', "\u0000", "🙂", "tag:%", "column:*",
])  # fmt: skip
def test_any_text_is_safe(filled, text) -> None:
    found(filled, text)
    assert found(filled, "kind:model") == ["model:churn"]


def test_what_a_pattern_means_elsewhere_is_a_letter_here(filled) -> None:
    assert found(filled, "tag:%*") == []
    assert len(found(filled, "column:*")) == 3


def test_a_change_is_found_at_once_and_what_was_is_not(filled) -> None:
    with filled.begin() as scope:
        change_findable(scope, Ref("model", "churn"), description="Who stays", tags=())
        rename_findable(scope, Ref("dataset", "weather"), "climate")
        drop_findable(scope, Ref("dataset", "refunds"))
        assert [str(hit.ref) for hit in search(scope, "stays").items] == ["model:churn"]
    assert found(filled, "leaves") == found(filled, "team") == found(filled, "refunds") == []
    assert found(filled, "rain noon") == ["dataset:climate"]


def test_what_was_rolled_back_is_not_found(filled) -> None:
    def fail() -> None:
        with filled.begin() as scope:
            put_findable(scope, Findable(ref=Ref("dataset", "ghost")))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert found(filled, "ghost") == []


def test_a_hit_shows_where_it_was_found(filled) -> None:
    with filled.begin(write=False) as scope:
        (hit,) = search(scope, "tarjeta").items
        (other,) = search(scope, "card tag:finance").items
    assert [hit.snippet[low:high] for low, high in hit.marks] == ["tarjeta"]
    assert other.columns == ("cardNumber",)
    assert other.snippet == "cardNumber: the card"


def test_pages_follow_each_other_without_a_gap(filled) -> None:
    seen, token = [], None
    with filled.begin(write=False) as scope:
        for _ in range(5):
            page = search(scope, "", limit=1, token=token)
            seen += [str(hit.ref) for hit in page.items]
            token = page.next_token
        assert token is None
        with pytest.raises(Invalid):
            search(scope, "", token="x")
    assert sorted(seen) == sorted(str(entry.ref) for entry in ENTRIES)


def test_nobody_finds_what_he_may_not_read(house, filled) -> None:
    def as_(name: str, project: str, role: str) -> Session:
        grants = (Grant(role=role, project=project),)
        return house.session(Principal(name=name, grants=grants), project)

    assert found(as_("eva", "other", "viewer"), "payments", everywhere=True) == []
    assert found(as_("feed", filled.project, "producer"), "") == [
        "dataset:payments", "dataset:refunds", "dataset:weather",
    ]  # fmt: skip
    with as_("eva", "other", "owner").begin() as scope:
        put_findable(scope, Findable(ref=Ref("dataset", "payments")))
        scope.record("dataset.described", Ref("dataset", "payments"))
    grants = tuple(Grant(role="viewer", project=one) for one in ("other", filled.project))
    anna = Principal(name="anna", grants=grants)
    session = house.session(anna, filled.project)
    assert found(session, "payments", everywhere=True).count("dataset:payments") == 2
    assert found(session, "payments").count("dataset:payments") == 1
