import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import Aggregation, Entity, FeatureView
from bucle.lifecycle.features.stream import (
    POSITION,
    Absorbed,
    absorb,
    offset_of,
    position_of,
)
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import BIG, CARD, SCHEMA, START, payments
from tests.unit.lifecycle.features.stream.streams import (
    DAY,
    FAR,
    HOUR,
    LAST_PAID,
    SPENT,
    assert_features,
    contents,
    payments_of,
    read,
    registered,
    send,
)

MICRO = timedelta(microseconds=1)
STREAMS = pytest.mark.parametrize("definition", [SPENT, LAST_PAID], ids=lambda view: view.name)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, BIG, BIG + 1, None]),
        # Many on one moment, on the edge of a window or a tile, and beside it.
        st.builds(
            lambda hours, quarters, micros: timedelta(
                hours=12 * hours, minutes=22.5 * quarters, microseconds=micros
            ),
            st.integers(-30, 30), st.integers(0, 2), st.integers(-1, 1),
        ),
        st.none() | st.floats(0, 1e6),
        st.booleans(),
    ),
    max_size=60,
)  # fmt: skip


@pytest.fixture(params=["memory", "lmdb", "redis"])
def lasting(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    """Yield a session on each kind of online store."""
    urls = {"memory": "memory:", "lmdb": f"lmdb://{tmp_path}/online"}
    url = urls.get(request.param) or request.getfixturevalue("redis_url")
    house = open_test_house(tmp_path / "home", online_url=url)
    yield house.session()
    house.close()


@STREAMS
def test_each_batch_brings_what_looking_at_every_event_gives(
    lasting: Session, definition: FeatureView
) -> None:
    view, events = registered(lasting, definition), payments(5, 400, days=30).sort_by("at")
    for first in range(0, 400, 80):
        batch = events.slice(first, 80)
        done = send(lasting, view, batch, first)
        keyless = batch["card"].null_count
        assert (done.applied, len(done.unusable)) == (80 - keyless, keyless)
        now = batch["at"][-1].as_py()
        for moment in (now, now + 3 * HOUR, now + 10 * DAY):
            assert_features(lasting, view, definition, events.slice(0, first + 80), moment)


@STREAMS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(events=EVENTS, cuts=st.lists(st.integers(0, 60), max_size=6), later=st.integers(0, 500))
def test_the_order_of_events_and_how_they_are_batched_make_no_difference(
    session: Session, definition: FeatureView, events: list, cuts: list[int], later: int
) -> None:
    view = registered(session, definition)
    session.drivers.online.clear(f"{view.table}/stream")
    bounds = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for first, end in pairwise(bounds):
        send(session, view, payments_of(events[first:end]), first)
    newest = max((since for card, since, *_ in events if card is not None), default=None)
    if newest is None:
        return
    moment = START + newest + later * HOUR
    assert_features(session, view, definition, payments_of(events), moment)


def test_the_events_of_a_busy_tile_are_all_kept_for_exact_edges(session: Session) -> None:
    view = registered(session, SPENT)
    rows = [(1, timedelta(seconds=number), float(number)) for number in range(900)]
    for first in range(0, 900, 50):
        send(session, view, payments_of(rows[first : first + 50]), first)
    for second in (899, 86_400 + 333, 7 * 86_400 + 700, 7 * 86_400 + 899):
        moment = START + timedelta(seconds=second)
        assert_features(session, view, SPENT, payments_of(rows), moment)


def test_the_row_of_a_busy_tile_stays_short_and_what_was_moved_out_goes_with_it(
    session: Session,
) -> None:
    view = registered(session, SPENT)
    for first in range(0, 300, 10):
        seconds = range(first, first + 10)
        send(
            session, view, payments_of((1, timedelta(seconds=each), 1.0) for each in seconds), first
        )
    tiles = {key: row for key, row in contents(session, view).items() if key[:1] in b"tr"}
    assert sum(len(row) for row in tiles.values()) > 300 * 32  # all of them are there
    assert max(len(row) for row in tiles.values()) < 80 * 32
    for place, day in enumerate((40, 41)):
        send(session, view, payments_of([(1, day * DAY, 1.0)]), 300 + place)
    assert not tiles.keys() & contents(session, view).keys()


def test_a_window_is_exact_to_the_microsecond(session: Session) -> None:
    view = registered(session, SPENT)
    send(session, view, payments_of([(1, HOUR, 5.0)]))
    counts = [
        read(session, view, START + HOUR + after)[0]["count_1d"]
        for after in (-MICRO, 0 * MICRO, DAY - MICRO, DAY)
    ]
    assert counts == [0, 1, 1, 0]


def test_neighbours_of_a_billion_have_a_deviation_of_one(lasting: Session) -> None:
    view = registered(lasting, SPENT)
    for place, number in enumerate((2, 0, 1)):
        since = timedelta(hours=5 * number)
        send(lasting, view, payments_of([(1, since, 1e9 + 1 + number)]), place)
    found = read(lasting, view, START + 10 * HOUR)[0]
    assert (found["amount_std_7d"], found["amount_mean_7d"]) == (1.0, 1e9 + 2)


def test_an_outlier_that_leaves_the_window_leaves_no_trace(lasting: Session) -> None:
    view = registered(lasting, SPENT)
    amounts = [3.0, 1e16, 4.0, 5.0, 6.0]
    events = payments_of((1, 12 * HOUR * number, each) for number, each in enumerate(amounts))
    send(lasting, view, events)
    found = read(lasting, view, START + 7 * DAY + 12 * HOUR)[0]
    assert found["amount_mean_7d"] == 5.0
    assert found["amount_std_7d"] == 1.0
    assert (found["amount_sum_7d"], found["amount_max_7d"]) == (15.0, 6.0)
    assert read(lasting, view, START + 2 * DAY)[0]["amount_sum_7d"] > 1e16


@STREAMS
def test_events_that_come_again_change_nothing(session: Session, definition: FeatureView) -> None:
    view, events = registered(session, definition), payments(5, 100, days=30)
    for first in (0, 50):
        send(session, view, events.slice(first, 50), first)
    before = contents(session, view)
    for first in (0, 50, 0):
        again = send(session, view, events.slice(first, 50), first)
        assert again == Absorbed(applied=0, repeated=50)
    assert contents(session, view) == before
    assert position_of(session.drivers.online, view) == f"{99:012}"


def test_a_batch_that_overlaps_what_was_counted_is_cut_where_it_says_its_positions(
    lasting: Session,
) -> None:
    view, events = registered(lasting, SPENT), payments(5, 100, days=5)
    send(lasting, view, events.slice(0, 60))
    overlapping = events.slice(40)
    with pytest.raises(
        Conflict, match="overlap those that were counted, which end at 000000000059"
    ) as no:
        send(lasting, view, overlapping, 40)
    assert "read the topic after 000000000059" in str(no.value.hint)
    said = pa.array([f"{number:012}" for number in range(40, 100)])
    done = send(lasting, view, overlapping.append_column(POSITION, said), 40)
    keyless = events.slice(60)["card"].null_count
    assert (done.repeated, done.applied) == (20, 40 - keyless)
    assert_features(lasting, view, SPENT, events, START + 5 * DAY)


def test_a_late_event_counts_as_long_as_a_window_reaches(session: Session) -> None:
    view = registered(session, SPENT)  # 7 days, 7 days late: it reaches back 14
    send(session, view, payments_of([(1, 14 * DAY, 5.0)]))
    late = [(2, MICRO, 6.0, True), (2, 0 * MICRO, 7.0, True), (2, -DAY, 8.0), (2, 9 * DAY, 9.0)]
    done = send(session, view, payments_of(late), 1)
    assert (done.applied, done.late) == (2, (1, 2))
    offset = offset_of(session.drivers.online, view)
    assert (offset.applied, offset.late) == (3, 2)
    found = read(session, view, START + 14 * DAY)[1]
    assert (found["fraud_sum_7d"], found["count_1d"], found["amount_sum_7d"]) == (1, 0, 9.0)


def test_the_retention_says_how_late_an_event_may_be(session: Session) -> None:
    view = registered(session, msgspec.structs.replace(SPENT, retention="2h"))
    send(session, view, payments_of([(1, 10 * HOUR, 5.0)]))
    done = send(session, view, payments_of([(1, 8 * HOUR + MICRO, 1.0), (1, 8 * HOUR, 1.0)]), 1)
    assert (done.applied, done.late) == (1, (1,))
    assert read(session, view, START + 10 * HOUR)[0]["count_1d"] == 2


def test_a_batch_in_order_is_never_late_however_long_it_is(session: Session) -> None:
    view = registered(session, SPENT)
    events = payments_of((1, number * DAY, 1.0) for number in range(60))
    assert send(session, view, events) == Absorbed(applied=60, repeated=0)


def test_an_event_of_the_future_makes_no_other_one_late(session: Session) -> None:
    view = registered(session, SPENT)
    now = START + DAY
    events = payments_of([(1, 30 * DAY, 7.0), (1, 20 * HOUR, 5.0)])
    assert send(session, view, events, now=now) == Absorbed(applied=2, repeated=0)
    assert read(session, view, now)[0]["amount_sum_1d"] == 5.0
    assert read(session, view, START + 30 * DAY)[0]["amount_sum_1d"] == 7.0


def test_tiles_that_no_window_reaches_are_deleted(lasting: Session) -> None:
    view = registered(lasting, SPENT)
    rows = []
    for day in range(120):
        events = [(card, day * DAY + hour * HOUR, 1.0) for card in (1, 2) for hour in range(3)]
        rows.append(lasting.drivers.online.count(f"{view.table}/stream"))
        send(lasting, view, payments_of(events * 15), 90 * day)
    assert max(rows[60:]) <= max(rows[:60])
    found = read(lasting, view, START + 119 * DAY + 2 * HOUR)[0]
    # The last event of the day before is on the edge of its window, and out.
    assert (found["amount_count_7d"], found["amount_sum_1d"]) == (7 * 45, 45.0)


def test_what_a_crash_left_to_delete_is_deleted_by_the_next_batch(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, online = registered(session, SPENT), session.drivers.online
    send(session, view, payments_of([(1, 0 * DAY, 1.0)]))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(online, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            send(session, view, payments_of([(1, 40 * DAY, 2.0)]), 1)
    assert send(session, view, payments_of([(1, 40 * DAY, 2.0)]), 1).repeated == 1
    left = online.count(f"{view.table}/stream")
    send(session, view, payments_of([(1, 40 * DAY, 3.0)]), 2)
    assert online.count(f"{view.table}/stream") < left
    assert read(session, view, START + 40 * DAY)[0]["amount_sum_1d"] == 5.0


def test_a_batch_that_could_not_be_written_is_counted_when_it_comes_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, online = registered(session, SPENT), session.drivers.online
    send(session, view, payments_of([(1, HOUR, 1.0)]))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    before = contents(session, view)
    with monkeypatch.context() as patched:
        patched.setattr(online, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            send(session, view, payments_of([(1, HOUR, 2.0)]), 1)
    assert contents(session, view) == before
    assert send(session, view, payments_of([(1, HOUR, 2.0)]), 1).applied == 1
    assert read(session, view, START + HOUR)[0]["amount_sum_1d"] == 3.0


def test_tiles_and_offset_are_one_write(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    view, online = registered(session, SPENT), session.drivers.online
    writes = []
    write = online.write
    monkeypatch.setattr(
        online, "write", lambda table, rows: (writes.append(len(rows)), write(table, rows))
    )
    for number in range(3):
        send(session, view, payments_of([(1, number * DAY, 1.0), (2, HOUR, 1.0)]), 2 * number)
    assert len(writes) == 3


def test_events_nobody_could_read_move_the_position(session: Session) -> None:
    view = registered(session, SPENT)
    assert send(session, view, pa.table({}), 7) == Absorbed(applied=0, repeated=0)
    assert position_of(session.drivers.online, view) == f"{7:012}"
    assert set(read(session, view, START)[0].values()) == {None}
    send(session, view, pa.table({}), 3)
    assert position_of(session.drivers.online, view) == f"{7:012}"


def test_events_without_a_key_or_a_time_are_named_and_not_counted(session: Session) -> None:
    view = registered(session, SPENT)
    events = payments_of([(None, HOUR, 1.0), (1, HOUR, 2.0), (1, HOUR, 3.0)])
    at = pa.array([START, START, None], SCHEMA.field("at").type)
    done = send(session, view, events.set_column(1, "at", at))
    assert done == Absorbed(applied=1, repeated=0, unusable=(0, 2))
    only = send(session, view, payments_of([(None, HOUR, 1.0)]), 3)
    assert only == Absorbed(applied=0, repeated=0, unusable=(0,))
    assert position_of(session.drivers.online, view) == f"{3:012}"


def test_events_are_of_the_types_that_the_dataset_has(session: Session) -> None:
    commit_table(session, "payments", payments(5, 10))
    view = registered(session, SPENT)
    as_json = pa.Table.from_pylist(
        [{"card": 1, "at": "2026-01-01T06:00:00+01:00", "amount": 3, "more": "x"}]
    )
    assert send(session, view, as_json).applied == 1
    found = read(session, view, START + 5 * HOUR)[0]
    assert (found["amount_last_1d"], found["fraud_sum_7d"]) == (3.0, None)
    assert isinstance(found["amount_last_1d"], float)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"card": 1, "at": START, "amount": "much"},
            "'amount' of the events is string, not double",
        ),
        ({"card": 1.5, "at": START, "amount": 1.0}, "'card' of the events is double, not int64"),
        ({"card": 1, "at": "noon", "amount": 1.0}, "'at' of the events is string"),
        ({"card": 1, "amount": 1.0}, "have no 'at'"),
    ],
)
def test_events_of_another_type_are_refused_and_nothing_is_counted(
    session: Session, row: dict, said: str
) -> None:
    commit_table(session, "payments", payments(5, 10))
    view = registered(session, SPENT)
    with pytest.raises(Invalid, match=said):
        send(session, view, pa.Table.from_pylist([row]))
    assert contents(session, view) == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sql": "SELECT * FROM source"}, "shapes its rows in SQL"),
        (
            {"aggregations": (Aggregation(function="max", column="note", window="1d"),)},
            "max of 'note', which is string, is not kept over a stream",
        ),
        (
            {"aggregations": (Aggregation(function="sum", column="none", window="1d"),)},
            "uses 'none', which its events have not",
        ),
        ({"retention": "soon"}, "soon"),
    ],
)
def test_a_view_that_can_not_be_kept_over_a_stream_is_refused(
    session: Session, changed: dict, said: str
) -> None:
    view = registered(session, msgspec.structs.replace(SPENT, **changed))
    events = payments_of([(1, HOUR, 1.0)]).append_column("note", pa.array(["x"]))
    with pytest.raises(Invalid, match=said):
        send(session, view, events)


def test_positions_that_go_back_are_refused(session: Session) -> None:
    view = registered(session, SPENT)
    with pytest.raises(Invalid, match="no positions of a batch"):
        absorb(session, view.ref, payments_of([(1, HOUR, 1.0)]), ("2", "1"), FAR)


def test_a_view_that_is_not_registered_has_no_stream(session: Session) -> None:
    with pytest.raises(NotFound, match="feature_view:nobody"):
        absorb(session, "nobody", payments_of([]), ("1", "1"), FAR)


def test_who_may_only_read_features_counts_no_events(house: House, session: Session) -> None:
    view = registered(session, SPENT)
    reader = Principal(name="eva", grants=(Grant(role="viewer", project=session.project),))
    with pytest.raises(Denied):
        send(house.session(reader), view, payments_of([(1, HOUR, 1.0)]))


def test_two_keys_are_one_entity_and_several_types_come_back_as_they_were(
    session: Session,
) -> None:
    day = START.date()
    events = pa.table({
        "shop": ["a", "a", "b"], "card": [1, 1, 1], "at": pa.array([START] * 3, pa.timestamp("ns")),
        "day": [day, day, day], "seen": [START, START + HOUR, START], "n": [2, 4, 8],
        "note": ["x", None, "y"], "ok": [True, False, None],
    })  # fmt: skip
    figures = [("max", "day"), ("last", "seen"), ("mean", "n"), ("sum", "n"), ("count", "note"),
               ("min", "ok"), ("sum", "ok"), ("last", "ok"), ("max", "n")]  # fmt: skip
    view = registered(
        session,
        FeatureView(
            name="shops", entity=Entity(name="pair", keys=("shop", "card")), source="shopping",
            time="at", stream="shopping", owner="me", description="Shops", columns=("note", "seen"),
            aggregations=tuple(
                Aggregation(function=each, column=column, window="1h", name=f"{each}_{column}")
                for each, column in figures
            ),
        ),
    )  # fmt: skip
    send(session, view, events)
    first, second, third = read(session, view, START, [("a", 1), ("b", 1), ("b", 2)])
    assert first == {
        "note": None, "seen": START + HOUR, "max_day": day, "last_seen": START + HOUR,
        "mean_n": 3.0, "sum_n": 6, "count_note": 1, "min_ok": False, "sum_ok": 1,
        "last_ok": False, "max_n": 4,
    }  # fmt: skip
    assert (second["note"], second["mean_n"], second["min_ok"]) == ("y", 8.0, None)
    assert set(third.values()) == {None, 0}


def test_infinite_and_undefined_amounts_stay_what_they_are(session: Session) -> None:
    view = registered(session, SPENT)
    send(session, view, payments_of([(1, HOUR, math.inf), (1, HOUR, 1.0), (2, HOUR, math.nan)]))
    infinite, undefined = read(session, view, START + HOUR)[:2]
    assert (infinite["amount_mean_1d"], infinite["amount_min_1d"]) == (math.inf, 1.0)
    assert math.isnan(undefined["amount_mean_1d"])


def test_a_card_with_an_own_view_of_columns_needs_no_windows(session: Session) -> None:
    view = registered(
        session,
        FeatureView(
            name="bare", entity=CARD, source="payments", time="at", columns=("amount",),
            stream="payments", owner="me", description="Amounts",
        ),
    )  # fmt: skip
    done = send(session, view, payments_of([(1, 400 * DAY, 5.0), (2, HOUR, 6.0), (1, HOUR, 7.0)]))
    assert done.applied == 3
    found = read(session, view, START + 400 * DAY)
    assert [row["amount"] for row in found[:3]] == [5.0, 6.0, None]
