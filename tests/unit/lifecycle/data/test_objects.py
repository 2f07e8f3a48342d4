"""JSON is read as it is: a line that breaks off, or does not fit, is told and never swallowed."""

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.data.delimited import Line, Reading
from bucle.lifecycle.data.objects import events_table, read_objects

DIRTY = b'{"a": 1, "b": {"c": [1]}}\n\n{"a": 2\n{"a": NaN}\n3\n{"a": "x"}\n{"a": 4}\n'


def read(content: bytes, **reading) -> tuple[pa.Table, tuple[Line, ...]]:
    return read_objects(content, "rows.json", {}, Reading(**reading))


def test_nested_objects_become_structs() -> None:
    table, _ = read(b'\xef\xbb\xbf[{"a": 1, "b": {"c": [1, 2]}},\n {"a": 2}]')
    assert str(table.schema.field("b").type) == "struct<c: list<item: int64>>"
    assert table.to_pylist() == [{"a": 1, "b": {"c": [1, 2]}}, {"a": 2, "b": None}]


def test_objects_may_go_over_several_lines() -> None:
    assert read(b'{\n"a": 1}\n{"a":\n2}')[0]["a"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            DIRTY,
            "line 3: Input data was truncated: '{\"a\": 2'; line 4: .*NaN.*; line 5: .*and 1 m",
        ),
        (b'{"a": 1}\n{"a": "x"}', r"line 2: Column\(/a\) changed from number to string"),
        (b'[{"a": 1},\n{"a": 2', "line 2: Input data was truncated"),
        (b'[{"a": 1}, 7]', "item 2: .*'7'"),
        (b'{"a": 1}\n{"a": "\xff"}', "line 2"),
        (b"\xff\xfe{", "UTF-16"),
        (b"\xef\xbb\xbf \n", "no rows"),
        (b"id,name\n1,a\n", "line 1"),
    ],
)
def test_what_is_no_json_is_told_with_its_line(content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(content)


def test_lines_that_are_no_rows_can_be_set_apart() -> None:
    table, lines = read(DIRTY, set_apart=True)
    assert table["a"].to_pylist() == [1, 4]
    assert [line.number for line in lines] == [3, 4, 5, 6]
    assert lines[-1].reason.endswith("Column(/a) changed from number to string")


def test_many_misfits_are_found_each() -> None:
    events = [b'{"a": 1}' if n % 7 else b'{"a": "x"}' for n in range(1, 700)]
    table, bad = events_table(events, {}, closed=False)
    assert (table.num_rows, len(bad), min(bad)) == (600, 99, 6)


def test_events_have_the_columns_of_their_dataset() -> None:
    types = {"a": pa.int64(), "at": pa.timestamp("us", "UTC")}
    events = [
        b'{"a": 1}',
        b'{"a": 2, "z": 1}',
        b'{\n"at": "2026-03-01T12:00:00Z"}',
        b'{"at": "no"}',
    ]
    table, bad = events_table(events, types, closed=True)
    assert table.column_names == ["a", "at"]
    assert table["a"].to_pylist() == [1, None]
    assert bad[1] == "it has 'z', which the dataset has not"
    assert sorted(bad) == [1, 3]
    opened, _ = events_table(events[:2], types, closed=False)
    assert opened.column_names == ["a", "at", "z"]
