"""Texts that can be read in two ways are refused with both; lines that are no rows are named."""

from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.data.delimited import Line, Reading, read_delimited

SMS = ("label", "text")


def read(
    folder: Path, text: str, *, name: str = "a.csv", types: dict[str, pa.DataType] | None = None,
    **reading: object,
) -> tuple[list[dict[str, object]], tuple[Line, ...]]:  # fmt: skip
    path = folder / "content"
    path.write_bytes(text.encode())
    table, lines = read_delimited(path, name, types or {}, Reading(**reading))  # type: ignore[arg-type]
    return table.to_pylist(), lines


# what is wrong -> the text, how it is meant, and what is said
UNCLEAR = {
    "a quotation that is never closed": ('a,b\n1,"x\n2,y\n', "line 2 is never closed"),
    "text behind a closing mark": (
        'a,b\n1,"x" he said\n2,y\n',
        "line 2 goes on behind its closing quotation mark",
    ),
    "a last line with an open mark": ('a,b\n1,x\n2,"y', "line 3 is never closed"),
    "a row that is swallowed whole": (
        'id,text,n\n1,"a,4\n2,b,5\n3,c",6\n',
        "line 2 goes on to line 4",
    ),
}


@pytest.mark.parametrize("wrong", UNCLEAR)
def test_a_quotation_mark_that_may_be_a_character_is_refused_with_its_line(
    tmp_path: Path, wrong: str
) -> None:
    text, said = UNCLEAR[wrong]
    with pytest.raises(Invalid, match=said) as raised:
        read(tmp_path, text)
    assert "--quote no" in (raised.value.hint or "")


def test_a_quotation_that_swallows_rows_is_refused_and_read_whole_without_quotes(
    tmp_path: Path,
) -> None:
    text = 'label\ttext\nham\t"ok\nspam\twell"\nham\tso\n'
    with pytest.raises(Invalid, match="quoted in line 2 goes on to line 3, over lines like rows"):
        read(tmp_path, text)
    assert len(read(tmp_path, text, quote="yes")[0]) == 2
    rows, _ = read(tmp_path, text, quote="no")
    assert rows[:2] == [{"label": "ham", "text": '"ok'}, {"label": "spam", "text": 'well"'}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('id,text,x\n1,"Dear,\nwell, yes",2\n', "Dear,\nwell, yes"),
        ('id,text,x\n1,"a ""b"" c",2\n', 'a "b" c'),
        ('id,text,x\n1,"a,b",2\n', "a,b"),
        ('"id","text","x"\n"1","a","2"\n', "a"),
        ('id,text,x\n1,5" pipe,2\n', '5" pipe'),
        ('id,text,x\r\n1,"a\r\nb",2\r\n', "a\r\nb"),
        ("id,text,x\n1," + '"",' + "2\n", None),
    ],
)
def test_a_quotation_that_is_clear_is_read(tmp_path: Path, text: str, value: str | None) -> None:
    assert read(tmp_path, text)[0] == [{"id": 1, "text": value, "x": 2}]


def test_thousands_of_quoted_texts_are_all_looked_at(tmp_path: Path) -> None:
    clean = "id,text\n" + "".join(f'{n},"text {n}"\n' for n in range(5000))
    assert len(read(tmp_path, clean)[0]) == 5000
    with pytest.raises(Invalid, match="line 5002"):
        read(tmp_path, clean + '5000,"x" y\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ham\thello\nspam\twin\nham\tbye\n", "'ham' is a value of row 2 too"),
        ("1,2.5,Ulm\n2,3.5,Bonn\n", "'1', '2.5' would be of the columns' own types"),
        ("2026-01-01,4\n2026-01-02,5\n", "'2026-01-01', '4' would be"),
        ("1,1\n2,3\n", "looks like a row"),
    ],
)
def test_a_first_line_that_looks_like_a_row_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as raised:
        read(tmp_path, text)
    assert "--columns column1 --columns column2" in (raised.value.hint or "")


@pytest.mark.parametrize(
    "text", ["id,city\n1,Ulm\n", "id,2019,2020\n1,2,3\n", "city,mayor\nUlm,Ada\nBonn,Bob\n"]
)
def test_a_header_is_a_header(tmp_path: Path, text: str) -> None:
    assert list(read(tmp_path, text)[0][0]) == text.partition("\n")[0].split(",")


def test_columns_that_the_dataset_knows_are_a_header_whatever_they_look_like(
    tmp_path: Path,
) -> None:
    known = {"2019": pa.int64(), "2020": pa.int64()}
    assert read(tmp_path, "2019,2020\n1,2\n", types=known)[0] == [{"2019": 1, "2020": 2}]


def test_names_are_given_to_a_file_without_a_header_and_are_the_header_where_it_has_them(
    tmp_path: Path,
) -> None:
    bare, _ = read(tmp_path, "ham\thello, you\nspam\twin\n", name="sms.tsv", columns=SMS)
    assert [row["label"] for row in bare] == ["ham", "spam"]
    headed, _ = read(tmp_path, "label\ttext\nham\thello, you\n", name="sms.tsv", columns=SMS)
    assert headed == [{"label": "ham", "text": "hello, you"}]


def test_names_of_another_number_than_the_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="line 1 has 2"):
        read(tmp_path, "1,2\n3,4\n", columns=("a", "b", "c"))


def test_lines_that_are_no_rows_are_named_by_their_line_in_the_file(tmp_path: Path) -> None:
    text = 'a,b\n1,"x\ny"\n\n2\n3,y\n4,z,z,z\n'
    with pytest.raises(Invalid, match=r"2 lines do not split.*line 5 has 1: '2'; line 7 has 4"):
        read(tmp_path, text)
    rows, lines = read(tmp_path, text, set_apart=True)
    assert [row["a"] for row in rows] == [1, 3]
    assert [(line.number, line.text, line.columns) for line in lines] == [
        (5, "2", 1),
        (7, "4,z,z,z", 4),
    ]


def test_many_bad_lines_are_counted_and_three_are_shown(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"9 lines do not split into the 2 columns.*; and 6 more"):
        read(tmp_path, "a,b\n1,2\n" + "x\n" * 9)


def test_a_wrong_value_is_named_although_other_lines_are_set_apart(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"column 'b' of a.csv: row 2 holds 'x', which is not int64"):
        read(tmp_path, "a,b\n1,2\n3\n4,x\n", types={"b": pa.int64()}, set_apart=True)
