"""OpenTelemetry's spans off the wire: protobuf's bytes, or JSON, as one tree of plain values.

Protobuf's encoding is four kinds of values with a number before each, and what we want of the
messages is their fields by name; decision 0014 says why no library does it.  Sources: the
encoding at https://protobuf.dev/programming-guides/encoding, the messages in
`opentelemetry/proto/trace/v1/trace.proto` and `common/v1/common.proto`.
"""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from bucle.base.errors import Invalid

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_BYTES = 64 << 20
_DEEPEST = 32  # values in values; a span of a hundred levels was not made by a program
_SIGN = 1 << 63

Reading = Literal["text", "bytes", "whole", "signed", "double", "truth"]


@dataclass(frozen=True)
class Message:
    """The fields that are read of a message: number -> name, how, and whether it repeats."""

    fields: Mapping[int, tuple[str, "Reading | Message", bool]] = field(default_factory=dict)


def _message(**fields: tuple[int, "Reading | Message"]) -> Message:
    """Describe a message; a name that ends with `_s` is a field that repeats."""
    return Message(
        MappingProxyType(
            {
                number: (name.removesuffix("_s"), how, name.endswith("_s"))
                for name, (number, how) in fields.items()
            }
        )
    )


def _value(depth: int = 0) -> Message:
    scalars: dict[str, tuple[int, Reading | Message]] = {
        "string_value": (1, "text"),
        "bool_value": (2, "truth"),
        "int_value": (3, "signed"),
        "double_value": (4, "double"),
        "bytes_value": (7, "bytes"),
    }
    if depth == _DEEPEST:
        return _message(**scalars)
    inner = _value(depth + 1)
    pair = _message(key=(1, "text"), value=(2, inner))
    return _message(
        **scalars,
        array_value=(5, _message(values_s=(1, inner))),
        kvlist_value=(6, _message(values_s=(1, pair))),
    )


_PAIR = _message(key=(1, "text"), value=(2, _value()))
_EVENT = _message(
    time_unix_nano=(1, "whole"), name=(2, "text"), attributes_s=(3, _PAIR),
    dropped_attributes_count=(4, "whole"),
)  # fmt: skip
_LINK = _message(
    trace_id=(1, "bytes"), span_id=(2, "bytes"), trace_state=(3, "text"), attributes_s=(4, _PAIR),
    dropped_attributes_count=(5, "whole"), flags=(6, "whole"),
)  # fmt: skip
_STATUS = _message(message=(2, "text"), code=(3, "whole"))
_SPAN = _message(
    trace_id=(1, "bytes"), span_id=(2, "bytes"), trace_state=(3, "text"),
    parent_span_id=(4, "bytes"), name=(5, "text"), kind=(6, "whole"),
    start_time_unix_nano=(7, "whole"), end_time_unix_nano=(8, "whole"), attributes_s=(9, _PAIR),
    dropped_attributes_count=(10, "whole"), events_s=(11, _EVENT),
    dropped_events_count=(12, "whole"), links_s=(13, _LINK), dropped_links_count=(14, "whole"),
    status=(15, _STATUS), flags=(16, "whole"),
)  # fmt: skip
_REQUEST = _message(
    resource_spans_s=(1, _message(scope_spans_s=(2, _message(spans_s=(2, _SPAN))))),
)


def spans_of_protobuf(body: bytes) -> list[dict[str, Any]]:
    """Return the spans of an `ExportTraceServiceRequest` in bytes.

    Raises:
        Invalid: these are not the bytes of one.
    """
    try:
        request = _read(memoryview(body), _REQUEST)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise Invalid("the body is not OpenTelemetry's protobuf") from error
    return [
        span
        for resource in request.get("resource_spans", ())
        for scope in resource.get("scope_spans", ())
        for span in scope.get("spans", ())
    ]


def spans_of_json(body: bytes) -> list[dict[str, Any]]:
    """Return the spans of an `ExportTraceServiceRequest` in JSON, named as protobuf names them.

    Raises:
        Invalid: it is not JSON, or not of that shape.
    """
    try:
        plain = msgspec.json.decode(body)
        return [
            _of_json(span, _SPAN)
            for resource in _listed(plain, "resourceSpans")
            for scope in _listed(resource, "scopeSpans")
            for span in _listed(scope, "spans")
        ]
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError) as error:
        raise Invalid("the body is not OpenTelemetry's JSON") from error


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was compressed.

    Raises:
        Invalid: an encoding that we do not know, damaged, or too large.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "deflate"}:
        raise Invalid(f"content-encoding {encoding[:40]!r} is not read", hint="gzip or deflate")
    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
        found = unpacker.decompress(body, _MOST_BYTES)
    except zlib.error as error:
        raise Invalid(f"the body is not {encoding}") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Invalid(f"the body is cut off, or larger than {_MOST_BYTES >> 20} MiB")
    return found


def id_of(span: Mapping[str, Any], name: str) -> str:
    """Return an id in hexadecimal digits; empty where the span has none."""
    return base64.b64decode(span.get(name, "")).hex()


def plain_value(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever was logged
    """Return an attribute's value without its wrapping."""
    if "array_value" in value:
        return [plain_value(one) for one in value["array_value"].get("values", ())]
    if "kvlist_value" in value:
        return plain_attributes(value["kvlist_value"].get("values", ()))
    if "int_value" in value:
        return int(value["int_value"])
    return next(iter(value.values()), None)


def plain_attributes(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - a list of pairs
    """Return attributes by name."""
    return {pair.get("key", ""): plain_value(pair.get("value", {})) for pair in pairs}


def _read(body: memoryview, message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, kind, raw in _fields(body):
        if number not in message.fields:
            continue
        name, how, repeats = message.fields[number]
        value = (
            _read(raw, how) if isinstance(how, Message) and kind == _BYTES else _scalar(raw, how)
        )
        if repeats:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _fields(body: memoryview) -> Iterator[tuple[int, int, Any]]:
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            raw: Any
            raw, at = _varint(body, at)
        elif kind == _FIXED64:
            raw, at = struct.unpack_from("<Q", body, at)[0], at + 8
        elif kind == _FIXED32:
            raw, at = struct.unpack_from("<I", body, at)[0], at + 4
        elif kind == _BYTES:
            length, at = _varint(body, at)
            if at + length > len(body):
                raise IndexError
            raw, at = body[at : at + length], at + length
        else:
            raise IndexError
        yield number, kind, raw


def _varint(body: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the encoding's sign that more comes
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        if shift > 63:  # noqa: PLR2004 - ten bytes at most
            raise IndexError


def _scalar(raw: Any, how: "Reading | Message") -> Any:  # noqa: ANN401 - by the wire
    is_bytes = isinstance(raw, memoryview)
    if isinstance(how, Message) or is_bytes != (how in {"text", "bytes"}):
        raise IndexError  # a field of another type than ours
    if how == "text":
        return str(raw, "utf-8")
    if how == "bytes":
        return base64.b64encode(raw).decode()
    if how == "double":
        return struct.unpack("<d", struct.pack("<Q", raw))[0]
    if how == "truth":
        return bool(raw)
    if how == "signed":
        return str(raw - (1 << 64) if raw & _SIGN else raw)  # as text: JSON's numbers are doubles
    return raw


def _of_json(plain: Mapping[str, Any], message: Message, depth: int = 0) -> dict[str, Any]:
    """Read protobuf's JSON: names in camel case, ids in hexadecimal digits."""
    if depth > 4 * _DEEPEST:
        raise ValueError("too deep")
    names = {_camel(name): (name, how, many) for name, how, many in message.fields.values()}
    found: dict[str, Any] = {}
    for key, value in plain.items():
        if key not in names or value is None:
            continue
        name, how, repeats = names[key]
        if repeats:
            found[name] = [_part_of_json(name, one, how, depth) for one in value]
        else:
            found[name] = _part_of_json(name, value, how, depth)
    return found


def _part_of_json(name: str, value: Any, how: "Reading | Message", depth: int) -> Any:  # noqa: ANN401 - JSON
    if isinstance(how, Message):
        return _of_json(value, how, depth + 1)
    if name.endswith("_id"):
        return base64.b64encode(binascii.unhexlify(value)).decode()
    if how == "whole":
        return _CODES.get(value, value) if name in {"code", "kind"} else int(value)
    return str(int(value)) if how == "signed" else value


_CODES: Mapping[str, int] = MappingProxyType(
    {
        "STATUS_CODE_UNSET": 0,
        "STATUS_CODE_OK": 1,
        "STATUS_CODE_ERROR": 2,
        "SPAN_KIND_INTERNAL": 1,
        "SPAN_KIND_SERVER": 2,
        "SPAN_KIND_CLIENT": 3,
        "SPAN_KIND_PRODUCER": 4,
        "SPAN_KIND_CONSUMER": 5,
    }
)


def _listed(plain: Mapping[str, Any], name: str) -> list[Any]:
    found = plain.get(name, [])
    if not isinstance(found, list):
        raise TypeError(name)
    return found


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
