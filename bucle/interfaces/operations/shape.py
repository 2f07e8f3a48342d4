"""What a request looks like, asked of its record: for doors that fill one and explain one."""

import re
from collections.abc import Hashable, Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

Node = inspect.Type

_STEP = re.compile(r"\.([^.\[\]]+)|\[([^\]]*)\]")
_WORDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a time such as 2026-01-31T12:00:00Z",
    inspect.DateType: "a date such as 2026-01-31",
    inspect.AnyType: "any JSON value",
    inspect.CustomType: "a reference such as model:churn@3",
    inspect.NoneType: "null",
}
_SCALARS = (inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType)
_SEQUENCES = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)


@cache
def _type_info(kind: Hashable) -> Node:
    return inspect.type_info(kind)


def fields_of(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """Return a record's fields by their names on the wire."""
    node = _type_info(kind)
    assert isinstance(node, inspect.StructType)
    return {field.encode_name: field for field in node.fields}


def bare(node: Node) -> Node:
    """Return what a type is beneath its annotations and beside `None`."""
    if isinstance(node, inspect.Metadata):
        return bare(node.type)
    if isinstance(node, inspect.UnionType):
        rest = tuple(kind for kind in node.types if not isinstance(kind, inspect.NoneType))
        return bare(rest[0]) if len(rest) == 1 else inspect.UnionType(rest)
    return node


def item_of(node: Node) -> Node | None:
    """Return the type of a sequence's items; None if it is no sequence."""
    node = bare(node)
    return bare(node.item_type) if isinstance(node, _SEQUENCES) else None


def record_of(node: Node) -> type[msgspec.Struct] | None:
    """Return the record that a type is; None if it is no record."""
    node = bare(node)
    return node.cls if isinstance(node, inspect.StructType) else None


def description_of(node: Node) -> str:
    """Return what `msgspec.Meta` says about a field, or nothing."""
    extra = node.extra_json_schema if isinstance(node, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def allowed(node: Node) -> str:
    """Say in words what a value of this type may be."""
    node = bare(node)
    if (item := item_of(node)) is not None:
        return f"a list of {allowed(item)}"
    match node:
        case inspect.LiteralType() | inspect.EnumType():
            said = "one of: " + ", ".join(choices(node))
        case inspect.IntType() | inspect.FloatType():
            whole = "whole " if isinstance(node, inspect.IntType) else ""
            said = f"a {whole}number" + _bounds(node)
        case inspect.UnionType(types=types):
            said = " or ".join(allowed(kind) for kind in types)
        case inspect.StructType(fields=fields):
            said = "an object with " + ", ".join(field.encode_name for field in fields)
        case inspect.DictType(value_type=value):
            said = f"an object whose values are {allowed(value)}"
        case _:
            said = _WORDS.get(type(node), type(node).__name__.removesuffix("Type").lower())
    return said


def choices(node: Node) -> tuple[str, ...]:
    """Return the texts that a type allows, if they can be counted; else nothing."""
    node = bare(node)
    if isinstance(node, inspect.LiteralType):
        return tuple(str(value) for value in node.values)
    if isinstance(node, inspect.EnumType):
        return tuple(str(member.value) for member in node.cls)
    return ()


def node_at(kind: type[msgspec.Struct], path: str) -> Node | None:
    """Follow a path such as `$.kpi.name` or `$.files[0].digest`; None if it leads nowhere."""
    node: Node | None = _type_info(kind)
    for name, _ in _STEP.findall(path):
        if node is None:
            return None
        node = _step(bare(node), name)
    return node


def unknown_path(plain: Any, node: Node, path: str = "$") -> str | None:  # noqa: ANN401 - a door's raw input
    """Return the path of the first field that the record does not have, or None."""
    for step, value, inner in _inside(plain, bare(node)):
        if inner is None:
            return f"{path}{step}"
        if found := unknown_path(value, inner, f"{path}{step}"):
            return found
    return None


def _inside(plain: Any, node: Node) -> Iterator[tuple[str, Any, Node | None]]:  # noqa: ANN401 - as above
    """Yield what is in a value: the step to it, itself and its type; None for a type unknown."""
    item = item_of(node)
    if isinstance(item or node, _SCALARS):
        return
    if item is not None and isinstance(plain, list | tuple):
        yield from ((f"[{place}]", value, item) for place, value in enumerate(plain))
    elif isinstance(node, inspect.DictType) and isinstance(plain, dict):
        yield from ((f".{name}", value, node.value_type) for name, value in plain.items())
    elif isinstance(node, inspect.StructType) and isinstance(plain, dict):
        yield from ((f".{name}", value, _step(node, str(name))) for name, value in plain.items())


def _step(node: Node, name: str) -> Node | None:
    """Go to a field, or (without a name) to an item."""
    if isinstance(node, inspect.StructType):
        return next((field.type for field in node.fields if field.encode_name == name), None)
    if isinstance(node, inspect.DictType):
        return node.value_type
    return None if name else item_of(node)


def _bounds(node: inspect.IntType | inspect.FloatType) -> str:
    signs = {">": node.gt, ">=": node.ge, "<": node.lt, "<=": node.le}
    said = [f"{sign} {limit:g}" for sign, limit in signs.items() if limit is not None]
    return f" {' and '.join(said)}" if said else ""
