"""The locked requirements: complete, hashed, without an address, the same for all of us."""

import re
import tomllib
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT

_ADDRESS = re.compile(r"://|\bfile:|--(extra-)?index-url|--find-links|-i\s|\s@\s|#\s+via\b|(^|\s)/")
_NEVER = frozenset({"torch", "tensorflow", "jax"})
LOCKS = ("run", "dev", "spark")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_path(lock: str) -> None:
    named = [line for line in _text(lock).splitlines() if _ADDRESS.search(line)]
    assert named == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", _text(lock))
    bare = [entry.splitlines()[0] for entry in entries[1:] if "--hash=sha256:" not in entry]
    assert bare == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_declared_dependency_is_locked_within_its_range(lock: str) -> None:
    missing = [str(wanted) for wanted in _declared(lock)
               if not any(wanted.specifier.contains(found) for found in _locked(lock).get(
                   canonicalize_name(wanted.name), ()))]  # fmt: skip
    assert missing == [], "run make lock"


def test_running_and_developing_use_the_same_versions() -> None:
    dev = _locked("dev")
    differing = {name: found for name, found in _locked("run").items() if found != dev.get(name)}
    assert differing == {}
    assert set(_locked("spark")) == {"pyspark", "py4j"}


@pytest.mark.parametrize("lock", LOCKS)
def test_no_deep_learning_framework_is_pulled_in(lock: str) -> None:
    assert set(_locked(lock)) & _NEVER == set()


def test_each_direct_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    assert [line for line in block.splitlines() if "#" not in line] == []


def _text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")


@cache
def _locked(lock: str) -> dict[str, frozenset[str]]:
    """Return name -> versions: a universal lock may hold one per range of Python versions."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", _text(lock), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return {name: frozenset(versions) for name, versions in found.items()}


def _declared(lock: str) -> list[Requirement]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    extras = project["optional-dependencies"]
    if lock == "spark":  # what it needs besides is in the other locks
        return [Requirement(text) for text in extras[lock]]
    chosen = {"serve", "sklearn", "onnx", "pandas", "tune"}
    if lock == "dev":
        chosen = set(extras) - {"spark"}
    texts = [*project["dependencies"], *(text for extra in chosen for text in extras[extra])]
    for group in groups if lock == "dev" else {"build"}:
        texts += [text for text in groups[group] if isinstance(text, str)]
    wanted = [Requirement(text) for text in texts]
    return [requirement for requirement in wanted if requirement.name != project["name"]]
