"""One codec for records, the API and files: msgspec, with refs as text and times as UTC."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from bucle.base.errors import Invalid
from bucle.base.figure import Figure
from bucle.base.refs import Ref

T = TypeVar("T")


def _to_plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, Figure):
        return value.plain
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _from_plain(kind: type, value: object) -> object:
    if isinstance(value, kind):
        return value
    if kind is Ref and isinstance(value, str):
        return Ref.parse(value)
    if kind is Figure and isinstance(value, float | int | str):
        return Figure(value)
    raise TypeError(f"{value!r} is not a {kind.__name__}")


def json_schema(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of a record: what the API documents and an editor checks."""
    return msgspec.json.schema(kind, schema_hook=schema_of_custom)


def schema_of_custom(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of our own scalar types, for msgspec's `schema_hook`."""
    if kind is Ref:
        return {
            "type": "string",
            "description": "kind:name or kind:name@version",
            "pattern": "^[a-z][a-z_]*:[^@]+(@[^@]+)?$",
        }
    if kind is Figure:
        return {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
    raise NotImplementedError(kind.__name__)


def encode(value: object) -> bytes:
    """Encode a record as compact JSON."""
    return msgspec.json.encode(value, enc_hook=_to_plain)


def canonical_json(value: object) -> bytes:
    """Encode with sorted keys and no white space, so that equal values give equal bytes."""
    return msgspec.json.encode(value, enc_hook=_to_plain, order="sorted")


def decode(content: bytes | str, kind: type[T]) -> T:
    """Decode JSON into a record.

    Raises:
        Invalid: not JSON, or not of that shape; the message names the path to the value.
    """
    try:
        return msgspec.json.decode(content, type=kind, dec_hook=_from_plain)
    except msgspec.MsgspecError as error:
        raise Invalid(f"not a valid {getattr(kind, '__name__', kind)}: {error}") from error


def convert(value: Any, kind: type[T], *, strict: bool = False) -> T:  # noqa: ANN401 - a door's raw input
    """Turn plain dicts and lists into a record.

    Raises:
        Invalid: not of that shape; the message names the path to the value.
    """
    try:
        return msgspec.convert(value, type=kind, strict=strict, dec_hook=_from_plain)
    except msgspec.ValidationError as error:
        raise Invalid(f"not a valid {getattr(kind, '__name__', kind)}: {error}") from error


def to_builtins(value: object) -> Any:  # noqa: ANN401 - the plain tree of any record
    """Turn a record into dicts, lists and scalars that JSON can hold."""
    return msgspec.to_builtins(value, enc_hook=_to_plain)


def utc(moment: datetime) -> datetime:
    """Return an aware UTC datetime; a naive one (as SQLite gives back) is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
