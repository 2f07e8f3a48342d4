"""Plain rows as JSON: `{"rows": [{...}, ...]}`, or one row by itself."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec.calls import Answer, Call, Column, Scalar, listed
from bucle.interfaces.predict.codec.messages import NOT_UNDERSTOOD, malformed

Row: TypeAlias = dict[str, Scalar]

ROWS = "rows"
ROUTING_KEY = "routing_key"

_PLAIN = msgspec.json.Decoder(dict[str, Scalar | list[Row]])
_ENCODER = msgspec.json.Encoder(enc_hook=listed)  # of arrays


def decode_plain(body: bytes) -> Call:
    """Read plain rows.

    Raises:
        Invalid: not JSON (with the position), no rows, or rows with different columns.
    """
    try:
        sent = _PLAIN.decode(body)
    except NOT_UNDERSTOOD as error:
        raise malformed(error, body, '{"rows": [{"column": value, ...}, ...]}') from error
    rows = sent.get(ROWS)
    if not isinstance(rows, list):
        key = sent.pop(ROUTING_KEY, "")
        lists = next((name for name, value in sent.items() if isinstance(value, list)), None)
        if lists is not None:
            raise Invalid(
                f"{lists!r} holds a list, and a row holds one value per column",
                hint='send {"rows": [{"column": value, ...}, ...]}',
            )
        columns: dict[str, Column] = {name: [value] for name, value in sent.items()}
        return Call(columns=columns, count=1, routing_key=_key(key))
    if unknown := sorted(set(sent) - {ROWS, ROUTING_KEY}):
        raise Invalid(
            f"{unknown[0]!r} stands beside 'rows'", hint="put it into each row, or leave it out"
        )
    return Call(
        columns=_columns(rows), count=len(rows), routing_key=_key(sent.get(ROUTING_KEY, ""))
    )


def encode_plain(answer: Answer) -> bytes:
    """Write ids and outputs, one entry per row."""
    return _ENCODER.encode(answer)


def _columns(rows: Sequence[Row]) -> dict[str, Column]:
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


def _key(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
