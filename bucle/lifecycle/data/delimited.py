"""Read delimited text (CSV and its like) as a table, and say by line what is no row of it.

A quotation mark may open a quoted text or be a plain character, and a first line may be a header
or a row: what can be read in two ways is refused with both, never guessed, because a wrong guess
loses rows without a word.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from bucle.base.errors import Invalid

NO_ROW = "the line splits into the columns"  # what a line that is no row breaks
_DELIMITERS = (",", ";", "\t", "|")
_CHUNK_BYTES = 1 << 20
_SHOWN_LINES = 3
_SHOWN_TEXT = 60
_NUMBER = re.compile(rb"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*")

# The types that columns are known to have, by name; the rest is found out.
Types: TypeAlias = Mapping[str, pa.DataType]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is meant."""

    quote: str = ""  # yes, no, or "": yes, unless a mark could be a plain character
    columns: tuple[str, ...] = ()  # the names of the columns; (): the first line has them
    set_apart: bool = False  # hand over the lines that are no rows, instead of refusing them
    sheet: str = ""  # of a workbook; "": the only one
    header_row: int = 1  # of a sheet: the row that names the columns


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line that does not split into the columns there are."""

    number: int  # of the line in the file, from 1
    text: str
    columns: int = 0  # into how many it splits
    reason: str = NO_ROW  # what it breaks


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out of a file before its rows are read."""

    path: Path
    name: str
    delimiter: str
    quoted: bool
    columns: tuple[str, ...]  # (): the first line has them
    names: tuple[str, ...]


def read_delimited(
    path: Path, name: str, types: Types, reading: Reading
) -> tuple[pa.Table, tuple[Line, ...]]:
    """Return the rows of a text, and the lines that are no rows if those are to be set apart.

    Raises:
        Invalid: not UTF-8, lines that do not split into the columns, a quotation mark or a first
            line that can be read in two ways, or a value that does not fit its column's known
            type; named with its line or row.
    """
    layout = _layout(path, name, reading)
    if layout.quoted:
        _require_clear_quotes(layout, trusted=reading.quote == "yes")
    try:
        table, lines = _rows(layout, pa_csv.ConvertOptions(column_types=types))
    except pa.ArrowInvalid as error:
        _require_utf8(path, name)
        if "conversion error" in str(error):
            texts = pa_csv.ConvertOptions(column_types=dict.fromkeys(layout.names, pa.string()))
            _name_bad_value(_rows(layout, texts)[0], types, name)
        raise
    if any(pa.types.is_binary(field.type) for field in table.schema):
        _require_utf8(path, name)
    if lines and not reading.set_apart:
        raise _ragged(name, lines, len(layout.names))
    if not layout.columns and not any(each in types for each in table.schema.names):
        _require_header(table, name)
    return _without_empty_texts(table), lines


def _layout(path: Path, name: str, reading: Reading) -> _Layout:
    with path.open("rb") as file:
        head = file.readline(_CHUNK_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid(f"{name} is UTF-16, not UTF-8", hint="iconv -f UTF-16 -t UTF-8 old > new")
    delimiter = _delimiter(head, name, len(reading.columns))
    quoted = reading.quote != "no"
    try:
        found = pa_csv.read_csv(
            pa.BufferReader(head if head.endswith((b"\n", b"\r")) else head + b"\n"),
            parse_options=_parsed(delimiter, quoted=quoted),
        ).column_names
    except pa.ArrowInvalid as error:
        _require_utf8(path, name)
        if not reading.columns:
            raise Invalid(f"{name} has a header that can not be read: {error}") from error
        found = []
    # Names that the first line has too are its header: nobody means it as a row.
    named = () if tuple(found) == reading.columns else reading.columns
    return _Layout(
        path=path, name=name, delimiter=delimiter, quoted=quoted, columns=named,
        names=named or tuple(found),
    )  # fmt: skip


def _delimiter(head: bytes, name: str, columns: int) -> str:
    """Return what parts the first line: as often as there are names, or most often."""
    counts = {mark: head.count(mark.encode()) for mark in _DELIMITERS}
    if counts["\t"] and name.lower().endswith(".tsv"):
        return "\t"
    fitting = [mark for mark in _DELIMITERS if columns > 1 and counts[mark] == columns - 1]
    return fitting[0] if fitting else max(_DELIMITERS, key=lambda mark: counts[mark])


def _parsed(
    delimiter: str, *, quoted: bool, rejected: list[pa_csv.InvalidRow] | None = None
) -> pa_csv.ParseOptions:
    def skip(row: pa_csv.InvalidRow) -> str:
        assert rejected is not None
        rejected.append(row)
        return "skip"

    return pa_csv.ParseOptions(
        delimiter=delimiter,
        quote_char='"' if quoted else False,
        newlines_in_values=quoted,
        invalid_row_handler=None if rejected is None else skip,
    )


def _rows(layout: _Layout, convert: pa_csv.ConvertOptions) -> tuple[pa.Table, tuple[Line, ...]]:
    """Read all rows; only where one is no row, read once more to learn of all that are none."""
    names = list(layout.columns) or None
    try:
        return pa_csv.read_csv(
            layout.path,
            read_options=pa_csv.ReadOptions(column_names=names),
            parse_options=_parsed(layout.delimiter, quoted=layout.quoted),
            convert_options=convert,
        ), ()
    except pa.ArrowInvalid as error:
        if "columns, got" not in str(error):
            raise
    _require_utf8(layout.path, layout.name)
    rejected: list[pa_csv.InvalidRow] = []
    table = pa_csv.read_csv(
        layout.path,
        read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
        parse_options=_parsed(layout.delimiter, quoted=layout.quoted, rejected=rejected),
        convert_options=convert,
    )
    return table, tuple(_numbered(layout.path, rejected))


def _numbered(path: Path, rejected: Sequence[pa_csv.InvalidRow]) -> Iterator[Line]:
    """Find the lines in the file: the reader counts rows, which blank and quoted lines upset."""
    waiting = iter(rejected)
    row = next(waiting, None)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if row is None:
                return
            if line.rstrip(b"\r\n").decode() == row.text.rstrip("\r\n").partition("\n")[0]:
                yield Line(number=number, text=row.text, columns=row.actual_columns)
                row = next(waiting, None)


def _ragged(name: str, lines: Sequence[Line], columns: int) -> Invalid:
    one = len(lines) == 1
    shown = "; ".join(
        f"line {line.number} has {line.columns}: {_shortened(line.text)!r}"
        for line in lines[:_SHOWN_LINES]
    )
    more = f"; and {len(lines) - _SHOWN_LINES} more" if len(lines) > _SHOWN_LINES else ""
    return Invalid(
        f"{name}: {len(lines)} {'line does' if one else 'lines do'} not split into the "
        f"{columns} columns: {shown}{more}",
        hint="correct the file, or commit with --lines quarantine to set such lines apart",
    )


def _require_clear_quotes(layout: _Layout, *, trusted: bool) -> None:
    """Refuse quotation marks that may be plain characters, with the line of the first.

    A text that runs on behind its closing mark loses the marks, and one that spans lines may have
    swallowed rows: lines that split into as many columns, with numbers in the same places.
    """
    content = layout.path.read_bytes()
    if b'"' not in content:
        return
    mark = layout.delimiter.encode()
    for start, end in _quoted_texts(content, mark):
        line = content.count(b"\n", 0, start) + 1
        if content[end - 1 : end] != b'"' or end - 1 == start:
            raise _unclear(layout.name, f"the quotation mark in line {line} is never closed")
        if content[end : end + 1] not in {b"", b"\r", b"\n", mark}:
            said = f"the quoted text in line {line} goes on behind its closing quotation mark"
            raise _unclear(layout.name, said)
        if not trusted and _swallows(content, start, end, mark, len(layout.names)):
            last = content.count(b"\n", 0, end) + 1
            said = f"the text quoted in line {line} goes on to line {last}, over lines like rows"
            raise _unclear(layout.name, said, "; --quote yes if the text does span lines")


def _quoted_texts(content: bytes, mark: bytes) -> Iterator[tuple[int, int]]:
    """Yield where quoted texts start and end, without most of those on one line."""
    ends = rb"[\r\n" + re.escape(mark) + rb"]"
    not_ends = rb"[^\r\n" + re.escape(mark) + rb"]"
    pattern = re.compile(
        rb'"(?<!' + not_ends + rb'")'  # a mark that opens a column
        rb'(?:[^"\r\n]*"(?=' + ends + rb')[^"]*(?<=' + ends + rb')"){0,1000}+'  # plain texts
        rb'([^"]*(?:""[^"]*)*(?:"|\Z))'
    )
    for found in pattern.finditer(content):
        yield found.start(1) - 1, found.end(1)


def _swallows(content: bytes, start: int, end: int, mark: bytes, columns: int) -> bool:
    if b"\n" not in content[start:end]:
        return False
    before = content[content.rfind(b"\n", 0, start) + 1 : start].split(mark)[:-1]
    stop = content.find(b"\n", end)
    inside = content[start : stop if stop >= 0 else len(content)].split(b"\n")[1:]
    for line in inside:
        cells = line.rstrip(b"\r").split(mark)
        alike = (
            bool(_NUMBER.fullmatch(cell)) == bool(_NUMBER.fullmatch(other))
            for cell, other in zip(cells, before, strict=False)
        )
        if len(cells) == columns and all(alike):
            return True
    return False


def _unclear(name: str, said: str, otherwise: str = "") -> Invalid:
    return Invalid(
        f"{name}: {said}",
        hint=f'correct the file, or say --quote no if " is a plain character there{otherwise}',
    )


def _require_header(table: pa.Table, name: str) -> None:
    """Refuse a first line that looks like a row.

    It does if it has a value of its type for each column that is not text, or, where all columns
    are text, if one of its words is a value of its column too.
    """
    columns = [
        (field.name, field.type, table.column(place))
        for place, field in enumerate(table.schema)
        if not pa.types.is_null(field.type)
    ]
    typed = [(cell, type_) for cell, type_, _ in columns if not pa.types.is_string(type_)]
    if typed and not all(_casts(pa.array([cell]), type_) for cell, type_ in typed):
        return
    said = ", ".join(repr(_shortened(cell)) for cell, _ in typed[:_SHOWN_LINES])
    reason = f"{said} would be of the columns' own types"
    if not typed:
        texts = ((cell, pc.index(values, cell).as_py()) for cell, _, values in columns if cell)
        cell, place = next((each for each in texts if each[1] >= 0), ("", -1))
        if place < 0:
            return
        reason = f"{_shortened(cell)!r} is a value of row {place + 1} too"
    names = " ".join(f"--columns column{place}" for place in range(1, table.num_columns + 1))
    raise Invalid(
        f"the first line of {name} looks like a row and not like a header: {reason}",
        hint=f"name the columns: {names} (the names of the first line, if it is one)",
    )


def _shortened(text: str) -> str:
    text = text.rstrip("\r\n")
    return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT] + "..."


def _name_bad_value(text: pa.Table, types: Types, name: str) -> None:
    """Raise for the first value, column by column, that does not convert."""
    nulls = pa.array(pa_csv.ConvertOptions().null_values)
    for column in (each for each in text.column_names if each in types):
        values = text[column].combine_chunks()
        values = pc.if_else(pc.is_in(values, value_set=nulls), None, values)
        row = first_bad_row(values, types[column])
        if row is not None:
            raise Invalid(
                f"column {column!r} of {name}: row {row + 1} holds {values[row].as_py()!r}, "
                f"which is not {types[column]}",
                hint="correct the file; a change of type needs mode replace and evolve",
            )


def first_bad_row(values: pa.Array, to: pa.DataType) -> int | None:
    """Return the place of the first value that can not be cast; None: all can."""
    if _casts(values, to):
        return None
    start, end = 0, len(values)
    while end - start > 1:
        middle = (start + end) // 2
        if _casts(values[start:middle], to):
            start = middle
        else:
            end = middle
    return start


def _casts(values: pa.Array, to: pa.DataType) -> bool:
    try:
        values.cast(to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _require_utf8(path: Path, name: str) -> None:
    """Raise with line and byte for the first bytes that are not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise Invalid(
                    f"{name} is not UTF-8: line {number} holds byte 0x{line[error.start]:02x}",
                    hint="iconv -f ISO-8859-1 -t UTF-8 old.csv > new.csv",
                ) from error


def _without_empty_texts(table: pa.Table) -> pa.Table:
    """Make empty text null: CSV has no other way to say that a text is missing."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(place)
            table = table.set_column(place, field, pc.if_else(pc.equal(column, ""), None, column))
    return table
