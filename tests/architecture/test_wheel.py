"""What a user installs: the wheel holds the whole package and nothing else."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from bucle.base.version import __version__
from tests.architecture.sources import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """Return the names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("dist")
    # The build backend finds its program on PATH, beside the interpreter that runs us.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    build = "import sys, uv_build; uv_build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, folder], cwd=ROOT, check=True,
                   capture_output=True, env=os.environ | {"PATH": path})  # fmt: skip
    (built,) = folder.glob("*.whl")
    return frozenset(ZipFile(built).namelist())


def test_every_file_of_the_package_is_in_the_wheel(wheel: frozenset[str]) -> None:
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "bucle").rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    assert sorted(there - wheel) == []


def test_the_wheel_says_that_the_package_is_typed(wheel: frozenset[str]) -> None:
    assert "bucle/py.typed" in wheel


def test_nothing_but_the_package_is_in_the_wheel(wheel: frozenset[str]) -> None:
    prefix = f"bucle-{__version__}.dist-info/"
    assert sorted(name for name in wheel if not name.startswith(("bucle/", prefix))) == []


def test_the_licence_is_in_the_wheel(wheel: frozenset[str]) -> None:
    assert f"bucle-{__version__}.dist-info/licenses/LICENSE" in wheel


def test_the_version_is_said_once_and_the_same() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["version"] == __version__
