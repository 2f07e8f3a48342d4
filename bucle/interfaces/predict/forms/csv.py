"""Plain rows as CSV, by the signature's types; answers as CSV.

The header names the columns.  An empty cell is no value (of a text column that takes none: the
empty text).  A column that the model does not take is numbers if all of its cells are written as
numbers are, else text: features are looked up by it, and it is logged.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer, Call, Column, listed
from bucle.lifecycle.registry import Field

TYPE = b"text/csv; charset=utf-8"

_MISSING = frozenset({"", "nan", "null"})
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_NUMBERS: tuple[Callable[[str], int | float], ...] = (int, float)
_SAYS = {"float64": "2.5", "int64": "3", "bool": "true or false"}


def decode_csv(body: bytes, fields: Sequence[Field]) -> Call:
    """Read a table with a header.

    Raises:
        Invalid: not UTF-8, not CSV, or a cell is not what its column takes; line and column are
            named.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Invalid(
            f"line {line} of the CSV is not UTF-8 (byte {error.start})", hint="save it as UTF-8"
        ) from error
    names, lines, rows = _read(text)
    known = {field.name: field for field in fields}
    columns: dict[str, Column] = {}
    for place, name in enumerate(names):
        cells = [row[place] for row in rows]
        field = known.get(name)
        columns[name] = _guessed(cells) if field is None else _typed(cells, field, lines)
    return Call(columns=columns, count=len(rows))


def encode_csv(answer: Answer, classes: Sequence[object] = ()) -> bytes:
    """Write one line per row: its id, and each output; of a matrix, one column per class."""
    names, columns = ["id"], [list(answer.ids)]
    for name, values in answer.outputs.items():
        column = listed(values)
        if column and isinstance(column[0], list):
            width = len(column[0])
            ends = classes if len(classes) == width else range(width)
            names += [f"{name}_{end}" for end in ends]
            columns += [[row[place] for row in column] for place in range(width)]
        else:
            names.append(name)
            columns.append(column)
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return written.getvalue().encode()


def _read(text: str) -> tuple[list[str], list[int], list[list[str]]]:
    """Return the header, and of each row its line and its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    names: list[str] = []
    try:
        for row in reader:
            if not row:  # an empty line, as at the end of many files
                continue
            if not names:
                names = _header(row)
                continue
            if len(row) != len(names):
                raise Invalid(
                    f"line {reader.line_num} of the CSV has {len(row)} cells, and the header "
                    f"has {len(names)}",
                    hint='put a cell that holds a comma between "quotes"',
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise Invalid(
            f"line {reader.line_num} of the CSV is not understood: {error}",
            hint='cells with a comma, a quote or a line break stand between "quotes"; '
            'a quote within them is written ""',
        ) from error
    if not rows:
        told = "has no header" if not names else "has a header and no rows"
        raise Invalid(f"the CSV {told}", hint="send a line of column names, and a line per row")
    return names, lines, rows


def _header(row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    for place, name in enumerate(names):
        if not name:
            raise Invalid(f"column {place + 1} of the CSV has no name", hint="name every column")
        if name in names[:place]:
            raise Invalid(f"two columns of the CSV are named {name!r}", hint="leave one out")
    return names


def _typed(cells: Sequence[str], field: Field, lines: Sequence[int]) -> list[Any]:
    if field.type not in _SAYS:
        absent = None if field.nullable or field.type == "timestamp" else ""
        return [cell or absent for cell in cells]
    read = _READ[field.type]
    values: list[object] = []
    for cell, line in zip(cells, lines, strict=True):
        text = cell.strip().lower()
        if text in _MISSING:
            values.append(None)
            continue
        try:
            values.append(read(text.replace("_", "?")))  # Python reads 1_000; nobody else does
        except ValueError:
            raise Invalid(
                f"line {line} of the CSV: the column {field.name!r} takes {field.type}, "
                f"not {cell[:60]!r}",
                hint=f"write it as {_SAYS[field.type]}, or leave it empty",
            ) from None
    return values


def _whole(text: str) -> int:
    """Read a whole number; `3.0` is one, as spreadsheets write them where a value is missing."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():  # also of an infinite number
            raise
        return int(number)


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[text]


_READ: dict[str, Callable[[str], object]] = {"float64": float, "int64": _whole, "bool": _boolean}


def _guessed(cells: Sequence[str]) -> list[Any]:
    """Return the cells of a column that no signature names."""
    present = [cell for cell in cells if cell]
    for read in _NUMBERS:
        try:
            values = [read(cell) for cell in present]
        except ValueError:
            continue
        # `007` is a name and no number; so is anything else that would be written otherwise.
        if present and all(_same(value, cell) for value, cell in zip(values, present, strict=True)):
            return [read(cell) if cell else None for cell in cells]
    return [cell or None for cell in cells]


def _same(value: float, cell: str) -> bool:
    return str(value) == cell and cell not in {"nan", "inf", "-inf"}


def _cell(value: object) -> object:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
