"""Write the typed rooms of the client from the operation table.

`python -m bucle.interfaces.client.generate` writes `rooms/`; a test says whether it is current.
It is committed, and not made at run time, so that editors and type checkers can read it.
"""

import shutil
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.errors import NotInstalled
from bucle.base.refs import Ref
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.rooms import ROOMS
from bucle.interfaces.operations.table import AnyOperation, rows_of

FOLDER = Path(__file__).parent / "rooms"
_NOTE = "Generated from the operation table: python -m bucle.interfaces.client.generate."
_SIMPLE = (str, int, float, bool, type(None))
# What a caller may give where a request has a ref or an upload.
_WIDER: dict[Any, tuple[type, ...]] = {Ref: (Ref, str), Upload: (Upload, Path, str, bytes)}


class _Names:
    """The imports that a file's annotations need."""

    def __init__(self) -> None:
        self._wanted: dict[str, tuple[str, str]] = {}  # name here -> module and name there

    def take(self, module: str, name: str) -> str:
        """Return how a class is written here; a second one of that name takes its room's too."""
        here = name
        if self._wanted.get(name, (module, name)) != (module, name):
            here = module.split(".")[-2].title().replace("_", "") + name
        self._wanted[here] = (module, name)
        return here

    def lines(self) -> Iterator[str]:
        """Yield the import statements."""
        for here, (module, name) in self._wanted.items():
            alias = "" if name == here else f" as {here}"
            yield f"from {module} import {name}{alias}"


def generate() -> dict[str, str]:
    """Return every file of `rooms/`, by its name."""
    rooms = {room: rows for room in ROOMS if (rows := rows_of(room))}
    files = {f"{room}.py": _room(room, rows) for room, rows in rooms.items()}
    return {
        name: _formatted(text)
        for name, text in (files | {"__init__.py": _index(list(rooms))}).items()
    }


def main() -> None:
    """Write the files, and remove those of rooms that are no more."""
    FOLDER.mkdir(exist_ok=True)
    files = generate()
    for stale in {path.name for path in FOLDER.glob("*.py")} - set(files):
        (FOLDER / stale).unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _room(room: str, rows: tuple[AnyOperation, ...]) -> str:
    names = _Names()
    methods = "\n".join(_method(row, names) for row in rows)
    head = [f'"""{ROOMS[room][0]}.\n\n{_NOTE}\n"""\n', *names.lines()]
    head.append("from bucle.interfaces.client.room import Room")
    return (
        "\n".join(head)
        + f'\n\n\nclass {_class_of(room)}(Room):\n    """{ROOMS[room][0]}."""\n\n{methods}'
    )


def _method(row: AnyOperation, names: _Names) -> str:
    parameters = _parameters(row, names)
    passed = "".join(f", {name}={name}" for name in row.request.__struct_fields__)
    call = f'self._call("{row.name}"{passed})'
    returned = _written(row.response, names, wider=False)
    body = call if returned == "None" else f"answer: {returned} = {call}\n        return answer"
    return (
        f"    def {row.verb}({', '.join(['self', *parameters])}) -> {returned}:\n"
        f'        """{row.summary}"""\n        {body}\n'
    )


def _parameters(row: AnyOperation, names: _Names) -> list[str]:
    """Return the parameters: positional ones first, the rest by keyword only."""
    hints = typing.get_type_hints(row.request)
    fields = {field.name: field for field in msgspec.structs.fields(row.request)}
    required = [name for name in fields if fields[name].required]
    first = list(row.positional)
    while any(
        fields[one].required and not fields[before].required for before, one in pairwise(first)
    ):
        first.pop()
    rest = sorted(
        (name for name in fields if name not in first), key=lambda name: name not in required
    )
    written = [_parameter(fields[name], hints[name], names) for name in (*first, *rest)]
    return [*written[: len(first)], *(["*"] if rest else []), *written[len(first) :]]


def _parameter(field: msgspec.structs.FieldInfo, hint: Any, names: _Names) -> str:  # noqa: ANN401 - any type
    kind = _written(hint, names, wider=True)
    if field.required:
        return f"{field.name}: {kind}"
    if _is_plain(field.default):
        return f"{field.name}: {kind} = {field.default!r}"
    unset = names.take("msgspec", "UnsetType")
    if unset not in kind.split(" | "):
        kind += f" | {unset}"
    return f"{field.name}: {kind} = {names.take('msgspec', 'UNSET')}"


def _written(hint: Any, names: _Names, *, wider: bool) -> str:  # noqa: ANN401 - any type
    """Write a type as source; `wider` also takes what the client turns into it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return " | ".join(dict.fromkeys(_written(one, names, wider=wider) for one in inner))
    if origin is typing.Literal:
        return f"{names.take('typing', 'Literal')}[{', '.join(repr(one) for one in inner)}]"
    if origin is not None:
        return _generic(origin, inner, names, wider=wider)
    choices = _WIDER.get(hint, (hint,)) if wider else (hint,)
    return " | ".join(_name(choice, names) for choice in choices)


def _name(kind: Any, names: _Names) -> str:  # noqa: ANN401 - any type
    if kind is None or kind is type(None):
        return "None"
    return str(kind.__name__) if kind.__module__ == "builtins" else names.take(*_place(kind))


def _place(kind: Any) -> tuple[str, str]:  # noqa: ANN401 - any type
    """Return where a class is imported from; `pathlib` hides its own in a private module."""
    if kind is Any:
        return "typing", "Any"
    return kind.__module__.replace("pathlib._local", "pathlib"), kind.__name__


def _generic(origin: Any, inner: tuple[Any, ...], names: _Names, *, wider: bool) -> str:  # noqa: ANN401 - any type
    several = [one for one in inner if one is not Ellipsis]
    parts = ", ".join(_written(one, names, wider=wider) for one in several)
    if wider and origin in {tuple, list} and (origin is list or Ellipsis in inner):
        return f"{names.take('collections.abc', 'Sequence')}[{parts}]"
    if wider and origin is dict:
        return f"{names.take('collections.abc', 'Mapping')}[{parts}]"
    name = _name(origin, names)
    return f"{name}[{parts}{', ...' if Ellipsis in inner else ''}]"


def _index(rooms: list[str]) -> str:
    imports = "\n".join(
        f"    from bucle.interfaces.client.rooms.{room} import {_class_of(room)}" for room in rooms
    )
    properties = "\n".join(_property(room, _class_of(room)) for room in rooms)
    return f'''"""The rooms of the client.

{_NOTE}
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
{imports}


class Rooms:
    """Every room, imported when it is used."""

    def call(self, operation: str, /, **fields: Any) -> Any:
        """Run an operation by its name: the client's own affair."""
        raise NotImplementedError

{properties}'''


def _property(room: str, kind: str) -> str:
    return (
        f"    @cached_property\n"
        f'    def {room}(self) -> "{kind}":\n'
        f'        """{ROOMS[room][0]}."""\n'
        f"        from bucle.interfaces.client.rooms.{room} import {kind}"
        "  # lazy: when used\n\n"
        f"        return {kind}(self.call)\n"
    )


def _class_of(room: str) -> str:
    return f"{room.title()}Room"


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_plain(one) for one in value)
    return type(value) in _SIMPLE


def _formatted(text: str) -> str:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        raise NotInstalled("ruff formats what is generated", hint="pip install ruff")
    for command in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(  # noqa: S603 - a developer's tool on text of ours
            [ruff, *command, "--stdin-filename", str(FOLDER / "room.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


if __name__ == "__main__":
    main()
