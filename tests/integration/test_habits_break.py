"""The architecture tests must be able to fail: each habit is broken on purpose in a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# test that must turn red -> (file of the copy, text planted at its end)
BROKEN = {
    "test_files.py::test_no_file_is_longer_than_500_lines": ("base/long.py", "\n" * 501),
    "test_files.py::test_no_function_is_longer_than_60_lines": (
        "base/page.py", "def planted() -> None:\n" + "    print()\n" * 60),
    "test_files.py::test_no_function_has_more_than_six_parameters": (
        "base/digest.py", "def planted(a, b, c, *, d, e, f, g): ...\n"),
    "test_files.py::test_a_class_of_ours_is_inherited_from_at_most_once_in_a_row": (
        "base/clock.py", "class A: ...\nclass B(A): ...\nclass C(B): ...\n"),
    "test_files.py::test_no_function_changes_a_name_of_its_module": (
        "base/ids.py", "SEEN = []\ndef planted(): SEEN.append(1)\n"),
    "test_sql_in_stores.py::test_a_transaction_is_used_in_stores_only": (
        "lifecycle/charter/set.py", "def planted(scope): scope.tx.execute('')\n"),
    "test_sql_in_stores.py::test_sql_that_writes_is_spelt_in_stores_only": (
        "lifecycle/charter/set.py", "PLANTED = 'DELETE FROM charters'\n"),
    "test_sql_in_stores.py::test_a_table_is_defined_in_a_store": (
        "lifecycle/charter/read.py", "def planted(): return Table(1, None)  # sqlalchemy\n"),
    "test_banned_names.py::test_no_module_has_a_name_that_could_hold_anything": (
        "base/utils.py", ""),
    "test_banned_names.py::test_no_class_is_called_by_its_pattern": (
        "base/verdict.py", "class VerdictManager: ...\n"),
    "test_banned_names.py::test_no_function_just_processes_or_does": (
        "base/verdict.py", "def process_verdict(): ...\n"),
    "test_banned_names.py::test_no_parameter_is_called_data_info_obj_time_or_size": (
        "base/verdict.py", "def planted(data): ...\n"),
    "test_excepts.py::test_everything_is_caught_in_at_most_seven_places": (
        "base/graph.py", "try: ...\nexcept Exception: ...\n" * 6),
    "test_excepts.py::test_each_of_them_says_why_in_a_comment": (
        "base/graph.py", "try: ...\nexcept Exception: ...\n"),
    "test_imports_in_functions.py::test_our_own_modules_are_imported_at_the_head_of_a_file": (
        "governance/scope.py", "def planted():\n    import bucle.base.page\n"),
    "test_imports_in_functions.py::test_the_standard_library_is_imported_at_the_head_of_a_file": (
        "governance/scope.py", "def planted():\n    import json\n"),
    "test_operations.py::test_a_verb_that_records_a_fact_asks_first": (
        "lifecycle/charter/set.py", "def planted(scope): scope.record('charter.planted', None)\n"),
    "test_operations.py::test_every_fact_is_called_noun_and_past_tense": (
        "lifecycle/charter/set.py", "def planted(scope): scope.record('Planted!', None)\n"),
    "test_operations.py::test_every_table_has_a_project": (
        "lifecycle/charter/store.py", "Table('planted', metadata, Column('id', Integer))\n"),
    "test_operations.py::"
    "test_a_writing_operation_declares_facts_that_some_verb_records[charter.set]": (
        "lifecycle/charter/set.py", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the architecture tests say about a copy in which every habit is broken."""
    copy = tmp_path_factory.mktemp("house")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("bucle", "tests/architecture", "requirements"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    shutil.copy(ROOT / "tests" / "__init__.py", copy / "tests")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".importlinter"):
        shutil.copy(ROOT / name, copy)
    for name, text in BROKEN.values():
        with (copy / "bucle" / name).open("a") as file:
            file.write(f"\n{text}")
    # This verb no longer records what its row declares.
    charter = copy / "bucle" / "lifecycle" / "charter" / "set.py"
    charter.write_text(charter.read_text().replace('record("charter.set"', 'record("charter.sat"'))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
               "tests/architecture", "--deselect", "tests/architecture/test_floors_break.py",
               "--deselect", "tests/architecture/test_wheel.py"]  # fmt: skip
    asked = subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True)
    assert asked.returncode == 1, asked.stdout + asked.stderr
    return asked.stdout


@pytest.mark.parametrize("test", BROKEN)
def test_a_broken_habit_turns_its_test_red(report: str, test: str) -> None:
    assert f"FAILED tests/architecture/{test}" in report
