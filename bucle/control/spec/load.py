"""Read `bucle.yaml` (or JSON) and say of every mistake the file, the line and what is allowed."""

import difflib
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from bucle.base.codec import convert
from bucle.base.errors import Invalid, NotFound

T = TypeVar("T")

_PATH = re.compile(r"at `(key in )?(\$[^`]*)`")
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")


def load_yaml(path: Path, kind: type[T], *, named: Collection[str] = ()) -> T:
    """Decode a file into a record.

    Args:
        path: the file.
        kind: the record.
        named: the sections of which each key is also the `name` of the record below it.

    Raises:
        NotFound: there is no such file.
        Invalid: not YAML, or not of that shape: `file:line: what is wrong`, with what is allowed.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist", hint="bucle init --template <name>") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 (byte {error.start})") from error
    return parse_yaml(text, kind, name=path.name, named=named)


def parse_yaml(
    text: str, kind: type[T], *, name: str = "bucle.yaml", named: Collection[str] = ()
) -> T:
    """Decode text into a record; `name` is what errors call the text."""
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Invalid(
            f"{name}:{line}: not YAML: {error.problem}",
            hint="look at the indentation and the quotes of this line",
        ) from error
    except ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise Invalid(
            f"{name}:{line}: not YAML: it holds the control character {chr(error.character)!r}",
            hint="delete that character",
        ) from error
    if not isinstance(tree, dict):
        raise Invalid(f"{name}:1: it holds no settings", hint="bucle init --template <name>")
    for section in named:
        _put_names(tree.get(section))
    try:
        return convert(_plain(tree), kind, strict=True)
    except Invalid as error:
        said = error.message.partition(": ")[2] or error.message
        raise _placed(said, tree, kind, name) from error


def line_of(text: str, where: str) -> int:
    """Return the line of a dotted path in text that was parsed before."""
    return _line(YAML(typ="rt").load(text), list(where.split(".")))


def _put_names(section: Any) -> None:  # noqa: ANN401 - a tree that was not checked yet
    if isinstance(section, dict):
        for key, node in section.items():
            if isinstance(node, dict):
                node["name"] = str(key)


def _plain(node: Any) -> Any:  # noqa: ANN401 - any YAML tree
    """Drop ruamel's round-trip types, which carry the lines."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for scalar in (bool, int, float, str):
        if isinstance(node, scalar):
            return scalar(node)
    return node


def _placed(said: str, tree: Any, kind: type, name: str) -> Invalid:  # noqa: ANN401 - a tree
    found = _PATH.search(said)
    steps = _PART.findall(found.group(2) if found else "$")
    parts, record = _follow(kind, tree, [key or index for key, index in steps])
    unknown = _UNKNOWN.search(said)
    line = _line(tree, [*parts, unknown.group(1)] if unknown else parts)
    where = ".".join(str(part) for part in parts)
    message = _PATH.sub("", said).rstrip(" -")
    hint = "bucle schema prints all that is allowed"
    if unknown:
        hint = _allowed(unknown.group(1), record)
        message = f"{unknown.group(1)!r} is not known"
    return Invalid(f"{name}:{line}: {f'in {where}: ' if where else ''}{message}", hint=hint)


def _line(tree: Any, parts: list[str | int]) -> int:  # noqa: ANN401 - a tree
    """Return the line of the deepest part of the path that is in the file."""
    line = 1
    node: Any = tree  # a ruamel mapping or list, which carries its lines
    for part in parts:
        try:
            lines: Any = node.lc
            place = lines.key(part) if isinstance(node, dict) else lines.item(part)
            line, node = place[0] + 1, node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


def _allowed(unknown: str, record: Any) -> str:  # noqa: ANN401 - a type
    if not _is_record(record):
        return ""
    names = [name for name in record.__struct_encode_fields__ if name != "name"]
    close = difflib.get_close_matches(unknown, names, n=1)
    allowed = f"allowed here: {', '.join(names)}"
    return f"did you mean {close[0]}? {allowed}" if close else allowed


def _follow(kind: Any, node: Any, steps: list[str]) -> tuple[list[str | int], Any]:  # noqa: ANN401 - types and trees
    """Walk a path down the tree and the types, and find which key `...` stands for.

    The decoder writes `[...]` for a key of a mapping; the key meant is the first whose value
    can not be decoded.
    """
    parts: list[str | int] = []
    for step in steps:
        kind = _bare(kind)
        part: str | int = int(step) if step.isdigit() and isinstance(node, list) else step
        if _is_record(kind):
            kind = get_type_hints(kind).get(step, object)
        else:
            kind = (get_args(kind) or (object,))[-1 if isinstance(node, dict) else 0]
            if step == "...":
                part = next((key for key in node if not _fits(node[key], kind)), step)
        parts.append(part)
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return parts, _bare(kind)


def _bare(kind: Any) -> Any:  # noqa: ANN401 - types
    """Return the record of `Record | None`, and any other type as it is."""
    return (
        next((one for one in get_args(kind) if _is_record(one)), kind)
        if type(None) in get_args(kind)
        else kind
    )


def _is_record(kind: Any) -> bool:  # noqa: ANN401 - types
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _fits(node: Any, kind: Any) -> bool:  # noqa: ANN401 - types and trees
    try:
        convert(_plain(node), kind, strict=True)
    except Invalid:
        return False
    return True
