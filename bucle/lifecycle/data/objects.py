"""Read JSON objects as a table, and say of each line that is no row why it is none.

Lines are read all at once; only where that fails are they taken apart.  What is not JSON (a line
that breaks off, a NaN) is told and never read as something else.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.json as pa_json

from bucle.base.errors import Invalid
from bucle.lifecycle.data.delimited import Line, Reading, Types

_CHUNK_BYTES = 1 << 20
_SHOWN = 3
_SHOWN_TEXT = 60
_BYTE = re.compile(r"\(byte (\d+)\)")
_NOISE = re.compile(r"^JSON (parse|conversion) error: |( in row \d+)?$|^Failed of conversion of ")
_NO_ROW = "the line is a JSON object that fits the columns"
_REFUSED = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError)

Bad = dict[int, str]  # place of a line, from 0 -> why it is no row


def read_objects(
    content: bytes, name: str, types: Types, reading: Reading
) -> tuple[pa.Table, tuple[Line, ...]]:
    """Return the objects of a text, one per line or in one array, and the lines that are none.

    Raises:
        Invalid: not UTF-8 or not JSON, a line that is no object, or a value of another type than
            its column has; named with its line.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid(f"{name} is UTF-16, not UTF-8", hint="iconv -f UTF-16 -t UTF-8 old > new")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise Invalid(f"{name} has no rows", hint="write at least one object")
    is_array = content.lstrip()[:1] == b"["
    lines = _items(content, name) if is_array else []
    try:
        return _read(b"\n".join(lines) if is_array else content, types), ()
    except _REFUSED:
        lines = lines or content.split(b"\n")
    kept, bad = _objects(lines)
    if not kept:
        raise _refusal(name, lines, bad, "item" if is_array else "line")
    places = list(kept)
    table, misfits = fitting([lines[place] for place in places], types)
    bad |= {places[place]: reason for place, reason in misfits.items()}
    if bad and not reading.set_apart:
        raise _refusal(name, lines, bad, "item" if is_array else "line")
    return table, tuple(
        Line(number=place + 1, text=lines[place].decode(errors="backslashreplace"),
             reason=f"{_NO_ROW}: {reason}")
        for place, reason in sorted(bad.items())
    )  # fmt: skip


def events_table(values: Sequence[bytes], types: Types, *, closed: bool) -> tuple[pa.Table, Bad]:
    """Return events as rows, with every known column; those that are no rows by their place.

    Where the columns are closed, an event with another one is no row.
    """
    found, bad = _objects(values)
    for place, columns in list(found.items()):
        extra = [name for name in columns if name not in types] if closed else []
        if extra:
            bad[place] = f"it has {extra[0]!r}, which the dataset has not"
            found.pop(place)
    places = list(found)
    # On one line each, however they were written.
    lines = [msgspec.json.format(values[place], indent=0) for place in places]
    table, misfits = fitting(lines, types)
    bad |= {places[place]: reason for place, reason in misfits.items()}
    return table, bad


def fitting(lines: Sequence[bytes], types: Types) -> tuple[pa.Table, Bad]:
    """Return the lines that have one type in each column, the first ones' if none is known."""
    known = dict(types)
    tables: list[pa.Table] = []
    bad: Bad = {}
    place = 0
    while place < len(lines):
        count = _fitting_from(lines, place, known)
        if count:
            tables.append(_read(b"\n".join(lines[place : place + count]), known))
            known |= {
                field.name: field.type
                for field in tables[-1].schema
                if not pa.types.is_null(field.type)
            }
        place += count
        if place < len(lines):
            bad[place] = _reason(lines[place], known)
            place += 1
    if not tables:
        return pa.schema([]).empty_table(), bad
    return pa.concat_tables(tables, promote_options="default"), bad


def _fitting_from(lines: Sequence[bytes], place: int, types: Types) -> int:
    """Return how many lines from a place on go together.

    All of them are tried, then twice as many each time, then halves: a bad line costs as much
    reading as there are good ones before it, and not as there are in all.
    """
    rest = lines[place:]
    if _goes(rest, types):
        return len(rest)
    low, high = 0, 1  # so many go together, and so many are tried
    while high < len(rest) and _goes(rest[:high], types):
        low, high = high, high * 2
    high = min(high, len(rest))
    while high - low > 1:
        middle = (low + high) // 2
        if _goes(rest[:middle], types):
            low = middle
        else:
            high = middle
    return low


def _goes(lines: Sequence[bytes], types: Types) -> bool:
    try:
        _read(b"\n".join(lines), types)
    except _REFUSED:
        return False
    return True


def _read(content: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    return pa_json.read_json(
        pa.BufferReader(content),
        read_options=pa_json.ReadOptions(block_size=max(len(content) + 1, _CHUNK_BYTES)),
        parse_options=pa_json.ParseOptions(
            newlines_in_values=True,
            explicit_schema=pa.schema(list(types.items())) if types else None,
        ),
    )


def _objects(lines: Sequence[bytes]) -> tuple[dict[int, dict[str, msgspec.Raw]], Bad]:
    """Return the objects by their place, and why the others are none; empty lines are nothing."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    found, bad = {}, {}
    for place, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            found[place] = decoder.decode(line)
            msgspec.json.decode(line)  # what is inside, too
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            found.pop(place, None)
            bad[place] = str(error).partition(" - ")[0]
    return found, bad


def _items(content: bytes, name: str) -> list[bytes]:
    try:
        return [bytes(row) for row in msgspec.json.decode(content, type=list[msgspec.Raw])]
    except msgspec.DecodeError as error:
        place = _BYTE.search(str(error))
        end = int(place.group(1)) if place else len(content)
        line = content.count(b"\n", 0, end) + 1
        raise Invalid(
            f"{name} can not be read as json: line {line}: {error}",
            hint="the file is damaged or breaks off: bring it again",
        ) from error


def _reason(line: bytes, types: Types) -> str:
    """Return why a line does not go with the others; by itself it may well."""
    try:
        _read(line, types)
    except _REFUSED as error:
        return _NOISE.sub("", str(error).partition("\n")[0])
    return "it is of other types than the lines before it"


def _refusal(name: str, lines: Sequence[bytes], bad: Bad, noun: str) -> Invalid:
    shown = "; ".join(
        f"{noun} {place + 1}: {reason}: {_shortened(lines[place])!r}"
        for place, reason in sorted(bad.items())[:_SHOWN]
    )
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return Invalid(
        f"{name} can not be read as json: {shown}{more}",
        hint="correct the file, or commit with --lines quarantine to set such lines apart",
    )


def _shortened(line: bytes) -> str:
    text = line.strip().decode(errors="backslashreplace")
    return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT] + "..."
