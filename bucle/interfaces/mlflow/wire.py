"""Requests of the protocol as records: JSON bodies, or a query's texts.

The client writes protobuf's JSON: whole numbers may come as text, fields that it knows and we
do not may come too, and are left unread.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from bucle.base.codec import convert
from bucle.base.errors import Invalid

Q = TypeVar("Q", bound=msgspec.Struct)
_LISTS = (inspect.ListType, inspect.VarTupleType)


def of_body(kind: type[Q], body: bytes, path_values: Mapping[str, str]) -> Q:
    """Make a request of a JSON body, and of the values in the path.

    Raises:
        Invalid: not JSON, a value of another type, or a NUL character, which no database holds.
    """
    if b"\\u0000" in body or b"\x00" in body:
        raise Invalid("the request holds a NUL character", hint="leave it out")
    try:
        if not path_values:
            return msgspec.json.decode(body or b"{}", type=kind, strict=False)
        plain = msgspec.json.decode(body or b"{}")
    except msgspec.MsgspecError as error:
        raise Invalid(_words(str(error))) from error
    if not isinstance(plain, dict):
        raise Invalid("the body is not a JSON object")
    return of_plain(kind, plain | dict(path_values))


def of_query(kind: type[Q], query: Mapping[str, list[str]], path_values: Mapping[str, str]) -> Q:
    """Make a request of a query; a field that is a list takes every value of its name.

    Raises:
        Invalid: a value of another type.
    """
    lists = _list_fields(kind)
    plain: dict[str, Any] = {
        name: values if name in lists else values[-1] for name, values in query.items()
    }
    if any("\x00" in value for values in query.values() for value in values):
        raise Invalid("the request holds a NUL character", hint="leave it out")
    return of_plain(kind, plain | dict(path_values))


def of_plain(kind: type[Q], plain: Mapping[str, Any]) -> Q:
    """Make a request of plain values.

    Raises:
        Invalid: a value of another type, or a missing one.
    """
    try:
        return convert(plain, kind, strict=False)
    except Invalid as error:
        raise Invalid(_words(error.message)) from error


@cache
def _list_fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return frozenset(
        field.encode_name for field in info.fields if isinstance(_bare(field.type), _LISTS)
    )


def _bare(node: inspect.Type) -> inspect.Type:
    if isinstance(node, inspect.UnionType):
        return next(part for part in node.types if not isinstance(part, inspect.NoneType))
    return node


def _words(message: str) -> str:
    return f"Invalid value in the request: {message}"
