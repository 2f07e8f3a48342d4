"""A package that is opened by name imports a file when a name of it is first used."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

OPEN = """
from bucle.base.lazy import open_by_name
open_by_name(__name__, {"diff": "diff far", "read": "read"})
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "a_lazy_room"
    folder.mkdir()
    (folder / "__init__.py").write_text(OPEN)
    (folder / "diff.py").write_text("far = 3\ndef diff(): return 'different'\n")
    (folder / "read.py").write_text("from a_lazy_room.diff import far\nread = far + 1\n")
    (folder / "store.py").write_text("rows = 5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("a_lazy_room")
    for name in [name for name in sys.modules if name.partition(".")[0] == "a_lazy_room"]:
        del sys.modules[name]


def loaded() -> set[str]:
    return {name.partition(".")[2] for name in sys.modules if name.startswith("a_lazy_room.")}


def test_a_file_is_imported_when_its_name_is_used_and_no_other_is(room: ModuleType) -> None:
    assert loaded() == set()
    assert room.far == 3
    assert loaded() == {"diff"}


def test_a_verb_wins_over_the_file_of_its_name_whoever_imports_that_first(
    room: ModuleType,
) -> None:
    assert room.read == 4  # `read` imports the file `diff`, which Python would leave as `room.diff`
    assert room.diff() == "different"
    importlib.import_module("a_lazy_room.diff")
    assert room.diff() == "different"


def test_a_file_without_a_verb_of_its_name_is_imported_as_ever(room: ModuleType) -> None:
    from a_lazy_room import diff, store  # type: ignore[import-not-found]

    assert store.rows == 5
    assert diff() == "different"
    assert room.store is store


def test_a_name_that_is_nowhere_is_an_attribute_error(room: ModuleType) -> None:
    with pytest.raises(AttributeError, match="a_lazy_room has no 'nothing'"):
        _ = room.nothing


def test_what_it_has_is_listed_before_it_is_used(room: ModuleType) -> None:
    assert {"diff", "far", "read"} <= set(dir(room))
