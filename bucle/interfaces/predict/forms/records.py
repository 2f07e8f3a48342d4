"""Plain rows as JSON: one row, a list of rows, `{"rows": [...]}`, or `{"columns": {...}}`."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import msgspec

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec import Answer, Call, Column, listed

Scalar: TypeAlias = bool | int | float | str | None
Row: TypeAlias = dict[str, Scalar]

ROWS, COLUMNS, ROUTING_KEY = "rows", "columns", "routing_key"
_SENDS = 'send {"column": value, ...}, {"rows": [{...}, ...]} or {"columns": {"column": [...]}}'

_DECODER = msgspec.json.Decoder(list[Row] | dict[str, Scalar | list[Row] | dict[str, list[Scalar]]])
_ENCODER = msgspec.json.Encoder(enc_hook=listed)  # of arrays


def decode_records(body: bytes) -> Call:
    """Read plain rows.

    Raises:
        Invalid: not JSON (with the position), no rows, rows with different columns, or columns
            of different lengths; row and column are named.
    """
    try:
        sent = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        refuse_values(body, error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error, body, _SENDS) from error
    if isinstance(sent, list):
        return Call(columns=columns_of_rows(sent), count=len(sent))
    for form, read in ((ROWS, list), (COLUMNS, dict)):
        if isinstance(sent.get(form), read):
            return _many(sent, form)
    key = sent.pop(ROUTING_KEY, "")
    for name, value in sent.items():
        if isinstance(value, list | dict):
            raise Invalid(
                f"{name!r} holds more than a value, and a row holds one value per column",
                hint=_SENDS,
            )
    row: dict[str, Column] = {name: [value] for name, value in sent.items()}
    return Call(columns=row, count=1, routing_key=_key(key))


def encode_records(answer: Answer) -> bytes:
    """Write who answered, and ids and outputs with one entry per row."""
    return _ENCODER.encode(answer)


def columns_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Return rows that have the same names as columns.

    Raises:
        Invalid: there are none, or a row lacks a name that another has.
    """
    if not rows:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    names = rows[0].keys()
    for place, row in enumerate(rows):
        if row.keys() != names:
            odd = min(row.keys() ^ names)
            lacking = place if odd in names else 0
            raise Invalid(
                f"row {lacking} lacks {odd!r}, which row {0 if lacking else place} has",
                hint="send null where there is no value",
            )
    return {name: [row[name] for row in rows] for name in names}


def checked_columns(columns: Mapping[str, Column]) -> tuple[dict[str, Column], int]:
    """Return columns of one length, and the length.

    Raises:
        Invalid: there are none, they are empty, or their lengths differ.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise Invalid(
            "the columns have different numbers of rows",
            hint=f"send as many values for each; you sent {told}",
        )
    count = next(iter(lengths.values()), 0)
    if not count:
        raise Invalid("there are no rows to predict", hint="send at least one row")
    return dict(columns), count


def malformed(error: Exception, body: bytes, hint: str) -> Invalid:
    """Return what is said of a body that is no JSON, with the place where it stops being."""
    told = str(error)
    if isinstance(error, UnicodeDecodeError):
        told = f"a text is not UTF-8 (byte {error.object[error.start]:#04x} in it)"
    elif "truncated" in told:  # the one complaint that comes without its place
        told = f"{told} (byte {len(body)})"
    return Invalid(f"the request is not understood: {told}", hint=hint)


def refuse_values(body: bytes, error: msgspec.ValidationError) -> NoReturn:
    """Say which row and column of a body that is JSON holds what is no value.

    Raises:
        Invalid: always.
    """
    try:
        sent = msgspec.json.decode(body)
    except RecursionError:
        raise malformed(error, body, _SENDS) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as broken:
        raise malformed(broken, body, _SENDS) from error
    rows = sent.get(ROWS, sent.get(COLUMNS)) if isinstance(sent, dict) else sent
    told = _odd_row(rows) if isinstance(rows, list) else ""
    told = _odd_column(rows) if isinstance(rows, dict) else told
    raise Invalid(told or f"the request is not understood: {error}", hint=_SENDS)


def _odd_row(rows: Sequence[object]) -> str:
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            return f"row {place} is {_short(row)} and no object"
        for name, value in row.items():
            if isinstance(value, list | dict):
                return f"row {place} holds {_short(value)} at {name!r}"
    return ""


def _odd_column(columns: Mapping[str, object]) -> str:
    for name, values in columns.items():
        if not isinstance(values, list):
            return f"the column {name!r} is {_short(values)} and no list"
        for place, value in enumerate(values):
            if isinstance(value, list | dict):
                return f"row {place} holds {_short(value)} at {name!r}"
    return ""


def _many(sent: dict[str, Any], form: str) -> Call:
    if unknown := sorted(set(sent) - {form, ROUTING_KEY}):
        raise Invalid(
            f"{unknown[0]!r} stands beside {form!r}", hint="put it into each row, or leave it out"
        )
    key = _key(sent.get(ROUTING_KEY, ""))
    if form == ROWS:
        rows = sent[ROWS]
        return Call(columns=columns_of_rows(rows), count=len(rows), routing_key=key)
    columns, count = checked_columns(sent[COLUMNS])
    return Call(columns=columns, count=count, routing_key=key)


def _key(value: object) -> str:
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line
