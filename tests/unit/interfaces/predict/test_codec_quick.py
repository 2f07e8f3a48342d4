import msgspec
import pytest

from bucle.interfaces.predict.codec import Answer, Call, decode_infer, encode_infer
from bucle.interfaces.predict.codec import infer as infer_module
from bucle.interfaces.predict.codec.messages import read_json
from bucle.interfaces.predict.codec.quick import quick_columns_of, quick_response
from bucle.interfaces.predict.codec.tensors import columns_of
from bucle.lifecycle.registry import Field

FIELDS = (
    Field(name="heat", type="float64"),
    Field(name="count", type="int64"),
    Field(name="city", type="string"),
)
OUTPUTS = (Field(name="prediction", type="string"), Field(name="probability", type="float64"))
ONE = ("heat", [1], "FP64", [1.5])
COUNT = ("count", [1], "INT64", [2])
CITY = ("city", [1], "BYTES", ["here"])
TWO = (
    ("heat", [2], "FP32", [1.5, None]),
    ("count", [2], "INT8", [2, 3]),
    ("city", [2], "BYTES", ["a", None]),
)


def sent(*tensors: tuple[object, ...]) -> bytes:
    """Return a request's body."""
    names = ("name", "shape", "datatype", "data")
    return msgspec.json.encode({"inputs": [dict(zip(names, one, strict=True)) for one in tensors]})


@pytest.mark.parametrize("tensors", [(ONE, COUNT, CITY), TWO])
def test_the_quick_way_reads_what_the_long_way_reads(
    tensors: tuple[tuple[object, ...], ...],
) -> None:
    request = read_json(sent(*tensors))
    assert quick_columns_of(request, FIELDS) == columns_of(request.inputs, FIELDS)


def test_a_matrix_of_one_row_is_read_quickly_too() -> None:
    fields = tuple(Field(name=name, type="float64") for name in "abc")
    request = read_json(sent(("x", [1, 3], "FP64", [1.0, 2.0, 3.0])))
    assert quick_columns_of(request, fields) == columns_of(request.inputs, fields)
    assert quick_columns_of(request, fields) == ({"a": [1.0], "b": [2.0], "c": [3.0]}, 1)


@pytest.mark.parametrize(
    "tensors",
    [
        (COUNT, ONE, CITY),  # another order
        (ONE, COUNT),
        (("heat", [1, 1], "FP64", [1.5]), COUNT, CITY),
        (("heat", [1], "INT64", [1]), COUNT, CITY),  # becomes a float
        (("heat", [2], "FP64", [1.5]), COUNT, CITY),
        (("heat", [0], "FP64", []), COUNT, CITY),
        (("heat", [2], "FP64", [1.5, 2.5]), COUNT, CITY),
    ],
)
def test_what_is_unusual_is_left_to_the_long_way(tensors: tuple[tuple[object, ...], ...]) -> None:
    assert quick_columns_of(read_json(sent(*tensors)), FIELDS) is None


@pytest.mark.parametrize("own", ["", 'a "quoted" \\ id', "100 %"])
@pytest.mark.parametrize(
    "outputs",
    [
        {"prediction": ["yes"], "probability": [0.25]},
        {"prediction": ['"%b" \\ é'], "probability": [float("nan")]},
        {"prediction": [None], "probability": [float("inf")]},
    ],
)
def test_the_quick_way_writes_what_the_long_way_writes(
    own: str, outputs: dict[str, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Answer("deployment:demand@2", "model:demand@1", "champion", ["01M7"], outputs)
    call = Call(columns={}, count=1, id=own)
    quick = quick_response(answer, call, "demand", OUTPUTS)
    assert quick is not None
    monkeypatch.setattr(infer_module, "quick_response", lambda *_: None)
    slow = encode_infer(answer, call, "demand", OUTPUTS)[0]
    assert msgspec.json.decode(quick) == msgspec.json.decode(slow)


def test_a_number_that_json_does_not_have_is_null() -> None:
    answer = Answer("d", "model:m@1", "champion", ["01M7"], {"probability": [float("nan")]})
    body, _ = encode_infer(answer, Call(columns={}, count=1), "demand", OUTPUTS)
    assert msgspec.json.decode(body)["outputs"][0]["data"] == [None]


def test_one_row_is_decoded_as_it_was_sent() -> None:
    call = decode_infer(sent(ONE, COUNT, CITY), {}, FIELDS)
    assert (call.columns, call.count) == ({"heat": [1.5], "count": [2], "city": ["here"]}, 1)
