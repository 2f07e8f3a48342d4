import msgspec
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import (
    Answer,
    Call,
    decode_infer,
    describe,
    encode_infer,
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
