"""Every row of the operation table keeps the promises that the doors rely on."""

import ast
import re
from importlib import import_module
from pkgutil import walk_packages

import msgspec
import pytest
from msgspec.inspect import IntType

import bucle
from bucle.drivers.db import metadata
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.shape import bare, fields_of
from bucle.interfaces.operations.table import ROOMS, AnyOperation, all_rows, rows_of
from tests.architecture.sources import Function, Source, functions, sources

ROWS = all_rows()
WRITING = [row for row in ROWS if row.writes]
_NAME = re.compile(r"[a-z]+\.[a-z][a-z_]*")
_FACT = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")  # the noun is a ref's kind: logged_model


def _named(row: AnyOperation) -> str:
    return row.name


@pytest.mark.parametrize("row", WRITING, ids=_named)
def test_a_writing_operation_requires_a_permission_to_write(row: AnyOperation) -> None:
    assert isinstance(row.permission, Permission)
    assert not row.permission.endswith(":read")


@pytest.mark.parametrize("row", WRITING, ids=_named)
def test_a_writing_operation_declares_facts_that_some_verb_records(row: AnyOperation) -> None:
    assert row.events, "declare what the verb records"
    assert set(row.events) - _recorded() == set()


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_a_reading_operation_records_nothing(row: AnyOperation) -> None:
    assert row.writes or row.events == ()


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_a_row_fits_its_verb(row: AnyOperation) -> None:
    fields = set(row.request.__struct_fields__)
    assert (row.run is None) != (row.work is None), "give run or work, not both"
    assert set(re.findall(r"{(\w+)}", row.path)) <= fields
    assert set(row.positional) <= fields


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_a_row_says_in_both_languages_what_its_verb_does(row: AnyOperation) -> None:
    assert row.summary.endswith(".")
    assert row.summary_es.endswith(".")
    assert row.summary != row.summary_es


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_a_request_and_a_response_can_be_described(row: AnyOperation) -> None:
    # What OpenAPI will do; a field that has no schema must not wait for that day.
    schemas, _ = msgspec.json.schema_components(
        (row.request, row.response), schema_hook=lambda _: {"type": "string"}
    )
    assert len(tuple(schemas)) == 2


@pytest.mark.parametrize("row", ROWS, ids=_named)
def test_a_listing_is_of_one_at_least(row: AnyOperation) -> None:
    limit = fields_of(row.request).get("limit")
    node = limit and bare(limit.type)
    assert not isinstance(node, IntType) or node.ge == 1, "take operations.fields.Limit"


@pytest.mark.parametrize("room", ROOMS)
def test_a_rows_name_starts_with_its_room(room: str) -> None:
    assert [row.name for row in rows_of(room) if row.room != room] == []
    assert [row.name for row in rows_of(room) if not _NAME.fullmatch(row.name)] == []


def test_no_two_operations_share_a_name_or_an_address() -> None:
    names = [row.name for row in ROWS]
    addresses = [(row.method, re.sub(r"{\w+}", "{}", row.path)) for row in ROWS]
    assert len(set(names)) == len(names)
    assert len(set(addresses)) == len(addresses)


def test_every_permission_is_asked_for_somewhere() -> None:
    asked = {node.attr
             for file in sources() if file.path != "bucle/governance/permissions.py"
             for node in ast.walk(file.tree)
             if isinstance(node, ast.Attribute)
             and ast.unparse(node.value) == "Permission"}  # fmt: skip
    assert {permission.name for permission in Permission} - asked == set()


def test_every_fact_is_called_noun_and_past_tense() -> None:
    assert sorted(name for name in _recorded() if not _FACT.fullmatch(name)) == []


def test_a_verb_that_records_a_fact_asks_first() -> None:
    unasked = [f"{file.at(function)} {function.name}"
               for file in sources() if file.path.startswith(("bucle/lifecycle", "bucle/control"))
               for function in functions(file)
               if function.args.args and function.args.args[0].arg == "scope"
               and not function.name.startswith("_")
               and "record" in _calls(function) and not _asks(file, function)]  # fmt: skip
    assert unasked == []


def test_every_table_has_a_project() -> None:
    _import_stores()
    without = [name for name, table in metadata.tables.items() if "project" not in table.columns]
    assert metadata.tables
    assert without == []


def _import_stores() -> None:
    for module in walk_packages(bucle.__path__, "bucle."):
        if module.name.endswith(".store"):
            import_module(module.name)


def _recorded() -> set[str]:
    """Return every name of a fact that is written out in a call of `record`."""
    return {text.value
            for file in sources() for node in ast.walk(file.tree)
            if isinstance(node, ast.Call) and node.args
            and isinstance(node.func, ast.Attribute) and node.func.attr == "record"
            for text in ast.walk(node.args[0])
            if isinstance(text, ast.Constant) and isinstance(text.value, str)}  # fmt: skip


def _asks(file: Source, function: Function) -> bool:
    """Tell whether a verb asks for a permission, itself or by a function of its own file."""
    called = {node.func.id for node in ast.walk(function)
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    mine = [other for other in functions(file) if other.name in called]
    return any("require" in _calls(one) for one in [function, *mine])


def _calls(function: ast.AST) -> set[str]:
    return {node.func.attr for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}  # fmt: skip
