import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer
from bucle.interfaces.predict.forms.csv import decode_csv, encode_csv
from bucle.lifecycle.registry import Field

FIELDS = (
    Field(name="heat", type="float64"),
    Field(name="count", type="int64"),
    Field(name="wet", type="bool"),
    Field(name="city", type="string"),
)


def test_cells_are_read_by_the_signatures_types() -> None:
    body = b'city,heat,count,wet\n"Lima, PE",1,2,true\n"say ""hi""",2.5,3.0,0\n'
    call = decode_csv(body, FIELDS)
    assert call.columns == {
        "city": ["Lima, PE", 'say "hi"'],
        "heat": [1.0, 2.5],
        "count": [2, 3],
        "wet": [True, False],
    }
    assert [type(value) for value in call.columns["count"]] == [int, int]


def test_an_empty_cell_is_no_value_and_of_a_plain_text_the_empty_text() -> None:
    nullable = (*FIELDS[:3], Field(name="city", type="string", nullable=True))
    body = b"heat,count,wet,city\n,,,\n"
    assert decode_csv(body, FIELDS).columns["city"] == [""]
    columns = decode_csv(body, nullable).columns
    assert columns == {"heat": [None], "count": [None], "wet": [None], "city": [None]}


def test_excels_mark_line_ends_and_empty_lines_do_no_harm() -> None:
    assert decode_csv("\ufeffheat\r\n1.5\r\n\r\n".encode(), FIELDS).columns == {"heat": [1.5]}


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["7", "8"], [7, 8]),
        (["7", "8.5"], ["7", "8.5"]),  # neither is written as the other is
        (["007", "8"], ["007", "8"]),
        (["1.5", "2.5"], [1.5, 2.5]),
        (["c-1", ""], ["c-1", None]),
        (["nan", "1.0"], ["nan", "1.0"]),
        (["1_0", "11"], ["1_0", "11"]),
    ],
)
def test_other_columns_are_numbers_only_if_they_are_written_as_numbers(cells, values) -> None:
    body = "\n".join(["customer,heat", *(f"{cell},1" for cell in cells)]).encode()
    assert decode_csv(body, FIELDS).columns["customer"] == values


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "has no header"),
        (b"heat\n", "a header and no rows"),
        (b"heat,heat\n1,2\n", "two columns of the CSV are named 'heat'"),
        (b"heat,\n1,2\n", "column 2 of the CSV has no name"),
        (b"heat,count\n1,2\n3\n", "line 3 of the CSV has 1 cells, and the header has 2"),
        (b"heat\nwarm\n", "line 2 of the CSV: the column 'heat' takes float64, not 'warm'"),
        (b"heat\n1\n1_000\n", "line 3 of the CSV: the column 'heat'"),
        (b"count\n2.5\n", "'count' takes int64, not '2.5'"),
        (b"count\ninf\n", "'count' takes int64, not 'inf'"),
        (b"wet\nyes\n", "'wet' takes bool, not 'yes'"),
        (b'city\n"here\n', "is not understood"),
        (b'city\n"a"b\n', "line 2 of the CSV is not understood"),
        (b"city\nok\n\xff\n", "line 3 of the CSV is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column(body: bytes, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_csv(body, FIELDS)
    assert said in refused.value.message
    assert refused.value.hint


@given(st.binary(max_size=200))
def test_no_bytes_are_anything_but_rows_or_a_refusal(body: bytes) -> None:
    try:
        call = decode_csv(body, FIELDS)
    except Invalid:
        return
    assert {len(column) for column in call.columns.values()} == {call.count}


def test_an_answer_is_a_line_per_row_and_a_column_per_class() -> None:
    outputs = {"prediction": ["a,b", True], "probability": [[0.25, 0.75], [0.5, 0.5]]}
    answer = Answer("deployment:d@1", "model:d@2", "champion", ["x", "y"], outputs)
    assert encode_csv(answer, ["no", "yes"]).decode() == (
        'id,prediction,probability_no,probability_yes\nx,"a,b",0.25,0.75\ny,true,0.5,0.5\n'
    )
    assert encode_csv(answer).startswith(b"id,prediction,probability_0,probability_1\n")
