from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    FeatureView,
    OnlineView,
    Parity,
    ParitySpec,
    check_parity,
    compute,
    list_parities,
    materialize,
    online_view,
    parity,
    register_view,
)
from bucle.lifecycle.features.online import key_bytes, pack
from bucle.lifecycle.features.stream import absorb
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import LATEST, SPENDING, START, payments

DAY = timedelta(days=1)
SPEC = ParitySpec(entities=5, moments=30)
SHAPED = msgspec.structs.replace(
    LATEST, name="shaped", sql='SELECT card, "at", amount * 2 AS amount, fraud FROM source'
)


def registered(session: Session, view: FeatureView) -> OnlineView:
    with session.begin() as scope:
        made = register_view(scope, view)
    return online_view(view, made.ref, session.project)


def brought(session: Session, view: FeatureView, days: int = 15) -> OnlineView:
    commit_table(session, "payments", payments(5, 400))
    online = registered(session, view)
    materialize(session, view.name, START + days * DAY)
    return online


def failed(found: Parity) -> list[str]:
    return [verdict.name for verdict in found.verdicts if not verdict.ok]


@pytest.mark.parametrize("view", [SPENDING, LATEST, SHAPED], ids=lambda view: view.name)
def test_a_view_is_the_same_offline_and_online(session: Session, view: FeatureView) -> None:
    brought(session, view)
    found = check_parity(session, view.name, SPEC)
    assert found.ok
    assert {path.path: path.rows for path in found.paths} == {
        "online": 5,
        "replay": 5 * len(found.paths[1].moments),
    }
    assert len(found.paths[1].moments) > 20
    assert len(found.verdicts) == 2 * len(view.features)
    assert all(verdict.value is None or verdict.value < 1e-9 for verdict in found.verdicts)


def test_the_same_seed_draws_the_same_and_another_draws_others(session: Session) -> None:
    brought(session, SPENDING)
    drawn = [
        check_parity(session, "spending", ParitySpec(entities=2, moments=9, seed=seed)).paths[1]
        for seed in (1, 1, 2)
    ]
    first, again, other = drawn
    assert (first.moments, first.rows, first.source) == (again.moments, again.rows, again.source)
    assert [each.different for each in again.features] == [
        each.different for each in first.features
    ]
    assert first.moments != other.moments  # the last bit of a sum may differ from run to run


def test_a_row_that_was_changed_online_is_found_and_named(session: Session) -> None:
    online = brought(session, LATEST)
    wrong = {key_bytes(("card",), (2,)): pack(0, (3.5, None), ())}
    session.drivers.online.write(online.table, wrong)
    found = check_parity(session, "latest", msgspec.structs.replace(SPEC, seed=4))
    assert not found.ok
    assert "online fraud" in failed(found) or "online amount" in failed(found)
    notes = " ".join(verdict.note for verdict in found.verdicts)
    assert "1 of 5 differ; card=2 at 2026-01-16T00:00:00+00:00: " in notes


def test_steps_that_forget_what_leaves_a_window_are_found(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought(session, SPENDING)

    def forgetful(*given: Any) -> pa.Table:
        found = compute.affected_keys(*given)
        return found if "fresh" in given[2] else found.slice(0, 0)

    monkeypatch.setattr(parity, "affected_keys", forgetful)
    found = check_parity(session, "spending", SPEC)
    assert "replay count_1d" in failed(found)
    assert not any(name.startswith("online") for name in failed(found))


def test_an_online_store_that_lost_its_rows_is_not_the_same(session: Session) -> None:
    online = brought(session, SPENDING)
    session.drivers.online.clear(online.table)
    found = check_parity(session, "spending", SPEC)
    assert failed(found) == ["online"]
    assert "materialize it again" in found.verdicts[0].note


def test_a_view_that_was_never_materialized_is_replayed(session: Session) -> None:
    commit_table(session, "payments", payments(5, 200, days=1, first_day=-1))
    registered(session, SPENDING)
    found = check_parity(session, "spending", SPEC)
    assert found.ok
    assert [path.path for path in found.paths] == ["replay"]
    assert found.verdicts[0].note == "it was never materialized"


def test_where_nothing_can_be_compared_nothing_is_proven(session: Session) -> None:
    commit_table(session, "payments", payments(5, 10, first_day=30))
    registered(session, SPENDING)
    found = check_parity(session, "spending", SPEC)
    assert not found.ok
    assert failed(found) == ["entities"]


def test_nothing_to_draw_is_refused(session: Session) -> None:
    brought(session, LATEST)
    with pytest.raises(Invalid, match="nothing is to be compared"):
        check_parity(session, "latest", ParitySpec(entities=0))


def test_what_was_found_is_kept_and_listed_the_newest_first(house: House, session: Session) -> None:
    brought(session, LATEST)
    first = check_parity(session, "latest", SPEC)
    house.drivers.clock.advance(DAY)  # type: ignore[attr-defined]
    second = check_parity(session, "latest", SPEC)
    with session.begin(write=False) as scope:
        assert list_parities(scope, "latest").items == (second, first)
        page = list_parities(scope, limit=1)
        assert page.items == (second,)
        assert list_parities(scope, limit=1, token=page.next_token).items == (first,)
        assert list_parities(scope, "spending").items == ()


def test_a_stream_is_compared_as_of_its_newest_event(session: Session) -> None:
    view = msgspec.structs.replace(SPENDING, stream="payments")
    events = payments(5, 400).filter(payments(5, 400)["card"].is_valid())
    commit_table(session, "payments", events)
    online = registered(session, view)
    absorb(session, online.ref, events, ("1", "2"), START + 20 * DAY)
    found = check_parity(session, "spending", SPEC)
    assert found.ok, [verdict.note for verdict in found.verdicts if not verdict.ok]
    assert [path.path for path in found.paths] == ["replay", "stream"]
    assert found.paths[1].rows == 5 * 30


def test_a_stream_with_events_that_the_dataset_has_not_is_not_the_same(session: Session) -> None:
    view = msgspec.structs.replace(SPENDING, stream="payments")
    commit_table(session, "payments", payments(5, 50, days=1))
    online = registered(session, view)
    absorb(session, online.ref, payments(6, 50, first_day=9), ("1", "2"), START + 40 * DAY)
    found = check_parity(session, "spending", SPEC)
    assert failed(found) == ["stream"]
    assert "commit them first" in found.verdicts[-1].note


def test_a_stream_nobody_has_sent_to_is_named(session: Session) -> None:
    brought(session, msgspec.structs.replace(SPENDING, stream="payments"))
    found = check_parity(session, "spending", SPEC)
    assert found.ok
    assert found.verdicts[-1].note == "no event of 'payments' was counted yet"


def test_all_of_it_is_the_same_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    house = open_test_house(tmp_path, database_url=postgresql_url, online_url="memory:")
    session = house.session()
    brought(session, LATEST)
    found = check_parity(session, "latest", SPEC)
    with session.begin(write=False) as scope:
        assert list_parities(scope).items == (found,)
    house.close()
