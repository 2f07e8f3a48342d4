"""A row of the operation table as a command: its fields as arguments and options."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from msgspec import inspect

from bucle.base.errors import STATUS, Invalid, Refused
from bucle.interfaces.cli.commands import RENDERERS
from bucle.interfaces.cli.context import common_options, open_client, said
from bucle.interfaces.cli.show import show
from bucle.interfaces.cli.talk import waiting
from bucle.interfaces.cli.tongue import Tongue
from bucle.interfaces.cli.words import word
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.filling import plain_of_text
from bucle.interfaces.operations.shape import (
    Node,
    bare,
    choices,
    description_of,
    fields_of,
    item_of,
    node_at,
    record_of,
)
from bucle.interfaces.operations.table import AnyOperation

_DEPTH = 3


def make_verb(row: AnyOperation, language: str) -> click.Command:
    """Return the command of an operation."""
    paths: dict[str, str] = {}
    parameters = [_argument(row, name, language) for name in row.positional]
    parameters += list(_options(row, language))
    for parameter in parameters:
        assert parameter.name
        paths[parameter.name] = parameter.name.replace("__", ".")

    def run(**given: Any) -> int:  # noqa: ANN401 - click's values
        texts = {paths[name]: _texts(row, paths[name], value) for name, value in given.items()}
        return _run(row, {name: values for name, values in texts.items() if values})

    command = Tongue(
        row.verb,
        callback=run,
        help=row.summary_es if language == "es" else row.summary,
        params=[*parameters, *common_options(language)],
    )
    command.language = language
    return command


def _run(row: AnyOperation, texts: dict[str, list[str]]) -> int:
    """Upload what is to be uploaded, call, show the answer, and return the exit code."""
    context = click.get_current_context()
    asked = said(context)
    fields = fields_of(row.request)
    client = open_client(context)
    files = {name for name in texts if name in fields and _takes_files(fields[name].type)}
    plain = plain_of_text(
        row.request, {name: values for name, values in texts.items() if name not in files}
    )
    paths: dict[str, Any] = {
        name: texts[name] if item_of(fields[name].type) else texts[name][0] for name in files
    }
    prepared, keep = client.prepare(row, plain | paths)
    with waiting(word("working", asked.language)):
        answer = client.run(row, prepared, strict=False)
    keep()
    if not asked.as_json and row.name in RENDERERS:
        module, _, function = RENDERERS[row.name].partition(":")
        getattr(import_module(module), function)(answer)
    else:
        show(answer, as_json=asked.as_json, language=asked.language)
    return 0 if row.is_good(answer) else STATUS[Refused][1]


def _argument(row: AnyOperation, name: str, language: str) -> click.Parameter:
    field = fields_of(row.request)[name]
    several = item_of(field.type) is not None
    metavar = word("FILE", language) if _takes_files(field.type) else name.upper()
    return click.Argument(
        [name], required=field.required, nargs=-1 if several else 1, metavar=metavar
    )


def _options(row: AnyOperation, language: str) -> Iterator[click.Parameter]:
    for name, field in fields_of(row.request).items():
        if name not in row.positional:
            yield from _options_of(name, field, language, depth=0)


def _options_of(
    path: str, field: inspect.Field, language: str, *, depth: int
) -> Iterator[click.Parameter]:
    """Yield the option of a field, and those of its own fields if it is a record."""
    node = bare(field.type)
    declared = [f"--{path.replace('_', '-')}", path.replace(".", "__")]
    if isinstance(node, inspect.BoolType):
        declared[0] += f"/--no-{path.replace('_', '-')}"
        yield click.Option(declared, default=None, help=description_of(field.type))
        return
    record = record_of(node)
    files = _takes_files(node)
    yield click.Option(
        declared,
        multiple=item_of(node) is not None or isinstance(node, inspect.DictType),
        type=_choice(node),
        required=field.required and depth == 0 and record is None,
        metavar=_metavar(node, language),
        help=description_of(field.type),
    )
    if record is not None and not files and depth < _DEPTH:
        for name, inner in fields_of(record).items():
            yield from _options_of(f"{path}.{name}", inner, language, depth=depth + 1)


def _takes_files(node: Node) -> bool:
    return Upload in {record_of(node), record_of(item_of(node) or node)}


def _choice(node: Node) -> click.ParamType[Any]:
    counted = [one for one in choices(item_of(node) or node) if one]  # empty: left out
    return click.Choice(counted) if counted else click.STRING


def _metavar(node: Node, language: str) -> str | None:
    if _takes_files(node):
        return word("FILE", language)
    node = item_of(node) or node
    match node:
        case inspect.LiteralType() | inspect.EnumType():
            return None  # click lists the choices
        case inspect.StructType():
            return "JSON|@" + word("FILE", language)
        case inspect.DictType():
            return word("NAME=VALUE", language)
        case inspect.IntType() | inspect.FloatType():
            return word("NUMBER", language)
    return word("TEXT", language)


def _texts(row: AnyOperation, path: str, value: Any) -> list[str]:  # noqa: ANN401 - click's value
    """Return an option's texts; of a record, `@file` stands for the JSON in the file."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    several = value if isinstance(value, tuple) else (value,)
    node = bare(node_at(row.request, f"$.{path}") or inspect.AnyType())
    if isinstance(item_of(node) or node, inspect.StructType | inspect.DictType):
        return [_content(one) for one in several]
    return list(several)


def _content(value: str) -> str:
    """Read `@file`, and `@-` from stdin."""
    if not value.startswith("@"):
        return value
    if value == "@-":
        return sys.stdin.read()
    try:
        return Path(value[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{value[1:]} can not be read: {error}", hint="@ names a text file"
        ) from error
