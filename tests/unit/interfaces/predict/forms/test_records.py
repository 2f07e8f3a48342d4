import msgspec
import numpy as np
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer
from bucle.interfaces.predict.forms.records import decode_records, encode_records


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        (b'{"heat": 1.5, "city": "here"}', {"heat": [1.5], "city": ["here"]}),
        (b'{"rows": [{"heat": 1}, {"heat": null}]}', {"heat": [1, None]}),
        (b'[{"heat": 1}, {"heat": 2}]', {"heat": [1, 2]}),
        (b'{"columns": {"heat": [1, 2], "city": ["a", "b"]}}',
         {"heat": [1, 2], "city": ["a", "b"]}),
        (b'{"rows": [{"a": 1, "b": true}, {"b": false, "a": 2}]}',
         {"a": [1, 2], "b": [True, False]}),
        (b'{"columns": 7, "rows": 2}', {"columns": [7], "rows": [2]}),  # a row's own columns
    ],
)  # fmt: skip
def test_rows_come_as_one_many_or_columns(body: bytes, columns: dict[str, list[object]]) -> None:
    call = decode_records(body)
    assert call.columns == columns
    assert call.count == len(next(iter(columns.values())))


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"heat": 1, "routing_key": "c-17"}', "c-17"),
        (b'{"rows": [{"heat": 1}], "routing_key": 17}', "17"),
        (b'{"columns": {"heat": [1]}, "routing_key": "c-17"}', "c-17"),
        (b'{"heat": 1}', ""),
    ],
)
def test_a_routing_key_stands_beside_the_rows(body: bytes, key: str) -> None:
    call = decode_records(body)
    assert (call.routing_key, list(call.columns)) == (key, ["heat"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"heat": 1,', "byte 11"),
        (b'{"heat": "\xff"}', "not UTF-8"),
        (b'{"rows": []}', "no rows"),
        (b"[]", "no rows"),
        (b'{"columns": {}}', "no rows"),
        (b'{"columns": {"heat": []}}', "no rows"),
        (b'{"columns": {"heat": [1], "city": []}}', "different numbers of rows"),
        (b'{"columns": {"heat": 3}}', "'heat' is 3 and no list"),
        (b'{"columns": {"heat": [1, [2]]}}', "row 1 holds [2] at 'heat'"),
        (b'{"rows": [{"heat": 1, "a": 1}, {"a": 1}]}', "row 1 lacks 'heat'"),
        (b'{"rows": [{"heat": 1}, {"heat": 1, "city": 1}]}', "row 0 lacks 'city'"),
        (b'{"rows": [{"heat": 1}, 7]}', "row 1 is 7 and no object"),
        (b'{"rows": [{"heat": {"a": 1}}]}', "row 0 holds {'a': 1} at 'heat'"),
        (b'{"rows": [{"heat": 1}], "version": 3}', "'version' stands beside 'rows'"),
        (b"\xff\xfe", "malformed"),
        (b'{"heat": 1.5 x}', "byte 13"),
        (b'{"heat": [1]}', "not understood"),
        (b'{"heat": [{"a": 1}]}', "'heat' holds more than a value"),
        (b'{"heat": 1e999}', "out of range"),
        (b'{"heat": NaN}', "byte 9"),
        (b"7", "not understood"),
        (b"", "byte 0"),
        (b"[" * 100_000, "not understood"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_records(body)
    assert said in refused.value.message
    assert refused.value.hint


def test_an_answer_names_who_answered_and_has_an_entry_per_row() -> None:
    answer = Answer(
        "deployment:d@1", "model:d@2", "champion", ["a", "b"], {"prediction": np.array([1, np.nan])}
    )
    assert msgspec.json.decode(encode_records(answer)) == {
        "deployment": "deployment:d@1",
        "model": "model:d@2",
        "variant": "champion",
        "ids": ["a", "b"],
        "outputs": {"prediction": [1.0, None]},
    }
