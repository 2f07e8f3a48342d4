from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import materialize, read_online
from bucle.lifecycle.features.stream import offset_of, position_of
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import BIG, START, about_same, payments
from tests.unit.lifecycle.features.stream.streams import (
    DAY,
    HOUR,
    KEYS,
    LAST_PAID,
    SPENT,
    assert_features,
    payments_of,
    read,
    registered,
    send,
)


@pytest.mark.parametrize("definition", [SPENT, LAST_PAID], ids=lambda view: view.name)
def test_the_stream_answers_as_a_materialization_at_that_moment_does(
    session: Session, definition
) -> None:
    events = payments(5, 300)
    commit_table(session, "payments", events)
    view = registered(session, definition)
    send(session, view, events)
    moment = START + 20 * DAY
    materialize(session, view.ref, moment)
    online = session.drivers.online
    for one, other in zip(
        read(session, view, moment), read_online(online, view, KEYS, moment), strict=True
    ):
        assert list(one) == list(other)
        assert about_same(one, other)


def test_an_unknown_entity_has_counts_of_nothing_and_no_values(session: Session) -> None:
    view = registered(session, SPENT)
    send(session, view, payments_of([(1, HOUR, 5.0)]))
    found = read(session, view, START + HOUR, [(99,)])[0]
    assert {name for name, value in found.items() if value == 0} == {"count_1d", "amount_count_7d"}
    assert {value for value in found.values() if value != 0} == {None}


def test_a_stream_of_which_nothing_came_has_nothing(session: Session) -> None:
    view = registered(session, SPENT)
    assert set(read(session, view, START)[0].values()) == {None}
    assert position_of(session.drivers.online, view) == ""
    assert offset_of(session.drivers.online, view).applied == 0


def test_a_moment_of_the_past_is_read_as_far_as_the_retention_goes(session: Session) -> None:
    view = registered(
        session, msgspec.structs.replace(LAST_PAID, retention="30d", ttl="", delay="")
    )
    send(session, view, payments_of((1, day * DAY, float(day)) for day in range(40)))
    found = [read(session, view, START + day * DAY)[0]["amount"] for day in (39, 20, 10)]
    assert found == [39.0, 20.0, 10.0]


def test_a_value_is_known_after_its_delay_and_used_until_it_is_too_old(session: Session) -> None:
    view = registered(session, LAST_PAID)  # 6 hours late, 3 days to live
    send(session, view, payments_of([(1, 0 * HOUR, 1.0), (1, 4 * HOUR, 2.0)]))
    hours = {5: None, 6: 1.0, 9: 1.0, 10: 2.0, 76: 2.0, 77: None}
    found = {hour: read(session, view, START + hour * HOUR)[0]["amount"] for hour in hours}
    assert found == hours


def test_the_order_of_the_keys_and_a_key_twice_stay_as_asked(session: Session) -> None:
    view = registered(session, SPENT)
    send(session, view, payments_of([(1, HOUR, 1.0), (BIG, HOUR, 2.0)]))
    keys = [(BIG,), (7,), (np.int64(1),), (BIG,), (1.0,)]
    found = read(session, view, START + HOUR, keys)
    assert [row["amount_last_1d"] for row in found] == [2.0, None, 1.0, 2.0, 1.0]
    assert read(session, view, START + HOUR, []) == []


def test_a_key_of_too_many_parts_is_refused(session: Session) -> None:
    view = registered(session, SPENT)
    with pytest.raises(Invalid, match="2 parts, not 1"):
        read(session, view, START, [(1, 2)])


def test_two_versions_of_a_view_have_states_of_their_own(session: Session) -> None:
    first = registered(session, SPENT)
    second = registered(session, msgspec.structs.replace(SPENT, ttl="9d"))
    send(session, second, payments_of([(1, HOUR, 5.0)]))
    assert read(session, second, START + HOUR)[0]["count_1d"] == 1
    assert read(session, first, START + HOUR)[0]["count_1d"] is None


def test_a_reader_whose_clock_is_behind_is_answered_as_of_its_clock(session: Session) -> None:
    view = registered(session, SPENT)
    edge = START + 10 * DAY
    rows = [(1, 9 * DAY, 1.0), (1, 10 * DAY, 2.0), (2, 10 * DAY + timedelta(seconds=50), 9.0)]
    send(session, view, payments_of(rows))
    assert read(session, view, edge)[0]["amount_sum_1d"] == 2.0
    assert read(session, view, edge - timedelta(microseconds=1))[0]["amount_sum_1d"] == 1.0


@pytest.mark.parametrize("kind", ["memory", "lmdb"])
def test_a_reader_sees_a_batch_as_a_whole(tmp_path: Path, kind: str) -> None:
    house = open_test_house(
        tmp_path / "home", online_url="memory:" if kind == "memory" else f"lmdb://{tmp_path}/online"
    )
    session = house.session()
    view = registered(session, SPENT)
    one = payments_of([(1, HOUR, 5.0), (1, 2 * HOUR, 7.0), (1, 40 * HOUR, 9.0)] * 10)

    def write() -> None:
        for number in range(30):
            send(session, view, one, number * one.num_rows)

    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(write)
        counts = set()
        while not writing.done():
            counts.add(read(session, view, START + 40 * HOUR)[0]["amount_count_7d"])
    writing.result()
    assert read(session, view, START + 40 * HOUR)[0]["amount_count_7d"] == 900
    assert {count % 30 for count in counts if count is not None} <= {0}
    house.close()


def test_windows_of_the_past_are_whole_as_far_as_the_retention_goes(session: Session) -> None:
    definition = msgspec.structs.replace(SPENT, retention="20d")
    view = registered(session, definition)
    rows = [(1, place * 6 * HOUR, 1.0 + place) for place in range(240)]
    for place, row in enumerate(rows):  # one by one: what is too old is deleted in between
        send(session, view, payments_of([row]), first=place)
    events = payments_of(rows)
    for back in range(0, 20 * 24 + 1, 20):
        assert_features(session, view, definition, events, START + (239 * 6 - back) * HOUR)
