"""A room that is opened by name says the same to Python, to the type checker and to readers."""

import ast
from importlib import import_module

import pytest

from tests.architecture.sources import Source, sources

_ROOMS = [
    file
    for file in sources()
    if any("open_by_name(__name__" in line for line in file.lines)
    and file.path.endswith("/__init__.py")
]


@pytest.mark.parametrize("file", _ROOMS, ids=lambda file: file.path)
def test_the_names_at_run_time_are_those_that_are_typed_and_listed(file: Source) -> None:
    package = file.path.removesuffix("/__init__.py").replace("/", ".")
    typed = {
        name.name: (node.module or "").removeprefix(f"{package}.")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.")
        for name in node.names
    }
    room = import_module(package)
    assert room.__dict__["_places"] == typed
    assert sorted(typed) == sorted(room.__all__)


@pytest.mark.parametrize("file", _ROOMS, ids=lambda file: file.path)
def test_every_name_leads_to_what_its_file_has(file: Source) -> None:
    room = import_module(file.path.removesuffix("/__init__.py").replace("/", "."))
    for name, place in room.__dict__["_places"].items():
        assert getattr(room, name) is getattr(import_module(f"{room.__name__}.{place}"), name)


def test_there_are_such_rooms() -> None:
    assert _ROOMS
