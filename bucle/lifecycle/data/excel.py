"""Read a sheet of an Excel workbook (.xlsx, .xlsm) as a table, and say by cell what is no value.

A sheet is not a table: what a person sees in it (an error, a merged cell, a formula that was never
computed) has no value of a column, and the reading library gives nothing for it.  Such cells are
looked up in the workbook itself and told with their address, instead of becoming missing values.
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid, NotInstalled
from bucle.lifecycle.data.delimited import Line, Reading, Types

_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_ADDRESS = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
_VALUE = re.compile(rb"<(?:\w+:)?v>(.*?)</(?:\w+:)?v>", re.DOTALL)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_WHOLE = 2**53  # beyond this the fractions that Excel keeps numbers in are no whole numbers
_SHOWN = 3
_VALUES = "the cells of the row have values"  # what a row with an error breaks
_MICROSECONDS = pa.timestamp("us")

_Cells = list[Any]  # of one row: text, number, truth, time; "" is empty


class _Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet: its rows from the first on, and what is said against some of its cells."""

    name: str
    rows: list[_Cells]
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    broken: Mapping[tuple[int, int], str]  # (row, column), from 0 -> what the cell holds


def read_excel(
    path: Path, name: str, types: Types, reading: Reading
) -> tuple[pa.Table, tuple[Line, ...]]:
    """Return the rows below the header; those with a broken cell apart if that is asked for.

    Raises:
        Invalid: no workbook of this format, no such sheet, a header or a cell that can not be
            read in one way only; named with its address.
        NotInstalled: the reading library is not there.
    """
    sheet = _opened(path, name, reading.sheet)
    header = reading.header_row - 1
    if header >= len(sheet.rows):
        raise Invalid(
            f"{name}: the sheet {sheet.name!r} has {len(sheet.rows)} rows, and its header would be "
            f"row {reading.header_row}",
            hint="say which row has the names of the columns: --header-row 1",
        )
    _require_unmerged(sheet, name, header)
    columns = _named(sheet, name, header, reading.columns)
    start = header if reading.columns and not _is_header(sheet, header, columns) else header + 1
    bad, kept = [], []
    for number in range(start, len(sheet.rows)):
        cells = [sheet.rows[number][place] for place in columns.values()]
        wrong = [
            (place, sheet.broken[number, place])
            for place in columns.values()
            if (number, place) in sheet.broken
        ]
        if wrong:
            bad.append(_line(sheet, number, wrong))
        elif any(cell != "" for cell in cells):
            kept.append((number, cells))
    if bad and not reading.set_apart:
        raise _refusal(name, sheet.name, bad)
    fields, arrays = [], []
    for position, (column, place) in enumerate(columns.items()):
        where = _Column(file=name, sheet=sheet.name, name=column, place=place)
        values = [(number, cells[position]) for number, cells in kept]
        array = _typed(where, values, types.get(column))
        fields.append(pa.field(column, array.type))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields)), tuple(bad)


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column, for what is said of its cells."""

    file: str
    sheet: str
    name: str
    place: int

    def refuse(self, number: int, said: str, hint: str) -> Invalid:
        """Return the error that tells of one of its cells."""
        cell = _address(number, self.place)
        return Invalid(
            f"column {self.name!r} of {self.file}: cell {cell} of {self.sheet!r} {said}", hint=hint
        )


def _opened(path: Path, name: str, wanted: str) -> _Sheet:
    if not zipfile.is_zipfile(path):
        raise Invalid(
            f"{name} is no workbook of Excel's format since 2007, or is protected by a password",
            hint="open it and save it as .xlsx, without a password",
        )
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"{name} needs a package that is not installed (python-calamine)",
            hint="pip install 'bucle[excel]'",
        ) from error
    try:
        with CalamineWorkbook.from_path(path) as book:
            chosen = _chosen(book.sheet_names, name, wanted)
            found = book.get_sheet_by_name(chosen)
            rows: list[_Cells] = found.to_python(skip_empty_area=False)
            merged = tuple(found.merged_cell_ranges or ())
        broken = dict(_broken_cells(path, chosen))
    except (CalamineError, zipfile.BadZipFile, ET.ParseError, KeyError) as error:
        raise Invalid(
            f"{name} can not be read as excel: {error}", hint="the file is damaged: bring it again"
        ) from error
    # The library gives no rows and columns beyond the last one with a value.
    wide = max([len(rows[0]) if rows else 0, *(column + 1 for _, column in broken)])
    high = max([len(rows), *(row + 1 for row, _ in broken)])
    rows = [
        row + [""] * (wide - len(row)) for row in [*rows, *([] for _ in range(high - len(rows)))]
    ]
    return _Sheet(name=chosen, rows=rows, merged=merged, broken=broken)


def _chosen(names: Sequence[str], name: str, wanted: str) -> str:
    if wanted:
        if wanted not in names:
            said = f"{name} has no sheet {wanted!r}"
            raise Invalid(said, hint=f"it has {', '.join(map(repr, names))}")
        return wanted
    if len(names) > 1:
        raise Invalid(
            f"{name} has {len(names)} sheets: {', '.join(map(repr, names))}",
            hint=f"say which: --sheet {names[0]!r}",
        )
    return names[0]


def _broken_cells(path: Path, sheet: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the cells that have an error or a formula without a value."""
    with zipfile.ZipFile(path) as book:
        content = book.read(_part_of(book, sheet))
    for found in _CELL.finditer(content):
        attributes, inside = found.group(1), found.group(2) or b""
        place = _ADDRESS.search(attributes)
        if place is None:
            continue
        at = int(place.group(2)) - 1, _number_of(place.group(1).decode())
        value = _VALUE.search(inside)
        if b't="e"' in attributes:
            yield at, value.group(1).decode() if value else "an error"
        elif _FORMULA.search(inside) and value is None:
            yield at, "a formula that was never computed"


def _part_of(book: zipfile.ZipFile, sheet: str) -> str:
    """Return the name of a sheet's part in the workbook's archive (ECMA-376, part 1, 18.2)."""
    tree = ET.fromstring(book.read("xl/workbook.xml"))  # noqa: S314 - expat bounds entities
    relation = next(
        one.attrib[_RELATION]
        for one in tree.iter()
        if one.get("name") == sheet and _is(one, "sheet")
    )
    links = ET.fromstring(book.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - as above
    target = next(one.attrib["Target"] for one in links if one.get("Id") == relation)
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _is(element: ET.Element, kind: str) -> bool:
    return element.tag.rpartition("}")[2] == kind


def _require_unmerged(sheet: _Sheet, name: str, header: int) -> None:
    """Refuse merged cells from the header on: which rows their value is of, nobody knows."""
    for (top, left), (bottom, right) in sheet.merged:
        if bottom >= header:
            where = f"{_address(top, left)}:{_address(bottom, right)}"
            raise Invalid(
                f"{name}: the cells {where} of {sheet.name!r} are merged",
                hint="unmerge them and write the value into each cell that it is of",
            )


def _named(sheet: _Sheet, name: str, header: int, given: tuple[str, ...]) -> dict[str, int]:
    """Return the columns and their places; one without a name must be empty."""
    row = sheet.rows[header]
    texts = list(given) if given else [_as_text(cell).strip() for cell in row]
    columns: dict[str, int] = {}
    for place, text in enumerate(texts):
        if not text:
            below = [number for number in range(header, len(sheet.rows))
                     if sheet.rows[number][place] != ""]  # fmt: skip
            if below:
                cell, filled = _address(header, place), _address(below[0], place)
                raise Invalid(
                    f"{name}: cell {cell} of {sheet.name!r} has no name, and {filled} is filled",
                    hint="name the column, empty it, or say --header-row",
                )
        elif text in columns:
            first, second = _address(header, columns[text]), _address(header, place)
            raise Invalid(
                f"{name} has two columns called {text!r}: cells {first} and {second}",
                hint="rename one of them",
            )
        elif place >= len(row):
            raise Invalid(f"{name} has {len(row)} columns, and {len(given)} names were given")
        else:
            columns[text] = place
    if not columns:
        raise Invalid(f"{name}: row {header + 1} of {sheet.name!r} is empty, and no header")
    return columns


def _is_header(sheet: _Sheet, header: int, columns: Mapping[str, int]) -> bool:
    return [_as_text(sheet.rows[header][place]) for place in columns.values()] == list(columns)


def _line(sheet: _Sheet, number: int, wrong: Sequence[tuple[int, str]]) -> Line:
    said = ", ".join(f"cell {_address(number, place)} holds {what}" for place, what in wrong)
    cells = dict(wrong)
    text = "\t".join(
        cells.get(place, _as_text(cell)) for place, cell in enumerate(sheet.rows[number])
    )
    return Line(number=number + 1, text=text, reason=f"{_VALUES}: {said}")


def _refusal(name: str, sheet: str, bad: Sequence[Line]) -> Invalid:
    said = "; ".join(line.reason.partition(": ")[2] for line in bad[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN} more rows" if len(bad) > _SHOWN else ""
    return Invalid(
        f"{name}: {sheet!r}: {said}{more}",
        hint="correct the cells, or commit with --lines quarantine to set such rows apart",
    )


def _typed(
    where: _Column, values: Sequence[tuple[int, Any]], known: pa.DataType | None
) -> pa.Array:
    """Return a column's values in the type that they share, or in the one that is known."""
    there = [(number, cell) for number, cell in values if cell != ""]
    kind, make = _wanted(known) if known is not None else _shared(where, there)
    made: list[Any] = []
    for number, cell in values:
        value = None if cell == "" else make(cell)
        if value is None and cell != "":
            said = f"holds {_as_text(cell)!r}, which is not {kind}"
            raise where.refuse(number, said, "correct the cell")
        made.append(value)
    return pa.array(made, kind)


_Maker = Callable[[Any], Any]


def _shared(where: _Column, there: Sequence[tuple[int, Any]]) -> tuple[pa.DataType, _Maker]:
    kinds = {_kind_of(cell) for _, cell in there}
    if not kinds:
        return pa.null(), lambda _: None
    if kinds == {"number"}:
        whole = all(float(cell).is_integer() and abs(cell) < _WHOLE for _, cell in there)
        return _wanted(pa.int64() if whole else pa.float64())
    if kinds == {"day"}:
        return _wanted(pa.date32())
    if kinds <= {"day", "moment"}:
        return _wanted(_MICROSECONDS)
    if len(kinds) == 1 and kinds <= {"text", "truth", "clock"}:
        return _wanted(
            {"text": pa.string(), "truth": pa.bool_(), "clock": pa.time64("us")}[kinds.pop()]
        )
    first = _kind_of(there[0][1])
    number, other = next((one for one in there if _kind_of(one[1]) != first), there[0])
    raise where.refuse(
        number,
        f"holds {_as_text(other)!r}, a {_kind_of(other)}, and the cells above it hold a {first}",
        "format the cells of the column alike (as text, for example), and type them again",
    )


def _wanted(kind: pa.DataType) -> tuple[pa.DataType, _Maker]:
    """Return a type and what makes its values of cells: None for a cell that is none of them."""
    kinds = pa.types
    makers: Sequence[tuple[Callable[[pa.DataType], bool], _Maker]] = (
        (kinds.is_integer, _as_whole),
        (kinds.is_floating, lambda cell: float(cell) if _kind_of(cell) == "number" else None),
        (kinds.is_decimal, lambda cell: Decimal(str(cell)) if _kind_of(cell) == "number" else None),
        (kinds.is_boolean, lambda cell: cell if cell is True or cell is False else None),
        (kinds.is_date, lambda cell: cell if _kind_of(cell) == "day" else None),
        (kinds.is_timestamp, _as_moment),
        (kinds.is_time, lambda cell: cell if _kind_of(cell) == "clock" else None),
    )
    for fits, maker in makers:
        if fits(kind):
            # What a dataset has as an instant is in UTC; Excel knows no zones.
            return (pa.timestamp("us", kind.tz) if kinds.is_timestamp(kind) else kind), maker
    return pa.string(), _as_text


def _kind_of(cell: object) -> str:
    if isinstance(cell, bool):
        return "truth"
    for kind, name in (
        ((int, float), "number"), (str, "text"), (datetime, "moment"), (date, "day"),
        (time, "clock"),
    ):  # fmt: skip
        if isinstance(cell, kind):
            return name
    return "duration"


def _as_whole(cell: Any) -> int | None:  # noqa: ANN401 - any cell
    is_whole = _kind_of(cell) == "number" and float(cell).is_integer() and abs(cell) < _WHOLE
    return int(cell) if is_whole else None


def _as_moment(cell: object) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    return datetime(cell.year, cell.month, cell.day) if isinstance(cell, date) else None  # noqa: DTZ001 - Excel knows no zones


def _as_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _address(row: int, column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row + 1}"


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
