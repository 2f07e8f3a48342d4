"""A sheet becomes a table, and what in it has no value is told with its cell."""

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.data.delimited import Line, Reading
from bucle.lifecycle.data.excel import read_excel
from tests.unit.lifecycle.data.workbooks import day, error, formula, moment, write_workbook

pytest.importorskip("python_calamine", reason="no python-calamine: pip install 'bucle[excel]'")
HEAD = ["id", "name", "at", "on", "share", "ok"]


def read(
    path: Path, types: dict[str, pa.DataType] | None = None, **reading
) -> tuple[pa.Table, tuple[Line, ...]]:
    return read_excel(path, path.name, types or {}, Reading(**reading))


def book(folder: Path, *rows, merged: str = "") -> Path:
    return write_workbook(folder / "book.xlsx", {"Sheet": rows}, merged=merged)


def test_columns_have_the_type_that_their_cells_share(tmp_path: Path) -> None:
    table, lines = read(book(
        tmp_path, HEAD,
        [1, "a", moment(46082.5), day(46082), 0.5, True],
        [2, None, moment(46083), None, 2, False],
        [None] * 6,
        [3, "c", None, day(46084), formula(1.5), None],
    ))  # fmt: skip
    assert [str(field.type) for field in table.schema] == [
        "int64", "string", "timestamp[us]", "date32[day]", "double", "bool",
    ]  # fmt: skip
    assert table.to_pylist()[0] == {
        "id": 1, "name": "a", "at": datetime(2026, 3, 1, 12), "on": date(2026, 3, 1),  # noqa: DTZ001
        "share": 0.5, "ok": True,
    }  # fmt: skip
    assert (table["id"].to_pylist(), table["share"].to_pylist()) == ([1, 2, 3], [0.5, 2.0, 1.5])
    assert lines == ()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["id"], [1], [error("#N/A")]], "cell A3 holds #N/A"),
        ([["id"], [1], [formula(None)]], "cell A3 holds a formula that was never computed"),
        ([["id"], [1], ["x"]], "cell A3 of 'Sheet' holds 'x', a text, and the cells above"),
        ([["id", "id"], [1, 2]], "two columns called 'id': cells A1 and B1"),
        ([["id", None], [1, 2]], "cell B1 of 'Sheet' has no name, and B2 is filled"),
        ([[None, None], [1, 2]], "has no name"),
        ([["id"], [day(46082)], [3]], "a number, and the cells above it hold a day"),
    ],
)
def test_what_has_no_value_is_told_with_its_cell(tmp_path: Path, rows: list, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(book(tmp_path, *rows))


def test_rows_with_an_error_can_be_set_apart(tmp_path: Path) -> None:
    path = book(tmp_path, ["id", "name"], [1, "a"], [error("#DIV/0!"), "b"], [3, "c"])
    table, (line,) = read(path, set_apart=True)
    assert table["id"].to_pylist() == [1, 3]
    assert (line.number, line.text) == (3, "#DIV/0!\tb")
    assert line.reason == "the cells of the row have values: cell A3 holds #DIV/0!"


def test_merged_cells_are_refused_from_the_header_on(tmp_path: Path) -> None:
    rows = (["Report of March", None], ["id", "name"], [1, "a"], [2, None])
    with pytest.raises(Invalid, match="cells B3:B4 of 'Sheet' are merged"):
        read(book(tmp_path, *rows, merged="B3:B4"), header_row=2)
    table, _ = read(book(tmp_path, *rows, merged="A1:B1"), header_row=2)
    assert table.to_pylist() == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


def test_one_of_several_sheets_is_said_by_its_name(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "two.xlsx", {"a": [["x"], [1]], "b": [["y"], [error("#N/A")]]})
    with pytest.raises(Invalid, match="has 2 sheets: 'a', 'b'"):
        read(path)
    with pytest.raises(Invalid, match="no sheet 'c'"):
        read(path, sheet="c")
    assert read(path, sheet="a")[0].to_pylist() == [{"x": 1}]
    with pytest.raises(Invalid, match="'b': cell A2 holds #N/A"):
        read(path, sheet="b")


def test_known_types_are_kept_and_names_can_be_given(tmp_path: Path) -> None:
    path = book(tmp_path, [1, 7], [2, 8])
    kinds = {"id": pa.int16(), "code": pa.string()}
    table, _ = read(path, kinds, columns=("id", "code"))
    assert table.to_pylist() == [{"id": 1, "code": "7"}, {"id": 2, "code": "8"}]
    with pytest.raises(Invalid, match=r"cell A2 of 'Sheet' holds '2\.5', which is not int64"):
        read(book(tmp_path, ["id"], [2.5]), {"id": pa.int64()})


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0 an old one")
    with pytest.raises(Invalid, match=r"no workbook of Excel's format since 2007"):
        read(path)
    whole = book(tmp_path, ["id"], [1]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Invalid, match="workbook"):
        read(path)
