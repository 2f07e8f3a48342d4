"""Distinct values and the most frequent ones: as many offline, materialized and in the stream."""

import math
import random
from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    ParitySpec,
    check_parity,
    materialize,
    read_online,
    register_view,
    training_set,
)
from bucle.lifecycle.features.compute import AT, features_at
from bucle.lifecycle.features.stream import stream_types
from tests.unit.lifecycle.features.oracle import by_looking
from tests.unit.lifecycle.features.payments import START
from tests.unit.lifecycle.features.stream.streams import contents, read, registered, send

BIG = 2**53 + 1
HOUR = timedelta(hours=1)
TYPES = {
    "text": pa.string(),
    "fraction": pa.float64(),
    "whole": pa.int64(),
    "is_it": pa.bool_(),
    "moment": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
}
VIEW = FeatureView(
    name="values",
    entity=Entity(name="card", keys=("card",)),
    source="values",
    time="at",
    aggregations=tuple(
        Aggregation(function=function, column=column, window=window, k=2 if function == "top_k"
                    else 3)
        for column in TYPES
        for function in ("approx_distinct", "top_k")
        for window in ("1h", "7d")
    ),
    stream="values",
    owner="ann",
    description="Which values there are",
)  # fmt: skip
POOLS: dict[str, list[Any]] = {
    "text": [None, "", "a", "b", "ñ", "n\u0303", "😀", "it's", "a" * 300],
    "fraction": [None, -0.0, 0.0, math.nan, math.inf, -math.inf, 1.5, 1e300],
    "whole": [None, BIG, BIG - 1, 0, -1, 2**62],
    "is_it": [None, True, False],
    "moment": [None, START, START + timedelta(microseconds=1)],
    "day": [None, START.date(), START.date() - timedelta(days=9_999)],
}
SCHEMA = pa.schema({"card": pa.int64(), "at": pa.timestamp("us", "UTC"), **TYPES})


def events(seed: int, count: int, *, hours: int = 200) -> pa.Table:
    rng = random.Random(seed)
    return pa.Table.from_pylist(
        [
            {"card": rng.choice([1, 2, 3, None]),
             "at": START + timedelta(minutes=7.5 * rng.randrange(hours * 8)),
             **{name: rng.choice(pool) for name, pool in POOLS.items()}}
            for _ in range(count)
        ],
        schema=SCHEMA,
    )  # fmt: skip


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Write NaN so that it equals itself; there is one zero, however it is written."""
    return {
        name: str(value).replace("-0.0", "0.0") if "nan" in str(value) else value
        for name, value in row.items()
    }


def wanted(table: pa.Table, moment: Any) -> list[dict[str, Any]]:
    asked = pa.table({"card": [1, 2, 3, 99], "at": pa.array([moment] * 4, SCHEMA.field("at").type)})
    return [plain(row) for row in by_looking(VIEW, table, asked, known=True)]


def test_all_paths_give_what_looking_at_every_row_gives(session: Session) -> None:
    table = events(3, 800)
    commit_table(session, "values", table)
    view = registered(session, VIEW)
    for start in range(0, 800, 100):
        send(session, view, table.slice(start, 100), start)
    keys = [(1,), (2,), (3,), (99,)]
    newest = max(table["at"].to_pylist())
    for moment in (newest, newest + HOUR, newest + timedelta(days=3, microseconds=1)):
        found = [plain(row) for row in read(session, view, moment, keys)]
        assert found == wanted(table, moment)
        asked = pa.table({"card": [1, 2, 3, 99], "at": [moment] * 4})
        offline = training_set(session, asked, ["values"]).select(list(VIEW.features))
        assert [plain(row) for row in offline.to_pylist()] == found
    materialize(session, "values", newest)
    online = read_online(session.drivers.online, view, keys, newest)
    assert [plain(row) for row in online] == wanted(table, newest)
    assert check_parity(session, "values", ParitySpec(entities=3, moments=8)).ok
    offline_types = [str(field.type) for field in offline.schema]
    assert [type_.split(":")[-2:] for type_ in stream_types(session.drivers.online, view)] == [
        type_.split(":")[-2:] for type_ in offline_types
    ]


def test_late_and_repeated_events_and_small_batches_change_nothing(session: Session) -> None:
    table = events(4, 120, hours=3)
    view = registered(session, VIEW)
    order = list(range(120))
    random.Random(1).shuffle(order)
    shuffled = table.take(pa.array(order))
    for place in range(0, 120, 5):
        send(session, view, shuffled.slice(place, 5), place)
        send(session, view, shuffled.slice(place, 5), place)
    moment = START + 4 * HOUR
    found = [plain(row) for row in read(session, view, moment, [(1,), (2,), (3,), (99,)])]
    assert found == wanted(table, moment)


def test_what_left_every_window_is_deleted(session: Session) -> None:
    short = msgspec.structs.replace(
        VIEW, aggregations=(Aggregation(function="top_k", column="text", window="1h"),)
    )
    view = registered(session, short)
    for place in range(200):
        event = {"card": place % 3, "at": START + place * timedelta(minutes=10), "text": str(place)}
        send(session, view, pa.Table.from_pylist([event], schema=SCHEMA), place)
    kept = [key for key in contents(session, view) if key.startswith(b"v")]
    assert 0 < len(kept) < 40


ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.integers(0, 60).map(lambda n: timedelta(minutes=15 * n)),
        *(st.sampled_from(POOLS[name]) for name in TYPES),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(rows=ROWS, at=st.integers(0, 80))
def test_the_engine_counts_as_looking_does(session: Session, rows: list[Any], at: int) -> None:
    table = pa.Table.from_pylist(
        [dict(zip(SCHEMA.names, (card, START + since, *values), strict=True))
         for card, since, *values in rows],
        schema=SCHEMA,
    )  # fmt: skip
    moment = START + at * timedelta(minutes=15)
    micros = int(moment.timestamp()) * 1_000_000
    asked = pa.table({"card": [1, 2, 3, 99], AT: [micros] * 4})
    found = features_at(session.drivers.engine, VIEW, table, asked).select(list(VIEW.features))
    assert [plain(row) for row in found.to_pylist()] == wanted(table, moment)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"function": "top_k", "column": "text", "window": "1d", "k": 0}, "lists 0 values"),
        ({"function": "top_k", "column": "text", "window": "1d", "k": 5000}, "lists 5000 values"),
        ({"function": "count", "window": "1d", "k": 2}, "k is of top_k"),
        ({"function": "approx_distinct", "window": "1d"}, "needs a column"),
    ],
)
def test_what_makes_no_sense_is_refused(
    session: Session, given: dict[str, Any], message: str
) -> None:
    view = msgspec.structs.replace(VIEW, aggregations=(Aggregation(**given),))
    with pytest.raises(Invalid, match=message), session.begin() as scope:
        register_view(scope, view)
