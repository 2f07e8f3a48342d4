"""SQL on the metadata lives in the `store.py` of the room that owns the table.

`.importlinter` keeps SQLAlchemy itself there; this test keeps the transaction there: elsewhere
`scope.tx` may be handed on, and nothing else.  The suite for databases tries what they hand out.
"""

import ast
import re

from tests.architecture.sources import Source, sources

_HOMES = re.compile(
    r"bucle/(.+/store|drivers/.+|governance/(session|scope)|testing/contracts/database)\.py"
)
_HANDLES = frozenset({"tx", "connection"})
_METADATA_SQL = re.compile(
    r"\s*(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(UNIQUE\s+)?(TABLE|INDEX)\s+\w+"
    r"\s*\(|PRAGMA|ALTER\s+TABLE|BEGIN\s+IMMEDIATE)\b",
    re.IGNORECASE,
)


def test_a_transaction_is_used_in_stores_only() -> None:
    used = [f"{file.at(node)} calls {ast.unparse(node.func)}()"
            for file in _others() for node in ast.walk(file.tree)
            if isinstance(node, ast.Call) and _is_on_transaction(node.func)]  # fmt: skip
    assert used == []


def test_sql_that_writes_is_spelt_in_stores_only() -> None:
    spelt = [f"{file.at(node)} {node.value[:40]!r}"
             for file in _others() for node in ast.walk(file.tree)
             if isinstance(node, ast.Constant) and isinstance(node.value, str)
             and _METADATA_SQL.match(node.value)]  # fmt: skip
    assert spelt == []


def test_a_table_is_defined_in_a_store() -> None:
    defined = [file.at(node) for file in _others() for node in ast.walk(file.tree)
               if isinstance(node, ast.Call)
               and ast.unparse(node.func) in {"Table", "sa.Table", "sqlalchemy.Table"}
               and "sqlalchemy" in "\n".join(file.lines)]  # fmt: skip
    assert defined == []


def _others() -> list[Source]:
    return [file for file in sources() if not _HOMES.fullmatch(file.path)]


def _is_on_transaction(callee: ast.expr) -> bool:
    match callee:
        case ast.Attribute(value=ast.Name(id=name)):
            return name in _HANDLES
        case ast.Attribute(value=ast.Attribute(attr=name)):
            return name in _HANDLES
    return False
