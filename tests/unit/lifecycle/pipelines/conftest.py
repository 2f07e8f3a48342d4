"""A house with compute, and a user's project whose steps mark each of their executions."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bucle.governance.session import House, Session
from bucle.testing.houses import open_test_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_test_house(tmp_path / "home", compute_url="process:?workers=2")
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    return house.session()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def ran(folder: Path) -> Callable[[], list[str]]:
    """Return a function that says which steps ran so far, in their order."""

    def read() -> list[str]:
        marks = folder / "marks"
        return marks.read_text(encoding="utf-8").split() if marks.exists() else []

    return read
