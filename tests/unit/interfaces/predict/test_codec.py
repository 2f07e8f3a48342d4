import msgspec
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import (
    Answer,
    Call,
    decode_infer,
    decode_plain,
    describe,
    encode_infer,
    encode_plain,
)
from bucle.lifecycle.registry import Field

HEAT, HOUR = Field(name="heat", type="float64"), Field(name="hour", type="int64")
CITY = Field(name="city", type="string")


def encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def infer(body: object, fields: list[Field]) -> Call:
    return decode_infer(encode(body), {}, fields)


def tensor(name: str, values: list[object], shape: list[int] | None = None) -> dict[str, object]:
    return {"name": name, "datatype": "FP64", "data": values, "shape": shape or [len(values)]}


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({"heat": 1.5, "city": "here"}, {"heat": [1.5], "city": ["here"]}),
        ({"rows": [{"heat": 1}, {"heat": None}]}, {"heat": [1, None]}),
        ({"rows": [{"a": 1, "b": True}, {"b": False, "a": 2}]}, {"a": [1, 2], "b": [True, False]}),
        ({"rows": 3}, {"rows": [3]}),  # a model may have a column of that name
        ({}, {}),
    ],
)
def test_plain_rows_become_columns(body: object, columns: dict[str, list[object]]) -> None:
    assert decode_plain(encode(body)).columns == columns


def test_a_routing_key_is_no_column() -> None:
    one = decode_plain(b'{"heat": 1, "routing_key": "ann"}')
    many = decode_plain(b'{"rows": [{"heat": 1}], "routing_key": 7}')
    assert (one.routing_key, one.columns) == ("ann", {"heat": [1]})
    assert (many.routing_key, many.columns) == ("7", {"heat": [1]})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "truncated"),
        (b'{"heat": 1.5,', r"truncated \(byte 13\)"),
        (b'{"heat": 1.5 x}', r"byte 13"),
        (b'{"heat": NaN}', r"byte 9"),
        (b"[1, 2]", "Expected `object`"),
        (b"\xff\xfe", "malformed"),
        (b'{"heat": {"a": 1}}', "heat|object"),
        (b'{"heat": [1]}', "int"),
        (b'{"rows": []}', "no rows"),
        (b'{"rows": [{"a": 1}, {"b": 2}]}', "row 1 lacks 'a'"),
        (b'{"rows": [{"a": 1}, {"a": 1, "b": 2}]}', "row 0 lacks 'b'"),
        (b'{"rows": [{"a": 1}], "b": 2}', "'b' stands beside 'rows'"),
        (b'{"lines": [{"a": 1}]}', "'lines' holds a list"),
        (b"[" * 100_000, "understood"),
    ],
)
def test_what_is_not_plain_rows_is_refused_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        decode_plain(body)


@pytest.mark.parametrize(
    ("inputs", "columns"),
    [
        (
            [tensor("heat", [1.5, 2.5]), tensor("hour", [1, 2])],
            {"heat": [1.5, 2.5], "hour": [1, 2]},
        ),
        ([tensor("heat", [1.5, 2.5], [2, 1])], {"heat": [1.5, 2.5]}),
        ([tensor("heat", [[1.5], [2.5]], [2, 1])], {"heat": [1.5, 2.5]}),
        ([tensor("x", [1.5, 1, 2.5, 2], [2, 2])], {"heat": [1.5, 2.5], "hour": [1, 2]}),
        ([tensor("x", [[1.5, 1], [2.5, 2]], [2, 2])], {"heat": [1.5, 2.5], "hour": [1, 2]}),
    ],
)
def test_tensors_become_columns(inputs: list[object], columns: dict[str, list[object]]) -> None:
    call = infer({"inputs": inputs, "id": "mine"}, [HEAT, HOUR])
    assert (call.columns, call.id) == (columns, "mine")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "no inputs"),
        ([tensor("heat", [1.5, 2.5], [3])], r"shape \[3\] and 2 values"),
        ([tensor("heat", [1.5]), tensor("hour", [1, 2])], "different numbers of rows"),
        ([tensor("x", [1, 2, 3], [2, 2])], r"shape \[2, 2\] and 3 values"),
        ([tensor("heat", [[1], 2], [2, 1])], "nested unevenly"),
        ([tensor("heat", [[[1]], [[2]]], [2, 1])], "its value 0 is"),
        ([{"name": "heat"}], "required field `shape`"),
    ],
)
def test_what_is_not_tensors_is_refused(inputs: list[object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        infer({"inputs": inputs}, [HEAT, HOUR])


def test_a_matrix_stands_for_numbers_only() -> None:
    with pytest.raises(Invalid, match="'city' takes BYTES, not FP64"):
        infer({"inputs": [tensor("x", [1, 2], [1, 2])]}, [HEAT, CITY])


def answer(outputs: dict[str, list[object]]) -> Answer:
    ids = ["A", "B"]
    return Answer("deployment:demand@3", "model:demand@7", "canary", ids, outputs)


def test_a_plain_answer_says_who_gave_it() -> None:
    said = msgspec.json.decode(encode_plain(answer({"prediction": [1.0, float("nan")]})))
    assert said == {
        "deployment": "deployment:demand@3",
        "model": "model:demand@7",
        "variant": "canary",
        "ids": ["A", "B"],
        "outputs": {"prediction": [1.0, None]},
    }


def test_an_inference_answer_has_what_was_asked_for() -> None:
    fields = [
        Field(name="prediction", type="string"),
        Field(name="probability", type="list<float64>"),
    ]
    call = infer(
        ({"inputs": [tensor("heat", [1, 2])], "outputs": [{"name": "probability"}]}), [HEAT]
    )
    given = answer({"prediction": ["a", "b"], "probability": [[0.1, 0.9], [0.6, 0.4]]})
    said = msgspec.json.decode(encode_infer(given, call, "demand", fields)[0])
    assert said["outputs"] == [
        {"name": "probability", "datatype": "FP64", "shape": [2, 2], "data": [0.1, 0.9, 0.6, 0.4]}
    ]
    assert (said["model_name"], said["model_version"], said["id"]) == ("demand", "7", "A")
    assert said["parameters"]["prediction_ids"] == "A,B"


def test_an_output_that_the_model_does_not_give_is_refused() -> None:
    call = infer(({"inputs": [tensor("heat", [1])], "outputs": [{"name": "why"}]}), [HEAT])
    with pytest.raises(Invalid, match="no output 'why'"):
        encode_infer(answer({"prediction": [1.0]}), call, "demand", [])


def test_columns_are_described_in_the_protocols_words() -> None:
    assert describe([HEAT, HOUR, CITY]) == [
        {"name": "heat", "datatype": "FP64", "shape": [-1]},
        {"name": "hour", "datatype": "INT64", "shape": [-1]},
        {"name": "city", "datatype": "BYTES", "shape": [-1]},
    ]
