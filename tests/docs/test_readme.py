"""What the README shows is run: its Python, and each command that it types."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bucle.base.settings import Settings
from bucle.interfaces.cli.commands import COMMANDS
from bucle.interfaces.operations.rooms import ROOMS
from tests.docs.readme import READMES, ROOT, blocks, commands, make_targets

_TWO = (("make", "demo"), ("make", "test"))


@pytest.mark.parametrize("name", READMES)
def test_a_readme_starts_with_the_two_commands(name: str) -> None:
    assert commands(name)[:2] == _TWO


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_that_is_typed_exists(name: str) -> None:
    typed = {word for words in commands(name) if words[0] == "make" for word in words[1:]}
    text = (ROOT / name).read_text(encoding="utf-8")
    typed |= set(re.findall(r"`make ([a-z-]+)`", text))
    assert typed - make_targets() == set()


@pytest.mark.parametrize("name", READMES)
def test_every_extra_that_is_typed_exists(name: str) -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    typed = {extra
             for words in commands(name) if words[:2] == ("pip", "install")
             for extra in re.findall(r"\[(.+)\]", words[-1])[0].split(",")}  # fmt: skip
    assert typed - set(pyproject["project"]["optional-dependencies"]) == set()


@pytest.mark.parametrize("name", READMES)
def test_every_command_of_bucle_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = {words[1] for words in commands(name) if words[0] == "bucle"}
    named |= set(re.findall(r"`bucle ([a-z]+)", text))
    assert named - set(COMMANDS) - set(ROOMS) == set()


@pytest.mark.parametrize("name", READMES)
def test_every_setting_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = {found.lower() for found in re.findall(r"\bBUCLE_([A-Z_]+)", text)}
    assert named - set(Settings.__struct_fields__) == set()


@pytest.mark.parametrize("name", READMES)
def test_the_picture_says_in_words_what_it_shows(name: str) -> None:
    (image,) = re.findall(r"<img [^>]+>", (ROOT / name).read_text(encoding="utf-8"))
    assert len(re.findall(r'alt="([^"]+)"', image)[0].split()) > 8


@pytest.mark.parametrize("name", READMES)
def test_the_python_of_a_readme_runs_and_so_do_the_commands_after_it(
    name: str, tmp_path: Path
) -> None:
    _run(["-c", "\n".join(block.text for block in blocks(name, "python"))], tmp_path)
    for words in commands(name):
        if words[0] == "bucle":
            assert _run(["-m", *words], tmp_path).strip(), words


def _run(arguments: list[str], folder: Path) -> str:
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    environ = os.environ | {"BUCLE_HOME": str(folder / "home"), "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, env=environ, check=False,
                         capture_output=True, text=True)  # fmt: skip
    assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
    return ran.stdout
