"""The contracts must be able to fail: each is broken on purpose in a copy of the house."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = Path(__file__).with_name("import_contracts.py")

# (contract, file, line planted at its end)
BROKEN = [
    ("Imports go down the floors only", "base/refs.py", "import bucle.control"),
    (
        "A stage of the lifecycle knows only the stages before it",
        "lifecycle/charter/__init__.py",
        "import bucle.lifecycle.feedback",
    ),
    (
        "The doors stand beside each other, on the operation table",
        "interfaces/web/__init__.py",
        "import bucle.interfaces.api",
    ),
    ("Nobody inside imports the front door", "drivers/__init__.py", "import bucle"),
    (
        "A store is imported by its own room only",
        "control/__init__.py",
        "import bucle.lifecycle.planted.store",
    ),
    (
        "A driver's library and the web framework are imported in one place",
        "interfaces/api/__init__.py",
        "import litestar",
    ),
    ("No circle of modules", "base/verdict.py", "import bucle.base.clock"),
    ("No circle of modules", "base/errors.py", "import bucle.base.verdict"),
    ("No circle of modules", "base/verdict.py", "import bucle.base.errors"),
    ("No circle of packages, at any depth", "base/clock.py", "import bucle.base.verdict"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what lint-imports says about a copy of the house with every floor broken."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "bucle", copy / "bucle", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    (copy / "tests" / "architecture").mkdir(parents=True)
    shutil.copy(CONTRACTS, copy / "tests" / "architecture")
    planted = copy / "bucle" / "lifecycle" / "planted"
    planted.mkdir()
    (planted / "__init__.py").touch()
    (planted / "store.py").touch()
    for _, name, line in BROKEN:
        with (copy / "bucle" / name).open("a") as file:
            file.write(f"\n{line}\n")
    program = Path(sys.executable).with_name("lint-imports")
    asked = subprocess.run(
        [program, "--no-cache"], cwd=copy, check=False, capture_output=True, text=True
    )
    assert asked.returncode == 1, asked.stdout + asked.stderr
    return asked.stdout


@pytest.mark.parametrize("contract", sorted({contract for contract, _, _ in BROKEN}))
def test_a_planted_import_turns_its_contract_red(report: str, contract: str) -> None:
    (line,) = [line for line in report.splitlines() if line.startswith(contract)][:1]
    assert line.endswith("BROKEN"), report


def test_no_contract_is_left_without_a_way_to_break_it(report: str) -> None:
    assert " KEPT" not in report
