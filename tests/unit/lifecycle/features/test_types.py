import pyarrow as pa
import pytest

from bucle.lifecycle.features.types import type_named


@pytest.mark.parametrize(
    "type_",
    [
        pa.int64(), pa.float64(), pa.float32(), pa.string(), pa.bool_(), pa.date32(), pa.int8(),
        pa.timestamp("us"), pa.timestamp("ns", "Europe/Madrid"), pa.decimal128(12, 3),
        pa.list_(pa.int64()), pa.list_(pa.struct({"value": pa.string(), "count": pa.int64()})),
        pa.list_(pa.struct({"value": pa.timestamp("us", "UTC"), "count": pa.int64()})),
        pa.list_(pa.struct({"value": pa.decimal128(5, 2), "count": pa.int64()})),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_is_read_back_from_its_words(type_: pa.DataType) -> None:
    assert type_named(str(type_)) == type_


def test_values_of_a_dictionary_are_values() -> None:
    assert type_named(str(pa.dictionary(pa.int32(), pa.string()))) == pa.string()


def test_an_unknown_type_is_none() -> None:
    assert type_named("map<string, int64>") is None
