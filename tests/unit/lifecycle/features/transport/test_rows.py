from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.drivers.streams import Record
from bucle.lifecycle.features.transport.rows import ONLY_FOR, read_events, table_of, types_of

SCHEMA = pa.schema(
    {"card": pa.int64(), "at": pa.timestamp("us", "UTC"), "amount": pa.float64(), "ok": pa.bool_()}
)
GOOD = {"card": 1, "at": "2026-01-01T10:00:00+02:00", "amount": 5, "ok": True}


def records(*values: object) -> list[Record]:
    raw = [value if isinstance(value, bytes) else msgspec.json.encode(value) for value in values]
    return [Record(f"{place:04d}", value) for place, value in enumerate(raw)]


def read(*values: object):
    found = read_events(records(*values), "feature_view:spending@1")
    return table_of(found, SCHEMA, ("card", "at"))


def test_an_event_is_a_row_of_the_schemas_types():
    table, found = read(GOOD)
    assert found.reasons == {}
    assert table.schema == SCHEMA
    assert table.to_pylist() == [
        {"card": 1, "at": datetime(2026, 1, 1, 8, tzinfo=UTC), "amount": 5.0, "ok": True}
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"card": 1e999}', "no JSON"),
        ([1], "no JSON object"),
        (None, "no JSON object"),
        (GOOD | {"card": None}, "'card' is null"),
        (GOOD | {"at": None}, "'at' is null"),
        (GOOD | {"at": "yesterday"}, "'at' is \"yesterday\""),
        (GOOD | {"at": 17}, "'at' is 17"),
        (GOOD | {"card": "one"}, "'card' is \"one\""),
        (GOOD | {"card": 1.5}, "'card' is 1.5"),
        (GOOD | {"card": 2**70}, "'card' is 1180591620717411303424"),
        (GOOD | {"card": True}, "'card' is true"),
        (GOOD | {"amount": "9"}, "'amount' is \"9\""),
        (GOOD | {"amount": {"eur": 9}}, "'amount' is {"),
        (GOOD | {"ok": 1}, "'ok' is 1"),
        ({"card": 1, "at": GOOD["at"], "ok": True}, "no 'amount'"),
    ],
)
def test_an_event_of_no_use_is_a_row_of_nulls_with_its_reason(value, reason):
    table, found = read(GOOD, value, GOOD)
    assert list(found.reasons) == [1]
    assert reason in found.reasons[1]
    assert table.num_rows == 3
    assert set(table.slice(1, 1).to_pylist()[0].values()) == {None}
    assert table.slice(0, 1) == table.slice(2, 1)


def test_a_missing_value_is_null_and_other_names_are_passed_over():
    table, found = read(GOOD | {"amount": None, "shop": "x"})
    assert found.reasons == {}
    assert table["amount"].to_pylist() == [None]


def test_a_replayed_event_is_only_for_its_view():
    mine = {ONLY_FOR: "feature_view:spending@1", "event": GOOD}
    table, found = read(mine, {**mine, ONLY_FOR: "feature_view:other@1"})
    assert found.foreign == frozenset({1})
    assert found.reasons == {}
    assert table["card"].to_pylist() == [1, None]


def test_types_are_those_of_the_values_however_mixed_they_are():
    types = types_of([{"a": 1, "b": None}, None, {"a": "x", "b": 2.5}, {"c": []}])
    assert types.field("a").type == pa.int64()
    assert types.field("b").type == pa.float64()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
_TYPES = (
    pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.string(),
    pa.date32(), pa.time64("us"), pa.timestamp("ns", "UTC"), pa.timestamp("ms"),
    pa.decimal128(9, 2), pa.binary(),
)  # fmt: skip


@given(st.lists(st.tuples(_JSON, _JSON), max_size=5), st.sampled_from(_TYPES))
def test_whatever_json_comes_each_event_is_a_row_or_has_a_reason(values, type_):
    schema = pa.schema({"key": type_, "value": type_})
    given_ = read_events(records(*({"key": key, "value": value} for key, value in values)), "v")
    table, found = table_of(given_, schema, ("key",))
    assert table.num_rows == len(values)
    for place, (key, _) in enumerate(values):
        assert (place in found.reasons) == (found.events[place] is None)
        assert key is not None or place in found.reasons
    types_of(given_.events)
