"""A clean virtual environment, installed from the versions that a run recorded.

What is installed is what the project and Bucle import, at the recorded versions; all that these
need in turn is held to the recorded versions too.  What else was installed there at the time
(editors, linters) can not have trained the model.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import msgspec

from bucle.base.digest import digest_value
from bucle.base.errors import Unavailable
from bucle.lifecycle.tracking import Environment

BUCLE = Path(__file__).resolve().parents[2]  # the package's own source
_OURS = re.compile(r"(PYTHON|BUCLE_|VIRTUAL_ENV|CONDA)")
_PLAIN = re.compile(r"(PATH|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|SYSTEMROOT)")
_READY = "ready"


class CleanEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter and the distributions that were asked for by name."""

    python: Path
    installed: tuple[str, ...]


def clean_environment(
    home: Path, recorded: Environment, folders: Iterable[Path], wanted: Iterable[str] = ()
) -> CleanEnvironment:
    """Return a virtual environment of the recorded versions, from the cache or installed now.

    Args:
        home: environments are kept below it, one per set of versions.
        recorded: what a run found installed.
        folders: source code; what it imports is installed.
        wanted: distributions to install besides.

    Raises:
        Unavailable: that Python is not here, or a distribution can not be had; it is named.
    """
    versions = dict(recorded.packages)
    modules = {name for folder in folders for name in imported_modules(folder)}
    roots = sorted({*distributions_of(modules), *wanted} & set(versions) - {"bucle", "pip"})
    pinned = tuple(f"{name}=={versions[name]}" for name in roots)
    series = ".".join(recorded.python.split(".")[:2])
    lock = [f"{name}=={version}" for name, version in recorded.packages if name != "bucle"]
    folder = home / "environments" / digest_value([series, pinned, lock])[:32]
    if not (folder / _READY).exists():
        _install(folder, _interpreter(series), pinned, lock)
    return CleanEnvironment(python=_python_of(folder), installed=pinned)


def imported_modules(folder: Path) -> set[str]:
    """Return the top-level modules that the Python files of a folder import."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        if {"site-packages", "testing"} & set(path.relative_to(folder).parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue  # a template, or no code of ours; if it runs, it fails by its own name
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names)


def distributions_of(modules: Iterable[str]) -> set[str]:
    """Return the distributions that hold these modules; one that is not here has their name."""
    owners = metadata.packages_distributions()
    found = {owner for name in modules for owner in owners.get(name, [name])}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def clean_environ(**more: str) -> dict[str, str]:
    """Return this process's environment without what would lead back to its packages or home."""
    kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    return kept | more


def plain_environ(**more: str) -> dict[str, str]:
    """Return what any machine's environment holds, and nothing that only this one's does."""
    kept = {name: value for name, value in os.environ.items() if _PLAIN.fullmatch(name)}
    return kept | more


def _install(folder: Path, python: str, pinned: tuple[str, ...], lock: list[str]) -> None:
    """Build beside the place, then rename: an environment is there whole or not at all."""
    draft = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        draft.mkdir(parents=True)
        _call([python, "-m", "venv", str(draft)], what=f"a virtual environment of {python}")
        constraints = draft / "constraints.txt"
        constraints.write_text("\n".join(lock) + "\n", encoding="utf-8")
        if pinned:
            _call(
            [str(_python_of(draft)), "-m", "pip", "install", "--quiet", "--no-input",
             "--disable-pip-version-check", "--constraint", str(constraints), *pinned],
            what="the recorded packages",
        )  # fmt: skip
        (draft / _READY).touch()
        try:
            draft.rename(folder)
        except OSError:
            if not (folder / _READY).exists():  # another rebuild was first, with the same
                raise
    except OSError as error:
        raise Unavailable(
            f"{folder} can not be written: {error.strerror}",
            hint="set BUCLE_HOME to a folder that you can write",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _call(command: list[str], *, what: str) -> None:
    done = subprocess.run(  # noqa: S603 - no shell; names and versions come from a recorded lock
        command, env=clean_environ(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line.upper()]
        said = " ".join((lines or done.stderr.splitlines())[:3]).strip()
        raise Unavailable(
            f"{what} could not be installed: {said[:600]}",
            hint="give the machine access to a package index that has them, or rebuild with "
            "--environment this",
        )


def _interpreter(series: str) -> str:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = sys.executable if series == here else shutil.which(f"python{series}")
    if found is None:
        raise Unavailable(
            f"the model was trained with Python {series}, which is not on this machine",
            hint=f"install python{series}, or rebuild with --environment this (Python {here})",
        )
    return found


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
