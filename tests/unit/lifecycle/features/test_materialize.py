from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from bucle.base.codec import decode, encode
from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    FeatureView,
    OnlineView,
    get_view,
    list_views,
    materialize,
    online_view,
    read_fresh,
    read_online,
    register_view,
    training_set,
)
from bucle.lifecycle.features import hold as hold_module
from bucle.lifecycle.features.hold import Hold
from bucle.lifecycle.features.online import HEADER, key_bytes, pack, tables_of
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import (
    BIG,
    CARD,
    LATEST,
    SPENDING,
    START,
    about_same,
    payments,
)

KEYS = [(1,), (2,), (3,), (BIG,), (BIG + 1,), (99,)]
DAY = timedelta(days=1)


def registered(session: Session, view: FeatureView) -> OnlineView:
    with session.begin() as scope:
        made = register_view(scope, view)
    return online_view(view, made.ref, session.project)


def read(session: Session, view: OnlineView, now: datetime) -> list[dict[str, Any]]:
    return read_online(session.drivers.online, view, KEYS, now)


def offline(session: Session, view: FeatureView, moment: datetime) -> list[dict[str, Any]]:
    asked = pa.table({"card": [key[0] for key in KEYS], "at": [moment] * len(KEYS)})
    return training_set(session, asked, [view]).select(list(view.features)).to_pylist()


def assert_same(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert about_same(one, other)


@pytest.mark.parametrize("view", [SPENDING, LATEST], ids=lambda view: view.name)
def test_online_is_what_offline_was_at_that_moment(session: Session, view: FeatureView) -> None:
    commit_table(session, "payments", payments(5, 300))
    online = registered(session, view)
    until = START + 15 * DAY
    made = materialize(session, view.name, until)
    assert (made.until, made.rows) == (until, 5)
    assert_same(read(session, online, until), offline(session, view, until))


@pytest.mark.parametrize("view", [SPENDING, LATEST], ids=lambda view: view.name)
def test_each_step_of_a_growing_source_keeps_online_equal_to_offline(
    session: Session, view: FeatureView
) -> None:
    online = registered(session, view)
    for day in range(3, 40, 3):
        if day < 25:  # afterwards nothing comes, and what was counted leaves its windows
            commit_table(
                session, "payments", payments(day, 30, days=8, first_day=day - 6), mode="append"
            )
        until = START + day * DAY
        materialize(session, view.name, until)
        assert_same(read(session, online, until), offline(session, view, until))


def test_only_what_may_have_changed_is_written_again(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=5))
    registered(session, LATEST)
    assert materialize(session, "latest", START + 6 * DAY).rows == 5
    assert materialize(session, "latest", START + 7 * DAY).rows == 0
    one = pa.table({"card": [2], "at": [START], "amount": [1.0], "fraud": [True]})
    commit_table(session, "payments", one, mode="append")  # a late row
    assert materialize(session, "latest", START + 7 * DAY).rows == 1


def test_a_replaced_source_removes_entities_that_are_gone(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    materialize(session, "latest", START + 2 * DAY)
    left = pa.table({"card": [3], "at": [START], "amount": [7.5], "fraud": [True]})
    commit_table(session, "payments", left)
    made = materialize(session, "latest", START + 3 * DAY)
    assert (made.rows, made.removed) == (1, 4)
    found = read(session, online, START + 3 * DAY)
    assert [row["amount"] for row in found] == [None, None, 7.5, None, None, None]


def test_a_value_older_than_its_time_to_live_is_not_served(session: Session) -> None:
    row = pa.table({"card": [1], "at": [START], "amount": [7.5], "fraud": [True]})
    commit_table(session, "payments", row)
    online = registered(session, LATEST)
    materialize(session, "latest", START + DAY)
    assert read(session, online, START + 3 * DAY)[0]["amount"] == 7.5
    assert read(session, online, START + 3 * DAY + timedelta(seconds=1))[0]["amount"] is None


def test_windows_age_from_their_materialization_on(session: Session) -> None:
    commit_table(session, "payments", payments(5, 100, days=5))
    online = registered(session, msgspec.structs.replace(SPENDING, ttl="1h"))
    until = START + 5 * DAY
    materialize(session, "spending", until)
    assert read(session, online, until + timedelta(hours=1))[-1]["count_1d"] == 0
    old = read(session, online, until + timedelta(hours=2))
    assert {value for row in old for value in row.values()} == {None}


def test_a_view_that_was_never_materialized_has_nothing(session: Session) -> None:
    online = registered(session, SPENDING)
    assert set(read(session, online, START)[0].values()) == {None}


def test_an_online_store_only_goes_forward(session: Session) -> None:
    commit_table(session, "payments", payments(5, 10))
    registered(session, LATEST)
    materialize(session, "latest", START + 2 * DAY)
    with pytest.raises(Conflict, match="is materialized until 2026-01-03"):
        materialize(session, "latest", START + DAY)


def test_without_a_moment_it_is_now(house: House, session: Session) -> None:
    commit_table(session, "payments", payments(5, 10))
    registered(session, LATEST)
    house.drivers.clock.advance(DAY)  # type: ignore[attr-defined]
    made = materialize(session, "latest")
    assert made.until == house.drivers.clock.now()
    with session.begin(write=False) as scope:
        assert get_view(scope, "latest").materialized_until == made.until


def test_two_versions_of_a_view_do_not_overwrite_each_other(session: Session) -> None:
    commit_table(session, "payments", payments(5, 50, days=2))
    first = registered(session, LATEST)
    materialize(session, "latest", START + 2 * DAY)
    second = registered(session, msgspec.structs.replace(LATEST, columns=("fraud",)))
    materialize(session, "latest", START + 2 * DAY)
    assert set(read(session, first, START + 2 * DAY)[0]) == {"amount", "fraud"}
    assert set(read(session, second, START + 2 * DAY)[0]) == {"fraud"}


def test_a_key_from_numpy_or_json_is_the_same_key(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    materialize(session, "latest", START + 2 * DAY)
    keys = [(1,), (np.int64(1),), (1.0,)]
    found = read_online(session.drivers.online, online, keys, START + 2 * DAY)
    assert found[0] == found[1] == found[2]
    assert found[0]["fraud"] is not None


@pytest.mark.parametrize(("key", "said"), [((), "0 parts, not 1"), ((float("inf"),), "is no key")])
def test_a_key_of_no_use_is_refused(session: Session, key: tuple[Any, ...], said: str) -> None:
    online = registered(session, LATEST)
    with pytest.raises(Invalid, match=said):
        read_online(session.drivers.online, online, [key], START)


def test_features_come_back_in_their_types(session: Session) -> None:
    row = {
        "card": 1, "at": START, "day": START.date(), "naive": START.replace(tzinfo=None),
        "aware": START, "price": Decimal("12.50"), "name": "x", "big": BIG,
    }  # fmt: skip
    commit_table(session, "things", pa.Table.from_pylist([row]))
    columns = ("day", "naive", "aware", "price", "name", "big")
    view = FeatureView(
        name="things", entity=CARD, source="things", time="at", columns=columns,
        owner="me", description="Things",
    )  # fmt: skip
    online = registered(session, view)
    materialize(session, "things", START)
    (found,) = read_online(session.drivers.online, online, [(1,)], START)
    assert found == {name: row[name] for name in columns}


def test_a_plan_can_carry_the_view_to_a_process_without_database(session: Session) -> None:
    online = registered(session, SPENDING)
    assert decode(encode(online), OnlineView) == online


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_a_store_that_lasts_serves_what_another_process_wrote(
    tmp_path, request: pytest.FixtureRequest, kind: str
) -> None:
    url = request.getfixturevalue("redis_url") if kind == "redis" else ""
    house = open_test_house(tmp_path, **({"online_url": url} if url else {}))
    session = house.session()
    commit_table(session, "payments", payments(5, 100, days=2))
    online = registered(session, SPENDING)
    materialize(session, "spending", START + 2 * DAY)
    wanted = offline(session, SPENDING, START + 2 * DAY)
    house.close()
    again = open_test_house(tmp_path, **({"online_url": url} if url else {}))
    assert_same(read(again.session(), online, START + 2 * DAY), wanted)
    again.close()


def test_all_of_it_is_the_same_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    house = open_test_house(tmp_path, database_url=postgresql_url, online_url="memory:")
    session = house.session()
    commit_table(session, "payments", payments(5, 50, days=2))
    registered(session, LATEST)
    changed = registered(session, msgspec.structs.replace(LATEST, ttl="9d"))
    assert changed.ref.version == "2"
    materialize(session, "latest", START + 2 * DAY)
    assert materialize(session, "latest", START + 3 * DAY).rows == 0
    with session.begin(write=False) as scope:
        (found,) = list_views(scope).items
    assert (found.ref, found.materialized_until) == (changed.ref, START + 3 * DAY)
    house.close()


def test_a_materialization_leads_back_to_its_data(session: Session) -> None:
    commit_table(session, "payments", payments(5, 10))
    registered(session, LATEST)
    made = materialize(session, "latest", START + DAY)
    with session.begin(write=False) as scope:
        edges = trace(scope, Ref("materialization", "latest", 1)).edges
        assert trace(scope, made.view).edges == ()  # a definition is made of no rows
    assert {(edge.source, edge.relation) for edge in edges} == {
        ("dataset:payments@1", "materialized"),
        ("feature_view:latest@1", "defines"),
    }


def shaped(sql: str = 'SELECT card, "at", amount, fraud FROM source') -> FeatureView:
    return msgspec.structs.replace(LATEST, sql=sql)


def test_readers_see_what_was_there_until_a_new_table_is_whole(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    first = START + 2 * DAY
    materialize(session, "latest", first)
    before = read(session, online, first)
    commit_table(session, "payments", payments(6, 300, days=2))
    seen = []
    store = session.drivers.online
    for name in ("write", "clear", "delete"):
        act = getattr(store, name)

        def watched(*given: Any, _act: Any = act) -> None:
            seen.append(read(session, online, first))
            _act(*given)
            seen.append(read(session, online, first))

        monkeypatch.setattr(store, name, watched)
    monkeypatch.setattr("bucle.lifecycle.features.pack.ROWS_PER_WRITE", 1)
    materialize(session, "latest", first + DAY)
    after = read(session, online, first)
    assert_same(read(session, online, first + DAY), offline(session, LATEST, first + DAY))
    assert before != after
    assert len(seen) > 10
    assert all(rows in (before, after) for rows in seen)
    assert sum(one != other for one, other in pairwise(seen)) == 1


def test_a_view_that_is_computed_anew_each_time_leaves_nothing_behind(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=9))
    online = registered(session, shaped())
    for day in range(2, 8):
        until = START + day * DAY
        materialize(session, "latest", until)
        assert_same(read(session, online, until), offline(session, shaped(), until))
        counts = [session.drivers.online.count(table) for table in tables_of(online)]
        assert sorted(counts) == [0, 6]  # five cards and the header


def test_an_online_store_that_lost_its_rows_is_filled_again(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    until = START + 2 * DAY
    materialize(session, "latest", until)
    session.drivers.online.clear(online.table)
    assert materialize(session, "latest", until).rows == 5
    assert_same(read(session, online, until), offline(session, LATEST, until))


def test_rows_of_a_death_before_the_first_header_do_not_stay(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    ghost = {key_bytes(("card",), (99,)): pack(0, (1.0, True), ())}
    session.drivers.online.write(online.table, ghost)
    materialize(session, "latest", START + 2 * DAY)
    assert read(session, online, START + 2 * DAY)[-1] == {"amount": None, "fraud": None}


def test_one_process_at_a_time_brings_a_view_online(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    said = "is being materialized by another process"
    with Hold(session, online.ref), pytest.raises(Conflict, match=said):
        materialize(session, "latest", START + 2 * DAY)
    assert materialize(session, "latest", START + 2 * DAY).rows == 5


def test_a_process_that_was_taken_for_dead_writes_nothing_more(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_table(session, "payments", payments(5, 300, days=3))
    online = registered(session, LATEST)
    monkeypatch.setattr(hold_module, "LASTS", timedelta(0))
    extend = hold_module.Hold.extend
    overtaken = []

    def slow(hold: Hold) -> None:
        if not overtaken:
            overtaken.append(True)
            materialize(session, "latest", START + 3 * DAY)
        extend(hold)

    monkeypatch.setattr(hold_module.Hold, "extend", slow)
    with pytest.raises(Conflict, match="took over"):
        materialize(session, "latest", START + DAY)
    until = START + 3 * DAY
    assert_same(read(session, online, until), offline(session, LATEST, until))
    with session.begin(write=False) as scope:
        assert get_view(scope, "latest").materialized_until == until


def test_a_failure_lets_go_at_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    registered(session, LATEST)

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(session.drivers.online, "write", full)
        with pytest.raises(OSError, match="no space"):
            materialize(session, "latest", START + 2 * DAY)
    assert materialize(session, "latest", START + 2 * DAY).rows == 5


def test_an_answer_says_how_fresh_it_is(session: Session) -> None:
    commit_table(session, "payments", payments(5, 300, days=2))
    online = registered(session, LATEST)
    store = session.drivers.online
    assert read_fresh(store, online, KEYS, START).as_of is None
    materialize(session, "latest", START + 2 * DAY)
    assert read_fresh(store, online, KEYS, START + 3 * DAY).as_of == START + 2 * DAY


def test_a_reader_follows_rows_that_move_while_it_reads(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_table(session, "payments", payments(5, 300, days=9))
    online = registered(session, shaped())
    for day in (2, 3):
        materialize(session, "latest", START + day * DAY)
    first, other = tables_of(online)
    store = session.drivers.online
    assert store.read(first, [HEADER]) == [None]
    reading, moved = store.read, []

    def moving(table: str, keys: Any) -> Any:
        if table == other and not moved:
            moved.append(True)
            materialize(session, "latest", START + 4 * DAY)
        return reading(table, keys)

    monkeypatch.setattr(store, "read", moving)
    found = read(session, online, START + 4 * DAY)
    assert moved
    assert_same(found, offline(session, shaped(), START + 4 * DAY))
