import msgspec
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.governance.audit.read import list_events
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    get_view,
    list_views,
    register_view,
)
from bucle.lifecycle.features.register import definition_digest
from tests.unit.lifecycle.features.payments import LATEST, SPENDING, payments


def test_a_changed_definition_is_a_version_and_the_same_one_is_none(session: Session) -> None:
    changed = msgspec.structs.replace(LATEST, ttl="4d")
    with session.begin() as scope:
        first = register_view(scope, LATEST)
        assert register_view(scope, LATEST) == first
        second = register_view(scope, changed)
        assert (first.number, second.number) == (1, 2)
        assert get_view(scope, "latest").view == changed
        assert get_view(scope, "latest@1").view == LATEST
    with session.begin(write=False) as scope:
        types = [event.type for event in list_events(scope).items]
    assert types == ["feature.registered"] * 2


def test_a_definition_has_the_digest_that_earlier_releases_gave_it() -> None:
    view = FeatureView(
        name="spending",
        entity=Entity(name="card", keys=("card",)),
        source="payments",
        time="at",
        columns=("amount",),
        aggregations=(Aggregation(function="sum", column="amount", window="7d"),),
        ttl="30d",
        owner="ana",
        description="what a card spends",
    )
    before = "2e8fb57b437ef5f6f007d12ab0f34dc868cf098ce9d6d8a7680f9e599dbfa4b7"
    assert definition_digest(view) == before
    assert definition_digest(msgspec.structs.replace(view, created="booked")) != before


def test_the_newest_version_of_each_view_is_listed(session: Session) -> None:
    with session.begin() as scope:
        register_view(scope, LATEST)
        register_view(scope, msgspec.structs.replace(LATEST, ttl="4d"))
        register_view(scope, SPENDING)
        page = list_views(scope, limit=1)
        assert [str(view.ref) for view in page.items] == ["feature_view:latest@2"]
        rest = list_views(scope, token=page.next_token)
        assert [str(view.ref) for view in rest.items] == ["feature_view:spending@1"]


BAD = [
    ({"owner": " "}, "has no owner"),
    ({"description": ""}, "has no description"),
    ({"entity": Entity(name="card", keys=())}, "has no keys"),
    ({"columns": ()}, "has no features"),
    ({"columns": ("amount", "amount")}, "'amount' twice"),
    ({"columns": ("at",)}, "'at' twice"),
    ({"columns": ("amount", "Amount")}, "'amount' twice"),
    ({"columns": ("bucle_row",)}, "'bucle_row': names with bucle_ are ours"),
    ({"ttl": "long"}, "not a duration"),
    ({"retention": "soon"}, "not a duration"),
    ({"aggregations": (Aggregation(function="sum", window="7d"),)}, "needs a column"),
    ({"aggregations": (Aggregation(function="count", window="0d"),)}, "empty window"),
]


@pytest.mark.parametrize(("change", "said"), BAD)
def test_a_definition_that_nobody_could_use_is_refused(
    session: Session, change: dict[str, object], said: str
) -> None:
    view: FeatureView = msgspec.structs.replace(LATEST, **change)
    with session.begin() as scope, pytest.raises(Invalid, match=said):
        register_view(scope, view)


def test_a_column_that_the_source_has_not_is_named_when_it_is_registered(session: Session) -> None:
    commit_table(session, "payments", payments(1, 5))
    view = msgspec.structs.replace(LATEST, columns=("amounts",))
    with session.begin() as scope, pytest.raises(Invalid, match="'amounts', which dataset:paym"):
        register_view(scope, view)


def test_the_column_of_when_a_row_was_known_is_looked_for_too(session: Session) -> None:
    commit_table(session, "payments", payments(1, 5))
    view = msgspec.structs.replace(LATEST, created="booked")
    with session.begin() as scope, pytest.raises(Invalid, match="'booked', which dataset:payments"):
        register_view(scope, view)


@pytest.mark.parametrize("ref", ["nobody", "latest@7", "latest@golden"])
def test_an_unknown_view_is_not_found(session: Session, ref: str) -> None:
    with session.begin() as scope:
        register_view(scope, LATEST)
        with pytest.raises(NotFound, match="does not exist"):
            get_view(scope, ref)
