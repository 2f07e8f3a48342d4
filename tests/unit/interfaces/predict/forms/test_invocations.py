import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer
from bucle.interfaces.predict.forms.invocations import decode_invocation, encode_predictions
from bucle.lifecycle.registry import Field

FIELDS = (Field(name="heat", type="float64"), Field(name="count", type="int64"))
BOTH = {"heat": [1.5, 2.5], "count": [1, 2]}


@pytest.mark.parametrize(
    ("sent", "columns"),
    [
        ({"dataframe_split": {"columns": ["heat", "count"], "data": [[1.5, 1], [2.5, 2]]}}, BOTH),
        ({"dataframe_split": {"data": [[1.5, 1], [2.5, 2]]}}, BOTH),
        ({"dataframe_records": [{"heat": 1.5, "count": 1}, {"heat": 2.5}]},
         {"heat": [1.5, 2.5], "count": [1, None]}),
        ({"instances": [{"heat": 1.5, "count": 1}, {"heat": 2.5, "count": 2}]}, BOTH),
        ({"instances": [[1.5, 1], [2.5, 2]]}, BOTH),
        ({"inputs": [[1.5, 1], [2.5, 2]]}, BOTH),
        ({"inputs": BOTH}, BOTH),
        ({"inputs": {"heat": [[1.5], [2.5]], "count": [[1], [2]]}}, BOTH),
        ({"inputs": {"heat": 1.5, "count": 1}}, {"heat": [1.5], "count": [1]}),
    ],
)  # fmt: skip
def test_each_of_mlflows_shapes_is_columns(sent: object, columns: object) -> None:
    assert decode_invocation(json.dumps(sent).encode(), FIELDS).call.columns == columns


def test_a_list_of_values_is_rows_of_a_model_of_one_column() -> None:
    asked = decode_invocation(b'{"instances": [1.5, 2.5]}', FIELDS[:1])
    assert asked.call.columns == {"heat": [1.5, 2.5]}


def test_parameters_of_ours_count_and_others_are_named() -> None:
    params = {"routing_key": "c-1", "outputs": ["probability"], "temperature": 1}
    sent = {"inputs": BOTH, "params": params}
    asked = decode_invocation(json.dumps(sent).encode(), FIELDS)
    assert (asked.call.routing_key, asked.wanted, asked.ignored) == (
        "c-1", ("probability",), ("temperature",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([], "no object"),
        ({"rows": []}, "none of dataframe_split"),
        ({"inputs": BOTH, "instances": []}, "both 'instances' and 'inputs'"),
        ({"inputs": BOTH, "signature_name": "x"}, "'signature_name' stands beside 'inputs'"),
        ({"inputs": BOTH, "params": 3}, "'params' is 3"),
        ({"inputs": BOTH, "params": {"outputs": 3}}, "'outputs' is 3"),
        ({"inputs": BOTH, "params": {"routing_key": 3}}, "'routing_key' is 3"),
        ({"inputs": 3}, "'inputs' is 3 and no list"),
        ({"inputs": {"heat": [1], "count": 2}}, "'count' is 2"),
        ({"inputs": {"heat": [1, 2], "count": [1]}}, "different numbers of rows"),
        ({"inputs": {"heat": [[1, 2]], "count": [1]}}, "row 0 holds [1, 2] at 'heat'"),
        ({"inputs": {}}, "no rows"),
        ({"instances": [3]}, "the model takes 2 columns"),
        ({"instances": []}, "no rows"),
        ({"instances": [{"heat": 1, "a": 1}, {"a": 1}]}, "row 1 lacks 'heat'"),
        ({"dataframe_records": [{"heat": 1}, 3]}, "row 1 of 'dataframe_records' is 3"),
        ({"dataframe_split": {"columns": ["heat"]}}, "no lists 'columns' and 'data'"),
        ({"dataframe_split": {"columns": [1], "data": [[1]]}}, "column 1 of"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "named 'a'"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "row 0 of 'dataframe_split'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(sent: object, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_invocation(json.dumps(sent).encode(), FIELDS)
    assert said in refused.value.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(shape=st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs"]),
       value=_JSON)  # fmt: skip
def test_no_value_is_anything_but_rows_or_a_refusal(shape: str, value: object) -> None:
    try:
        call = decode_invocation(json.dumps({shape: value}).encode(), FIELDS).call
    except Invalid:
        return
    assert {len(column) for column in call.columns.values()} == {call.count}


def test_predictions_alone_are_told_unless_more_is_asked_for() -> None:
    outputs = {"prediction": [0, 1], "probability": [0.25, 0.75]}
    answer = Answer("deployment:d@1", "model:d@2", "champion", ["x", "y"], outputs)
    assert msgspec.json.decode(encode_predictions(answer)) == {"predictions": [0, 1]}
    both = msgspec.json.decode(encode_predictions(answer, ["prediction", "probability"]))
    assert both["predictions"][1] == {"prediction": 1, "probability": 0.75}
    with pytest.raises(Invalid, match="no output 'shap'"):
        encode_predictions(answer, ["shap"])
