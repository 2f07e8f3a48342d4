"""Fill a request record: from text (path, query, command line) or from plain JSON values.

Every door does it here, so that a wrong value is told in the same words everywhere: the path
to it, what came and what is allowed.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from bucle.base.codec import convert, utc
from bucle.base.errors import Invalid
from bucle.interfaces.operations.shape import (
    Node,
    allowed,
    bare,
    fields_of,
    item_of,
    node_at,
    record_of,
    unknown_path,
)

Q = TypeVar("Q", bound=msgspec.Struct)
_PATH = re.compile(r"at `(\$[^`]*)`")
_LARGEST = 2**63
_MANY_DIGITS = re.compile(rb"[0-9]{19}")


def fill(kind: type[Q], plain: Mapping[str, Any], *, strict: bool = True) -> Q:
    """Make a request of plain values; `strict` takes no text for a number.

    Raises:
        Invalid: an unknown field, a missing one or a wrong value, with the path to it.
    """
    unknown = unknown_path(dict(plain), inspect.type_info(kind))
    if unknown:
        parent = record_of(node_at(kind, unknown.rpartition(".")[0]) or inspect.type_info(kind))
        fields = ", ".join(fields_of(parent or kind)) or "none"
        raise Invalid(f"there is no field {unknown}", hint=f"fields here: {fields}")
    _check_scalars(plain, "$")
    try:
        return convert(plain, kind, strict=strict)
    except Invalid as error:
        raise Invalid(error.message, hint=_hint(kind, error.message)) from error


def plain_of_text(kind: type[msgspec.Struct], texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Arrange texts as a record's plain values: `kpi.name=...` goes into `kpi`.

    A list takes each text as an item, a mapping takes `name=value`; either, and a record,
    takes JSON as well.

    Raises:
        Invalid: no such field, several values for one, or JSON that is none.
    """
    plain: dict[str, Any] = {}
    for name, values in texts.items():
        *parents, last = name.split(".")
        node = node_at(kind, f"$.{name}")
        if node is None:
            fields = ", ".join(fields_of(kind)) or "none"
            raise Invalid(f"there is no field $.{name}", hint=f"fields here: {fields}")
        place = plain
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise Invalid(f"$.{name} and its whole were both given", hint="give one of them")
        place[last] = _value(f"$.{name}", node, values)
    return plain


def text_of_plain(kind: type[msgspec.Struct], plain: Mapping[str, Any]) -> dict[str, list[str]]:
    """Write plain values as the texts that `plain_of_text` reads; `None` is left out."""
    nodes = {name: field.type for name, field in fields_of(kind).items()}
    texts: dict[str, list[str]] = {}
    for name, value in plain.items():
        if value is None:
            continue
        item = item_of(nodes[name])
        if item is None:
            texts[name] = [_text(nodes[name], value)]
        elif len(value) == 1 and not _text(item, value[0]).startswith("["):
            texts[name] = [_text(item, value[0])]
        elif len(value) > 1 and not isinstance(value[0], list | tuple):
            texts[name] = [_text(item, inner) for inner in value]
        else:
            texts[name] = [msgspec.json.encode(value).decode()]
    return texts


def fill_text(kind: type[Q], texts: Mapping[str, Sequence[str]]) -> Q:
    """Make a request of texts alone.

    Raises:
        Invalid: see `fill` and `plain_of_text`.
    """
    return fill(kind, plain_of_text(kind, texts), strict=False)


def _value(path: str, node: Node, texts: Sequence[str]) -> Any:  # noqa: ANN401 - any plain value
    item = item_of(node)
    if item is not None:
        if len(texts) == 1 and texts[0].startswith("["):
            return _json(path, texts[0])
        return [_scalar(path, item, text) for text in texts]
    kind = bare(node)
    if isinstance(kind, inspect.DictType) and not texts[0].startswith("{"):
        return dict(_pair(path, kind, text) for text in texts)
    if len(texts) > 1:
        raise Invalid(f"{path} was given {len(texts)} times", hint="give it once")
    return _scalar(path, node, texts[0])


def _scalar(path: str, node: Node, text: str) -> Any:  # noqa: ANN401 - any plain value
    kind = bare(node)
    if isinstance(kind, inspect.StructType | inspect.DictType):
        return _json(path, text)
    if isinstance(kind, inspect.AnyType):
        return _number_or_text(text)
    if isinstance(kind, inspect.DateTimeType):
        return _moment(text)
    if isinstance(kind, inspect.UnionType):
        numeric = (inspect.IntType, inspect.FloatType, inspect.BoolType)
        if any(isinstance(bare(choice), numeric) for choice in kind.types):
            return _number_or_text(text)
    return text


def _moment(text: str) -> str:
    """Complete a time that says less than JSON asks for: `2026-03-03T14:32`, `2026-03-03`.

    Without an offset it is UTC.  What is no time stays as it is, to be refused with its path.
    """
    try:
        return utc(datetime.fromisoformat(text)).isoformat()
    except (ValueError, OverflowError):
        return text


def _text(node: Node, value: Any) -> str:  # noqa: ANN401 - any plain value
    """Write one value so that `_scalar` reads it again."""
    if isinstance(value, str) and not isinstance(bare(node), inspect.AnyType | inspect.UnionType):
        return value
    return msgspec.json.encode(value).decode()


def _pair(path: str, node: inspect.DictType, text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"{path} got {text!r}", hint="write name=value")
    return name, _scalar(f"{path}.{name}", node.value_type, value)


def _json(path: str, text: str) -> Any:  # noqa: ANN401 - any plain value
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Invalid(
            f"{path} is not JSON: {error}", hint='write for example {"name": "value"}'
        ) from error


def _number_or_text(text: str) -> Any:  # noqa: ANN401 - any JSON scalar
    """Read `5`, `true`, `null` and `"5"` as JSON does, and what is no JSON as text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _check_scalars(value: object, path: str) -> None:
    """Refuse what no database holds: NUL in a text, a whole number beyond 64 bits."""
    if path == "$" and _is_plainly_fine(value):
        return
    if isinstance(value, str) and "\x00" in value:
        raise Invalid(f"{path} holds a NUL character", hint="leave it out")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise Invalid(f"{path} is a whole number beyond 64 bits", hint="write a smaller number")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_scalars(name, path)
            _check_scalars(inner, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _check_scalars(inner, f"{path}[{place}]")


def _is_plainly_fine(value: object) -> bool:
    """Tell at memory speed that nothing is wrong; a million metric points come this way."""
    try:
        text = msgspec.json.encode(value)
    except (TypeError, OverflowError, ValueError):
        return False
    return b"\\u0000" not in text and not _MANY_DIGITS.search(text)


def _hint(kind: type[msgspec.Struct], message: str) -> str:
    found = _PATH.search(message)
    node = node_at(kind, found.group(1)) if found else inspect.type_info(kind)
    return f"wanted: {allowed(node)}" if node is not None else ""
