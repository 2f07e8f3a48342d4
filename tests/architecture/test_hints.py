"""What we tell people to type can be typed: hints and documentation against the real commands."""

import ast
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from bucle.interfaces.cli.context import Said
from bucle.interfaces.cli.root import make_root
from tests.architecture.sources import ROOT, sources

_SAMPLE = "x@1"  # stands for what a hint fills in
_COMMAND = re.compile(r"(?:^|: |; |`|\$ )bucle ([^`;,)#|\n]+)")
_PAGES = (
    "README.md",
    "README.es.md",
    "docs/howto/*.md",
    "docs/tutorial/*.md",
    "docs/reference/*.md",
)


def hints() -> Iterator[tuple[str, str]]:
    """Yield each `bucle ...` of a hint, with the place where it is written."""
    for source in sources("bucle"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                for text in _texts(node.value):
                    for found in _COMMAND.finditer(text):
                        yield f"{source.path}:{node.value.lineno}", found.group(1)


def documented() -> Iterator[tuple[str, str]]:
    """Yield each command of a code block of the documentation."""
    for pattern in _PAGES:
        for page in sorted(ROOT.glob(pattern)):
            text = page.read_text(encoding="utf-8")
            for block in re.findall(r"```(?:console|bash)\n(.*?)```", text, re.DOTALL):
                for line in block.splitlines():
                    if found := re.match(r"(?:\$ )?bucle ([^#|]+)", line):
                        yield str(page.relative_to(ROOT)), found.group(1)


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the strings of an expression, with a sample for what is filled in."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _SAMPLE for part in parts
            )
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
        case ast.BoolOp(values=several):
            for one in several:
                yield from _texts(one)


def _parse(line: str) -> None:
    """Parse a command line as the door would, down to the last option; nothing is run."""
    words = shlex.split(re.sub(r"<[^<>]+>", _SAMPLE, line))
    command: click.Command = make_root("en")
    context = command.make_context("bucle", words, obj=Said())
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = command.make_context(name, rest, parent=context)


def _complaint(line: str) -> str:
    """Return why a command line does not parse, or nothing."""
    try:
        _parse(line)
    except click.MissingParameter as error:
        return error.format_message()
    except click.BadParameter:
        return ""  # a sample is no role and no number
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize(("place", "line"), sorted({*hints(), *documented()}))
def test_what_people_are_told_to_type_can_be_typed(place: str, line: str) -> None:
    wrong = _complaint(line)
    assert not wrong, f"{place}: `bucle {line}`: {wrong}"


@pytest.mark.parametrize(
    "line", ["access tokken create", "charter set", "data log", "data log x y", "plan --nowhere"]
)
def test_what_can_not_be_typed_is_found(line: str) -> None:
    assert _complaint(line)
